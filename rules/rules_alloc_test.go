//go:build !race

package rules

import "testing"

// TestCallAllocations: a call allocates only the values that the rule makes, and the plan.
func TestCallAllocations(t *testing.T) {
	for _, test := range []struct {
		body string
		most float64
	}{
		{`return none`, 0},
		{`local n = 0 for i = 1, 100 do n = n + i % 7 end return none`, 4},
		{`return {{tags = item.tags}}`, 14},
	} {
		p := mustCompile(t, "local none = {}\nfunction select(item, record)\n"+test.body+"\nend", Limits{})
		in := &Input{Item: anItem(), Record: fiveSegments()}
		allocs := testing.AllocsPerRun(200, func() {
			if _, _, err := p.Select(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > test.most {
			t.Errorf("%s: %v allocations, at most %v", test.body, allocs, test.most)
		}
	}
}
