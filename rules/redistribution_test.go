package rules

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"apportion/engine"
)

// conditions is a schema with a distributed Channel and a discrete Condition.
func conditions() *Schema {
	s := channels(5000, 3000, 2000)
	s.Categories = append(s.Categories, engine.Category{Name: "Condition", Values: []engine.Value{
		{Name: "New", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
		{Name: "Used", Percent: engine.NoPercent, Max: engine.NoMax}}})
	return s
}

// TestRedistribution: every kind of answer of a redistribute hook.
func TestRedistribution(t *testing.T) {
	segment := func(channel, condition string, onHand, allocated int64) Segment {
		return Segment{Tags: []engine.Tag{tag("Channel", channel), tag("Condition", condition)}, OnHand: onHand,
			Allocated: allocated}
	}
	record := &Record{Schema: conditions(), Segments: []Segment{
		segment("Web", "New", 60, 10), segment("Amazon", "New", 5, 15), // 40 available
		segment("Web", "Used", 7, 0),
		segment("Kibo", "Used", 0, 9), // -2 available with Web, Used
	}}
	tests := []struct{ body, want string }{
		{`return {weights={{tags={}, weight=1}, {tags={Channel="Amazon"}, weight=1}}}`,
			`Web,New 20/30; Amazon,New 20/35`},
		{`return {weights={{tags={Channel="Amazon"}, weight=0.25}}}`, `Amazon,New 40/55; Web,New 0/10`},
		{`return {weights={{tags={Channel="Kibo"}, weight=1}, {tags={Channel="Web"}, weight=2}}}`,
			`Kibo,New 13/13 new; Web,New 27/37; Amazon,New 0/15`},
		{`return {units={{tags=record.segments[1].tags, units=1}, {tags=record.segments[2].tags, units=39}}}`,
			`Web,New 1/11; Amazon,New 39/54`},
		{`return {weights={{tags={}, weight=1}}, across={"Channel", "Condition"}}`,
			`Web,New 38/48; Amazon,New 0/15; Web,Used 0/0; Kibo,Used 0/9`},
		{`return {weights={{tags={Condition="Used"}, weight=1}}}`, `unchanged: nothing is available`},
		{`return {weights={{tags={Condition="Used"}, weight=1}, {tags={}, weight=1}}}`,
			`Web,New 40/50; Amazon,New 0/15`},
		{`return nil, "as it is"`, `unchanged: as it is`},
		{`return nil`, `reason: must be a text that says why, as in: return nil, "why"; is a nil`},
		{`return {units={{tags={}, units=41}}}`,
			`units[1]: the units of its tag group add up to 41, but must add up to the 40 that are available`},
		{`return {units={{tags={Condition="Used"}, units=0}}}`,
			`units[1]: its tag group has -2 units available: there are none to divide, leave its segments out`},
		{`return {units={{tags={}, units=-1}}}`, `units[1].units: must be between 0 and 1000000000000000, is -1`},
		{`return {units={{tags={}, units=1.5}}}`, `units[1].units: must be a whole number of units, is 1.5`},
		{`return {units={{tags={}}}}`, `units[1].units: must be given`},
		{`return {weights={{tags={}, units=5}}}`, `weights[1].units: unknown field; known are tags, weight`},
		{`return {weights={{tags={}, weight=-1}}}`, `weights[1].weight: must be a finite number of 0 or more, is -1`},
		{`return {weights={{tags={}, weight=0/0}}}`, `weights[1].weight: must be a finite number of 0 or more, is NaN`},
		{`return {weights={{tags={}, weight=math.huge}}}`,
			`weights[1].weight: must be a finite number of 0 or more, is +Inf`},
		{`return {weights={{tags={}, weight={}}}}`,
			`weights[1].weight: must be a finite number of 0 or more, is table`},
		{`return {weights={{tags={}, weight=0}}}`,
			`weights[1]: the weights of its tag group are all 0: give one of them more, or leave its segments out to keep them as they are`},
		{`return {weights={{tags={}, weight=1}, {tags={Channel="Web"}, weight=1}}}`,
			`weights[2]: is for the same segment as entry 1 (Channel=Web,Condition=New): one of them is enough`},
		{`return {weights={{tags={Channel="Store"}, weight=1}}}`,
			`weights[1].tags.Channel: the category has no value "Store"`},
		{`return {weights={{tags={Colour="red"}, weight=1}}}`,
			`weights[1].tags.Colour: the schema has no such category; it has Channel, Condition`},
		{`return {weights={}}`, `weights: is empty; to change nothing: return nil, "why"`},
		{`return {}`, `result: must have either weights or units`},
		{`return {weights={}, units={}}`, `result: must have either weights or units`},
		{`return {{tags={}, weight=1}}`, `result[1]: unknown field: must be a table of fields, not a list`},
		{`return 5`, `result: must be a table, is a number`},
		{`return {weights=5}`, `weights: must be a list, is a number`},
		{`return {weights={{tags={}, weight=1}}, across={}}`,
			`across: is empty: name the categories between whose values units may move, or leave it out`},
		{`return {weights={{tags={}, weight=1}}, across={"Colour"}}`,
			`across[1]: the schema has no category "Colour"; it has Channel, Condition`},
		{`return {weights={{tags={}, weight=1}}, across={5}}`,
			`across[1]: the schema has no category "5"; it has Channel, Condition`},
		{`local c = schema.categories[1]; assert(c.name == "Channel" and c.distributed and c.values[2].value == "Amazon" and c.values[2].percent == 30 and c.values[1].default and c.values[1].max == nil); c.name = "x"`, `line 2: a table of the top level cannot be changed when a rule runs, since nothing outlives a call: make one in the function`},
	}
	for _, test := range tests {
		p := mustCompile(t, "function redistribute(record, schema)\n"+test.body+"\nend", Limits{})
		s, _, err := p.Redistribute(t.Context(), &Input{Record: record})
		got := showRedistribution(s)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.body, got, test.want)
		}
	}
	discrete := &Record{Schema: channels(engine.NoPercent, engine.NoPercent),
		Segments: []Segment{{Tags: channel("Web"), OnHand: 1}}}
	p := mustCompile(t, `function redistribute() return {weights={{tags={}, weight=1}}} end`, Limits{})
	if _, _, err := p.Redistribute(t.Context(), &Input{Record: discrete}); err == nil ||
		!strings.HasPrefix(err.Error(), "across: must be given, since the schema has no category with percents") {
		t.Errorf("nothing is distributed: %v", err)
	}
}

