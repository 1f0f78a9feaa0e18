package rig

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// orderOf is a body of so many lines.
func orderOf(upc string, lines int) string {
	one := fmt.Sprintf(`{"itemId":"1","upc":%q,"location":"L","quantity":1}`, upc)
	return `{"lines":[` + strings.Repeat(one+",", lines-1) + one + `]}`
}

// TestParses: the handler to compare with reads what the workloads send, and refuses what is no order.
func TestParses(t *testing.T) {
	for _, lines := range []int{1, 500} {
		var order parsedOrder
		for range 2 { // the second time into used memory
			if body := orderOf("UPC-1", lines); !order.parse([]byte(body)) || len(order.lines) != lines {
				t.Fatalf("%d lines: not parsed: %s", lines, body)
			}
		}
		last := order.lines[lines-1]
		if string(last.location) != "L" || last.quantity != 1 || string(last.upc) != "UPC-1" {
			t.Fatalf("last line is %+v", last)
		}
	}
	if !(&parsedOrder{}).parse([]byte(" {} ")) {
		t.Error("nothing at all was not parsed")
	}
	for _, body := range []string{"", "{", "{}x", `{"lines":[}`, `{"lines":[{}]}x`, `{"lines":[{"upc":1}]}`,
		`{"lines":[{"quantity":"1"}]}`,
		`{"lines":[{"upc":"a\n"}]}`, `{"lines":[{"other":1}]}`, `{"orders":[]}`,
		`{"lines":[{"upc":"a"} {"upc":"b"}]}`} {
		if (&parsedOrder{}).parse([]byte(body)) {
			t.Errorf("parsed %q", body)
		}
	}
}

func TestConstantAnswers(t *testing.T) {
	f := func(method, body string, wantStatus int, want string) {
		t.Helper()
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod(method)
		ctx.Request.SetBodyString(body)
		parseOnly(&ctx)
		if ctx.Response.StatusCode() != wantStatus || !strings.Contains(string(ctx.Response.Body()), want) {
			t.Errorf("%s %s: %d %s; want %d and %s", method, body, ctx.Response.StatusCode(), ctx.Response.Body(),
				wantStatus, want)
		}
	}
	f("POST", orderOf("UPC-1", 1), 200, `"outcome":"allocated"`)
	f("POST", orderOf(SoldOutUPC, 1), 409, `"code":"insufficient"`)
	f("POST", `{}`, 200, `"outcome":"allocated"`)
	f("POST", `[]`, 400, ``)
	f("GET", ``, 200, `"records"`)
}

func TestCPUOf(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	before := CPUOf(os.Getpid())
	var order parsedOrder
	for body := []byte(orderOf("UPC-1", 500)); CPUOf(os.Getpid()) == before; { // one tick is enough
		order.parse(body)
	}
	if got := CPUOf(-1); got != 0 {
		t.Errorf("a process that does not exist has used %s", got)
	}
}
