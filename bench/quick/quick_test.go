package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestPlanCounts: a workload counts as many units as one of its requests has.
func TestPlanCounts(t *testing.T) {
	for _, group := range newPlan(nil, nil, 64).groups {
		for _, w := range group {
			want := 1
			if w.unit == "lines" {
				want = bytes.Count(w.request(nil, 1), []byte(`"upc"`))
			}
			if w.perRequest != want {
				t.Errorf("%s: a request has %d %s, %d are counted", w.name, want, w.unit, w.perRequest)
			}
		}
	}
}

// TestRequests: what is sent is HTTP with the length that it says, and JSON.
func TestRequests(t *testing.T) {
	for _, lines := range []int{1, manyLines} {
		request := appendAllocate([]byte("x"), 7, stockLocation, lines)
		head, body, _ := bytes.Cut(request, []byte("\r\n\r\n"))
		if want := []byte("xPOST /v1/orders/7/allocate HTTP/1.1\r\nHost: bench\r\n"); !bytes.HasPrefix(head, want) {
			t.Fatalf("head is %q", head)
		}
		var order struct {
			Lines []struct {
				UPC, Location string
				Quantity      int
			}
		}
		if err := json.Unmarshal(body, &order); err != nil || len(order.Lines) != lines {
			t.Fatalf("%v: %s", err, body)
		}
		if last := order.Lines[lines-1]; len(last.UPC) != len(upc(1)) || last.Location != stockLocation ||
			last.Quantity != 1 {
			t.Fatalf("last line is %+v", last)
		}
	}
}
