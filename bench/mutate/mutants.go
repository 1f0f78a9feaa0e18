package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one file with one place broken.
type mutant struct {
	pkg         string // import path
	file        string // absolute
	name        string // of the file, from the module's root
	text        []byte // of the whole file, as it was when the run began
	at          int    // line
	start, end  int    // bytes of the file that are replaced
	replacement string
	how         string // for people
}

func (m *mutant) line() string { return fmt.Sprintf("%s:%d", m.name, m.at) }

// findMutants lists all possible mutants in the files of the run's packages, in the order of the source.
func findMutants(root string, packages []*goPackage) (mutants []*mutant, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		if !p.asked {
			continue
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return nil, err
			}
			found, err := mutantsOf(path, filepath.ToSlash(relative), text)
			if err != nil {
				return nil, err
			}
			for _, m := range found {
				m.pkg = p.ImportPath
			}
			mutants = append(mutants, found...)
		}
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("nothing to break in these packages")
	}
	return mutants, nil
}

// finder collects the mutants of one file.
type finder struct {
	path, name string
	text       []byte
	set        *token.FileSet
	mutants    []*mutant
}

func mutantsOf(path, name string, text []byte) ([]*mutant, error) {
	f := &finder{path: path, name: name, text: text, set: token.NewFileSet()}
	syntax, err := parser.ParseFile(f.set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt:
			f.negate(node.Cond)
		case *ast.ForStmt:
			if node.Cond != nil {
				f.negate(node.Cond)
			}
		case *ast.BinaryExpr:
			f.swap(node)
		case *ast.UnaryExpr:
			if node.Op == token.NOT {
				f.add(node.OpPos, node.OpPos+1, "", "! taken out of "+f.source(node))
			}
		case *ast.BasicLit:
			f.offByOne(node)
		case *ast.BlockStmt:
			f.drop(node.List)
		case *ast.CaseClause:
			f.drop(node.Body)
		case *ast.CommClause:
			f.drop(node.Body)
		case *ast.FuncDecl:
			f.forget(node.Type, node.Body)
		case *ast.FuncLit:
			f.forget(node.Type, node.Body)
		}
		return true
	})
	return f.mutants, nil
}

func (f *finder) add(from, to token.Pos, replacement, how string) {
	position := f.set.Position(from)
	f.mutants = append(f.mutants, &mutant{file: f.path, name: f.name, text: f.text, at: position.Line,
		start: position.Offset,
		end:   f.set.Position(to).Offset, replacement: replacement, how: how})
}

// sourceMax bounds the source in a row of the table.
const sourceMax = 60

// source is the text of a node on one line.
func (f *finder) source(node ast.Node) string {
	text := strings.Join(strings.Fields(string(f.text[f.set.Position(node.Pos()).Offset:f.set.Position(node.End()).
		Offset])), " ")
	if runes := []rune(text); len(runes) > sourceMax {
		text = string(runes[:sourceMax]) + "..."
	}
	return "`" + text + "`"
}

func (f *finder) negate(condition ast.Expr) {
	text := f.text[f.set.Position(condition.Pos()).Offset:f.set.Position(condition.End()).Offset]
	f.add(condition.Pos(), condition.End(), "!("+string(text)+")", "negated: "+f.source(condition))
}

// swapped maps an operator to one that is easily written by mistake.
var swapped = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.LAND: token.LOR,
	token.LOR: token.LAND,
}

func (f *finder) swap(e *ast.BinaryExpr) {
	if other, ok := swapped[e.Op]; ok {
		f.add(e.OpPos, e.OpPos+token.Pos(len(e.Op.String())), other.String(),
			fmt.Sprintf("%s for %s in %s", other, e.Op, f.source(e)))
	}
}

func (f *finder) offByOne(literal *ast.BasicLit) {
	if literal.Kind != token.INT {
		return
	}
	if n, err := strconv.ParseInt(literal.Value, 0, 64); err == nil {
		f.add(literal.Pos(), literal.End(), strconv.FormatInt(n+1, 10), fmt.Sprintf("%d for %s", n+1, literal.Value))
	}
}

// drop omits one statement that has an effect and declares nothing.
func (f *finder) drop(statements []ast.Stmt) {
	for _, statement := range statements {
		switch s := statement.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.SendStmt, *ast.GoStmt:
		default:
			continue
		}
		f.add(statement.Pos(), statement.End(), "", "left out: "+f.source(statement))
	}
}

// forget replaces a returned error by nil. It skips the returns of inner function literals.
func (f *finder) forget(function *ast.FuncType, body *ast.BlockStmt) {
	if body == nil || function.Results == nil {
		return
	}
	results := function.Results.List
	if last, ok := results[len(results)-1].Type.(*ast.Ident); !ok || last.Name != "error" {
		return
	}
	ast.Inspect(body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if len(node.Results) == function.Results.NumFields() {
				last := node.Results[len(node.Results)-1]
				if name, ok := last.(*ast.Ident); !ok || name.Name != "nil" {
					f.add(last.Pos(), last.End(), "nil", "no error for "+f.source(last))
				}
			}
		}
		return true
	})
}
