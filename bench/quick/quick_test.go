package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

// TestBaselineParses: the handler to compare with reads what the workloads send, and refuses what is no order.
func TestBaselineParses(t *testing.T) {
	for _, lines := range []int{1, manyLines} {
		request := appendAllocate(nil, 7, stockLocation, lines)
		_, body, _ := bytes.Cut(request, []byte("\r\n\r\n"))
		var order parsedOrder
		for range 2 { // the second time into used memory
			if !order.parse(body) || len(order.lines) != lines {
				t.Fatalf("%d lines: not parsed: %s", lines, body)
			}
		}
		last := order.lines[lines-1]
		if string(last.location) != stockLocation || last.quantity != 1 || !strings.HasPrefix(string(last.upc), "UPC-") {
			t.Fatalf("last line is %+v", last)
		}
	}
	for _, body := range []string{"", "{", `{"lines":[}`, `{"lines":[{}]}x`, `{"lines":[{"upc":1}]}`, `{"lines":[{"quantity":"1"}]}`,
		`{"lines":[{"upc":"a\n"}]}`, `{"lines":[{"other":1}]}`, `{"orders":[]}`, `{"lines":[{"upc":"a"} {"upc":"b"}]}`} {
		if (&parsedOrder{}).parse([]byte(body)) {
			t.Errorf("parsed %q", body)
		}
	}
}

func TestReadReply(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 409 Conflict\r\nX: y\r\nContent-Length: 3\r\n\r\nabc"))
	if status, body, err := readReply(in); status != 200 || body != nil || err != nil {
		t.Fatalf("first reply: %d %q %v", status, body, err)
	}
	if status, body, err := readReply(in); status != 409 || string(body) != "abc" || err != nil {
		t.Fatalf("second reply: %d %q %v", status, body, err)
	}
	if _, _, err := readReply(in); err == nil {
		t.Fatal("a third reply")
	}
}

func TestMetric(t *testing.T) {
	text := []byte("a_sum 1\na_sum_other 2\nb 3.5e3\n")
	for name, want := range map[string]float64{"a_sum": 1, "b": 3500, "c": 0} {
		if got, err := metric(text, name); got != want || err != nil {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
}
