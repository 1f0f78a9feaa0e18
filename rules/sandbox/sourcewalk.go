package sandbox

import (
	"github.com/yuin/gopher-lua/ast"
)

// block walks statements in a scope of their own.
func (c *checker) block(list []ast.Stmt, depth int) {
	before := len(c.function.locals)
	c.statements(list, depth)
	c.function.locals = c.function.locals[:before]
}

func (c *checker) statements(list []ast.Stmt, depth int) {
	for _, s := range list {
		c.node(s.Line(), depth)
		c.statement(s, depth+1)
	}
}

// in walks statements with locals of their own, such as the variables of a loop.
func (c *checker) in(list []ast.Stmt, depth int, line int, names ...string) {
	before := len(c.function.locals)
	c.declare(line, names...)
	c.block(list, depth)
	c.function.locals = c.function.locals[:before]
}

func (c *checker) declare(line int, names ...string) {
	c.function.locals = append(c.function.locals, names...)
	c.registers(line, 0)
}

func (c *checker) statement(s ast.Stmt, depth int) {
	line := s.Line()
	switch s := s.(type) {
	case *ast.AssignStmt:
		c.assignment(s, depth)
	case *ast.LocalAssignStmt:
		if function, ok := localFunction(s); ok {
			c.declare(line, s.Names...)
			c.expression(function, depth)
			return
		}
		c.registers(line, max(c.list(s.Exprs, depth), len(s.Names)))
		c.declare(line, s.Names...)
	case *ast.FuncCallStmt:
		c.registers(line, c.expression(s.Expr, depth))
	case *ast.DoBlockStmt:
		c.block(s.Stmts, depth)
	case *ast.WhileStmt:
		c.registers(line, c.expression(s.Condition, depth))
		c.block(s.Stmts, depth)
	case *ast.RepeatStmt:
		before := len(c.function.locals)
		c.statements(s.Stmts, depth)
		c.registers(line, c.expression(s.Condition, depth))
		c.function.locals = c.function.locals[:before]
	case *ast.IfStmt:
		c.registers(line, c.expression(s.Condition, depth))
		c.block(s.Then, depth)
		c.block(s.Else, depth)
	case *ast.NumberForStmt:
		c.registers(line, 3+c.expression(s.Init, depth)+c.expression(s.Limit, depth)+c.optional(s.Step, depth))
		c.in(s.Stmts, depth, line, "(index)", "(limit)", "(step)", s.Name)
	case *ast.GenericForStmt:
		c.registers(line, 3+c.list(s.Exprs, depth))
		c.in(s.Stmts, depth, line, append([]string{"(generator)", "(state)", "(control)"}, s.Names...)...)
	case *ast.FuncDefStmt:
		c.functionStatement(s, depth)
	case *ast.ReturnStmt:
		c.registers(line, c.list(s.Exprs, depth))
	case *ast.BreakStmt:
	case *ast.GotoStmt, *ast.LabelStmt:
		c.refuse(line, "goto is not offered: use a loop or a function")
	default:
		c.refuse(line, "unknown statement %T", s)
	}
}

// localFunction finds "local function f": its body sees f.
func localFunction(s *ast.LocalAssignStmt) (ast.Expr, bool) {
	if len(s.Names) != 1 || len(s.Exprs) != 1 {
		return nil, false
	}
	function, ok := s.Exprs[0].(*ast.FunctionExpr)
	return function, ok
}

func (c *checker) assignment(s *ast.AssignStmt, depth int) {
	needed := 0
	for _, left := range s.Lhs {
		switch left := left.(type) {
		case *ast.IdentExpr:
			c.writes(left.Value, s.Line())
		case *ast.AttrGetExpr:
			needed += c.expression(left, depth) + 1
		default:
			c.refuse(s.Line(), "only a name or a field can be assigned to")
		}
	}
	c.registers(s.Line(), needed+max(c.list(s.Rhs, depth), len(s.Lhs)))
}