func showRedistribution(s Redistribution) string {
	if s.Unchanged {
		return "unchanged: " + s.Reason
	}
	var all []string
	for _, target := range s.Targets {
		line := fmt.Sprintf("%s,%s %d/%d", target.Tags[0].Value, target.Tags[1].Value, target.Available, target.OnHand)
		if target.New {
			line += " new"
		}
		all = append(all, line)
	}
	return strings.Join(all, "; ")
}

// TestRedistributionConserves: for any answer of a rule, each tag group keeps its units on hand, and each segment its
// promises.
func TestRedistributionConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Record{Schema: conditions()}
		onHand, promised := map[string]int64{}, map[string]int64{}
		var lines []string
		for _, condition := range []string{"New", "Used"} {
			for _, name := range []string{"Web", "Amazon", "Kibo"} {
				tags := []engine.Tag{tag("Channel", name), tag("Condition", condition)}
				if rapid.Bool().Draw(t, "there") {
					s := Segment{Tags: tags, OnHand: rapid.Int64Range(0, 50).Draw(t, "on hand"),
						Allocated: rapid.Int64Range(0, 20).Draw(t, "allocated"),
						Pending:   rapid.Int64Range(0, 9).Draw(t, "pending"), SafetyStock: rapid.Int64Range(0, 9).
								Draw(t, "safety")}
					r.Segments = append(r.Segments, s)
					onHand[condition] += s.OnHand
					promised[TagsText(tags)] = s.promised()
				}
				if rapid.Bool().Draw(t, "named") {
					lines = append(lines, fmt.Sprintf("{tags={Channel=%q, Condition=%q}, weight=%d}", name, condition,
						rapid.IntRange(1, 9).Draw(t, "weight")))
				}
			}
		}
		if len(lines) == 0 {
			return
		}
		p, _, err := Compile("test", "function redistribute() return {weights={"+strings.Join(lines, ",")+"}} end",
			Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := p.Redistribute(t.Context(), &Input{Record: r})
		if err != nil {
			t.Fatal(err)
		}
		after := map[string]int64{}
		for i, target := range s.Targets {
			if target.Available < 0 || target.OnHand != promised[TagsText(target.Tags)]+target.Available {
				t.Errorf("target %d: %+v", i, target)
			}
			after[target.Tags[1].Value] += target.OnHand
		}
		for condition, units := range after {
			if units != onHand[condition] {
				t.Errorf("%s had %d units, has %d", condition, onHand[condition], units)
			}
		}
	})
}

