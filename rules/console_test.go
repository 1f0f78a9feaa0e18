package rules

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
)

// TestConsoleOffers: the console's editor completes exactly the fields that the views have.
func TestConsoleOffers(t *testing.T) {
	text, err := os.ReadFile("../httpapi/console/src/rules/offered.json")
	if err != nil {
		t.Fatal(err)
	}
	var offered struct{ Item, Record, Segment map[string]string }
	if err := json.Unmarshal(text, &offered); err != nil {
		t.Fatal(err)
	}
	fields := fieldsOfViews(t)
	for view, names := range map[string]map[string]string{"itemView": offered.Item, "recordView": offered.Record,
		"segmentView": offered.Segment} {
		if got, want := slices.Sorted(maps.Keys(names)), slices.Sorted(slices.Values(fields[view])); !slices.Equal(got,
			want) || len(want) == 0 {
			t.Errorf("offered.json has %v for %s, want %v", got, view, want)
		}
	}
}

// fieldsOfViews reads from views.go which fields each view has: the cases of its method Field.
func fieldsOfViews(t *testing.T) map[string][]string {
	file, err := parser.ParseFile(token.NewFileSet(), "views.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string][]string{}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Field" || f.Recv == nil {
			continue
		}
		view := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, name := range c.List {
					text, err := strconv.Unquote(name.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					fields[view] = append(fields[view], text)
				}
			}
			return true
		})
	}
	return fields
}