func (c *checker) functionStatement(s *ast.FuncDefStmt, depth int) {
	needed := 1
	if s.Name.Func == nil {
		needed += c.expression(s.Name.Receiver, depth)
		s.Func.ParList.Names = append([]string{"self"}, s.Func.ParList.Names...)
		c.expression(s.Func, depth)
		s.Func.ParList.Names = s.Func.ParList.Names[1:]
		c.constant(s.Line())
		c.registers(s.Line(), needed)
		return
	}
	switch name := s.Name.Func.(type) {
	case *ast.IdentExpr:
		c.writes(name.Value, s.Line())
	default:
		needed += c.expression(name, depth)
	}
	c.expression(s.Func, depth)
	c.registers(s.Line(), needed)
}

// list gives the registers that a list of expressions needs at most.
func (c *checker) list(list []ast.Expr, depth int) (needed int) {
	for i, e := range list {
		needed = max(needed, i+c.expression(e, depth))
	}
	return needed
}

func (c *checker) optional(e ast.Expr, depth int) int {
	if e == nil {
		return 0
	}
	return c.expression(e, depth)
}

// expression gives the registers that an expression needs at most.
func (c *checker) expression(e ast.Expr, depth int) int {
	line := e.Line()
	c.node(line, depth)
	depth++
	switch e := e.(type) {
	case *ast.NumberExpr:
		c.constant(line)
	case *ast.StringExpr:
		c.constant(line)
		if len(e.Value) > StringBytesMax {
			c.refuse(line, "a text of more than %d bytes", StringBytesMax)
		}
	case *ast.IdentExpr:
		c.reads(e.Value, line)
	case *ast.AttrGetExpr:
		return 1 + c.both(e.Object, e.Key, depth)
	case *ast.TableExpr:
		return c.table(e, depth)
	case *ast.FuncCallExpr:
		return c.call(e, depth)
	case *ast.LogicalOpExpr:
		return 1 + c.both(e.Lhs, e.Rhs, depth)
	case *ast.RelationalOpExpr:
		return c.both(e.Lhs, e.Rhs, depth)
	case *ast.StringConcatOpExpr:
		return c.both(e.Lhs, e.Rhs, depth)
	case *ast.ArithmeticOpExpr:
		if e.Operator == "%" {
			c.nodes += depth // the compiler may work it out again for each expression around it
		}
		return c.both(e.Lhs, e.Rhs, depth)
	case *ast.UnaryMinusOpExpr:
		return c.expression(e.Expr, depth)
	case *ast.UnaryNotOpExpr:
		return c.expression(e.Expr, depth)
	case *ast.UnaryLenOpExpr:
		return c.expression(e.Expr, depth)
	case *ast.FunctionExpr:
		c.newFunction(e, depth)
	case *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr, *ast.Comma3Expr:
	default:
		c.refuse(line, "unknown expression %T", e)
	}
	return 1
}

func (c *checker) both(x, y ast.Expr, depth int) int {
	return max(c.expression(x, depth), 1+c.expression(y, depth))
}

// fieldsPerFlush is how many elements of a constructor the compiler collects in registers.
const fieldsPerFlush = 50

func (c *checker) table(e *ast.TableExpr, depth int) int {
	if len(e.Fields) > ListMax {
		c.refuse(e.Line(), "a table with more than %d fields", ListMax)
	}
	needed, elements := 1, 0
	for _, f := range e.Fields {
		value := c.expression(f.Value, depth)
		held := 1 + elements%fieldsPerFlush
		if f.Key == nil {
			elements++
		} else {
			value = max(c.expression(f.Key, depth), 1+value)
		}
		needed = max(needed, held+value+1)
	}
	return needed
}

func (c *checker) call(e *ast.FuncCallExpr, depth int) int {
	needed := 2
	if e.Func != nil {
		needed = max(needed, c.expression(e.Func, depth))
	} else {
		c.constant(e.Line())
		needed = max(needed, c.expression(e.Receiver, depth)+2)
	}
	return max(needed, 2+c.list(e.Args, depth))
}

func (c *checker) newFunction(e *ast.FunctionExpr, depth int) {
	if c.functions++; c.functions > functionsMax {
		c.refuse(e.Line(), "more than %d functions", functionsMax)
	}
	c.function = &functionScope{outer: c.function, upvalues: map[string]bool{}}
	c.declare(e.Line(), e.ParList.Names...)
	c.block(e.Stmts, depth)
	c.function = c.function.outer
}