// TestLargestRemainder: each segment gets its exact share, rounded down or up. The sum is the total, the larger
// fractions are rounded up, and among equal fractions those with more current units.
func TestLargestRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.OneOf(rapid.Just(0.0), rapid.Map(rapid.IntRange(0, 10), func(i int) float64 {
			return float64(i)
		}),
			rapid.Float64Range(0, math.MaxFloat64), rapid.Float64Range(0, 1e-300))
		weights := rapid.SliceOfN(weight, 1, 8).Draw(t, "weights")
		total := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, engine.RecordUnitsMax)).Draw(t, "total")
		sum := new(big.Rat)
		for _, w := range weights {
			sum.Add(sum, new(big.Rat).SetFloat64(w))
		}
		if sum.Sign() == 0 {
			return
		}
		units := LargestRemainder(total, weights, nil)
		if got := sumOf(units); got != total {
			t.Fatalf("%v add up to %d, not %d", units, got, total)
		}
		fractions := make([]*big.Rat, len(weights))
		for i, w := range weights {
			exact := new(big.Rat).SetFloat64(w)
			exact.Mul(exact, new(big.Rat).SetInt64(total)).Quo(exact, sum)
			fractions[i] = new(big.Rat).Sub(exact, new(big.Rat).SetInt64(units[i]))
			if one := big.NewRat(1, 1); fractions[i].Cmp(one) >= 0 || fractions[i].Cmp(new(big.Rat).Neg(one)) <= 0 {
				t.Fatalf("%d of %v: %d units are not the share %v rounded", i, weights, units[i], exact)
			}
		}
		for i := range weights {
			for j := range weights {
				// i was rounded up and j down, so i's fraction must not be smaller.
				if fractions[i].Sign() < 0 && fractions[j].Sign() > 0 && new(big.Rat).
					Add(fractions[i], big.NewRat(1, 1)).Cmp(fractions[j]) < 0 {
					t.Fatalf("%v of %v: %d was rounded up before %d", units, weights, i, j)
				}
			}
		}
		if again := LargestRemainder(total, weights, units); fmt.Sprint(again) != fmt.Sprint(units) {
			t.Fatalf("%v is moved to %v", units, again)
		}
	})
	for _, test := range []struct {
		total   int64
		weights []float64
		current []int64
		want    string
	}{
		{10, []float64{1, 1, 1}, nil, "[4 3 3]"},
		{10, []float64{1, 1, 1}, []int64{3, 3, 4}, "[3 3 4]"},
		{3, []float64{1, 2, 3}, nil, "[1 1 1]"},
		{1, []float64{0, 5e-324, 0}, nil, "[0 1 0]"},
		{1_000_000_000_000_000, []float64{1, 2}, nil, "[333333333333333 666666666666667]"},
	} {
		if got := fmt.Sprint(LargestRemainder(test.total, test.weights, test.current)); got != test.want {
			t.Errorf("%d by %v: %s, want %s", test.total, test.weights, got, test.want)
		}
	}
}
