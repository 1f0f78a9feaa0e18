package rules

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// FuzzGenerated makes valid Lua from bytes, so that the fuzzer spends its time in the VM and the library.
func FuzzGenerated(f *testing.F) {
	for i := range 8 {
		seed := make([]byte, 64)
		for j := range seed {
			seed[j] = byte(j*j*(2*i+1) + 37*i)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data: data}
		source := g.source()
		p, _, err := Compile("fuzz", source, fuzzLimits)
		if err != nil {
			checkError(t, source, err)
			return
		}
		runBoth(t, source, p)
		_, _ = p.Test(context.Background())
	})
}

// generator writes a program from its data. At the end of the data it writes the simplest form.
type generator struct {
	data  []byte
	out   strings.Builder
	depth int
}

func (g *generator) choose(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return int(b) % n
}

func (g *generator) pick(list []string) string { return list[g.choose(len(list))] }

func (g *generator) source() string {
	g.out.WriteString("local a, b, c, up = {}, 'text', 3, {}\nlocal function help(x, y, ...)\n")
	g.block()
	g.out.WriteString("return x\nend\nfunction select(item, record)\nlocal x, y, t, s, n = item, record, {1, 2, 3, " +
		"k = {}}, 'abc', 7\n")
	g.block()
	fmt.Fprintf(&g.out, "return %s\nend\nfunction redistribute(x, y)\nlocal t, s, n, item, record = {}, '', 1, x, x\n",
		g.expression())
	g.block()
	fmt.Fprintf(&g.out, "return {weights = {{tags = {}, weight = %s}}}\nend\n", g.expression())
	return g.out.String()
}

func (g *generator) block() {
	g.depth++
	for range 1 + g.choose(4) {
		g.statement()
	}
	g.depth--
}

var (
	genNames = []string{"x", "y", "t", "s", "n", "a", "b", "c", "up", "item", "record", "help", "string", "table",
		"unknown"}
	genTargets = []string{"t.k", "t[n]", "t[#t + 1]", "t[s]", "x", "n", "s", "t", "a[1]", "up.x", "t.k.k", "t[t]",
		"t[8000]", "t[-1]", "t[1e9]", "s"}
	genFields = []string{"k", "tags", "segments", "available", "quantity", "attributes", "Channel", "n", "onHand"}
	genCalls  = []string{"help", "tostring", "tonumber", "type", "next", "unpack", "print", "assert", "error", "pairs",
		"ipairs",
		"table.insert", "table.remove", "table.sort", "table.concat", "math.floor", "math.random", "math.max",
		"math.fmod",
		"string.rep", "string.sub", "string.find", "string.match", "string.gsub", "string.format", "string.byte",
		"string.char", "string.upper", "string.gmatch"}
	genConstants = []string{"1", "0", "nil", "true", "''", "'%s*(a-)%d+$'", "'%5.2f%-9s%q'", "2^53", "1e308", "-1",
		"0/0", "1/0", "'x'", "8191", "100", "'[%a-z]*'", "'10'", "{}"}
	genOperators = []string{"+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"}
)

func (g *generator) statement() {
	if g.depth > 6 {
		g.out.WriteString("n = 1\n")
		return
	}
	switch g.choose(12) {
	case 0:
		g.out.WriteString("n = n + 1\n")
	case 1, 2, 3:
		fmt.Fprintf(&g.out, "%s = %s\n", g.pick(genTargets), g.expression())
	case 4:
		fmt.Fprintf(&g.out, "for i = %s, %s do\n", g.pick(genConstants), g.pick(genConstants))
		g.block()
		g.out.WriteString("end\n")
	case 5:
		fmt.Fprintf(&g.out, "for k, v in %s(%s) do\nt[k] = v\n", g.pick([]string{"pairs", "ipairs"}), g.pick(genNames))
		g.block()
		g.out.WriteString("end\n")
	case 6:
		fmt.Fprintf(&g.out, "while %s do\n", g.expression())
		g.block()
		g.out.WriteString("end\n")
	case 7:
		fmt.Fprintf(&g.out, "if %s then\n", g.expression())
		g.block()
		g.out.WriteString("else\n")
		g.block()
		g.out.WriteString("end\n")
	case 8:
		fmt.Fprintf(&g.out, "local %s = %s\n", g.pick([]string{"n", "s", "t", "x"}), g.expression())
	case 9:
		fmt.Fprintf(&g.out, "do local f = function(x, y, ...)\n")
		g.block()
		fmt.Fprintf(&g.out, "return %s end\n%s\nend\n", g.expression(),
			g.pick([]string{"f(f)", "table.sort(t, f)", "s = ('abc'):gsub('%w', f)", "t[f] = f",
				"n = f(n, unpack(t))"}))
	default:
		fmt.Fprintf(&g.out, "n = %s\n", g.call())
	}
}

func (g *generator) call() string {
	arguments := make([]string, g.choose(4))
	for i := range arguments {
		arguments[i] = g.expression()
	}
	return g.pick(genCalls) + "(" + strings.Join(arguments, ", ") + ")"
}

func (g *generator) expression() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 8 {
		return "n"
	}
	switch g.choose(10) {
	case 0, 1:
		return g.pick(genNames)
	case 2:
		return g.pick(genConstants)
	case 3:
		return "(" + g.expression() + " " + g.pick(genOperators) + " " + g.expression() + ")"
	case 4:
		return g.pick([]string{"-", "#", "not "}) + g.pick(genNames)
	case 5:
		return g.pick(genNames) + "." + g.pick(genFields)
	case 6:
		return "{" + g.expression() + ", k = " + g.expression() + ", " + g.call() + "}"
	case 7:
		return "t[" + g.expression() + "]"
	case 8:
		return "{{tags = " + g.pick([]string{"item.tags", "{Channel = 'Web'}", "t", "{[s] = s}"}) + ", keep = " +
			g.expression() + "}}"
	default:
		return g.call()
	}
}
