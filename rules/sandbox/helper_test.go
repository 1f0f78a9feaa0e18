package sandbox

import (
	"context"
	"maps"
	"slices"
	"testing"
)

// testFunctions are the functions that the tests' sources may define.
var testFunctions = []string{"select", "redistribute"}

// okSelect is the shortest source that defines a function.
const okSelect = "function select() return nil, 'no' end\n"

// fixture is an Object with fixed fields. Without entries it is not walked.
type fixture struct {
	kind   string
	fields map[string]Value
	lists  map[string][]Value // fields with a list for this call
	made   map[string]Value
}

func (f *fixture) Kind() string { return f.kind }

func (f *fixture) Field(c Caller, name string) (Value, bool) {
	values, ok := f.lists[name]
	if !ok {
		v, ok := f.fields[name]
		return v, ok
	}
	if v, ok := f.made[name]; ok {
		return v, true
	}
	list := c.NewList(len(values))
	for _, v := range values {
		list.Append(v)
	}
	f.made[name] = list.Value()
	return list.Value(), true
}

// entries is a Walkable of texts.
type entries struct {
	kind  string
	texts map[string]string
	names []string
}

func (e *entries) Kind() string { return e.kind }

func (e *entries) Field(_ Caller, name string) (Value, bool) {
	if text, ok := e.texts[name]; ok {
		return Text(text), true
	}
	return Nil, true
}

func (e *entries) Walk(c Caller) int {
	c.ChargeEntries(len(e.texts))
	e.names = slices.Sorted(maps.Keys(e.texts))
	return len(e.texts)
}

func (e *entries) Entry(i int) (name, value string) {
	return e.names[i], e.texts[e.names[i]]
}

// Input is the input of the tests' select, besides five segments.
type Input struct {
	Quantity   int64
	Attributes map[string]string
	Seed       uint64
	Output     *Output
}

func (in *Input) item() Value {
	return NewObject(&fixture{kind: "item", fields: map[string]Value{"quantity": Whole(in.Quantity),
		"now":  Whole(1_795_500_000_000),
		"tags": NewObject(&entries{kind: "tags", texts: map[string]string{"Channel": "Amazon"}}),
		"attributes": NewObject(
			&entries{kind: "attributes", texts: in.Attributes})}})
}

// fiveSegments is a record of five segments with 1,000 to 5,000 units.
func fiveSegments() Value {
	var segments []Value
	for i, name := range []string{"Web", "Amazon", "Kibo", "Store", "Outlet"} {
		n := int64(1000 * (i + 1))
		segments = append(segments, NewObject(&fixture{kind: "segment", fields: map[string]Value{"onHand": Whole(n),
			"available": Whole(n - int64(11*i) - 5),
			"tags":      NewObject(&entries{kind: "tags", texts: map[string]string{"Channel": name}})}}))
	}
	return NewObject(&fixture{kind: "record", fields: map[string]Value{"onHand": Whole(15_000),
		"available": Whole(14_865), "version": Whole(7), "floor": Whole(3), "ltd": Whole(12), "due": Bool(false)},
		lists: map[string][]Value{"segments": segments}, made: map[string]Value{}})
}

func anInput() *Input {
	return &Input{Quantity: 4, Attributes: map[string]string{"vip": "yes", "country": "DE", "age": "7"}}
}

func mustCompile(t testing.TB, source string, limits Limits) *Script {
	t.Helper()
	p, _, err := Compile(source, testFunctions, limits)
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, source)
	}
	return p
}

// run calls select and returns its second result.
func run(ctx context.Context, p *Script, in *Input) (reason string, usage Usage, err error) {
	s, err := p.State()
	if err != nil {
		return "", Usage{}, err
	}
	_, second, err := s.Call(ctx, &Call{Function: "select", Seed: in.Seed, Output: in.Output}, in.item(),
		fiveSegments())
	usage = s.Usage()
	if err == nil {
		reason, _ = second.Text()
		p.Reuse(s)
	}
	return reason, usage, err
}

// selectBody compiles the body of a select and runs it.
func selectBody(t testing.TB, body string, limits Limits) (reason string, usage Usage, err error) {
	t.Helper()
	p := mustCompile(t, "function select(item, record)\n"+body+"\nend", limits)
	in := anInput()
	in.Seed = 1
	return run(context.Background(), p, in)
}
