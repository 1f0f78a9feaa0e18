package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestNothingOutlivesCall: a call cannot leave anything behind in its state.
func TestNothingOutlivesCall(t *testing.T) {
	tests := []struct{ name, top, body, want string }{
		{"global", ``, `n = (n or 0) + 1`, "a global cannot be set"},
		{"global of the top level", `n = 0`, `n = n + 1`, "a global cannot be set"},
		{"global function", ``, `function helper() end`, "a global cannot be set"},
		{"hook itself", ``, `select = nil`, "a global cannot be set"},
		{"upvalue", `local n = 0`, `n = n + 1`, "a local of the top level cannot be set"},
		{"upvalue of a helper", `local n = 0 local function add() n = n + 1 end`, `add()`,
			"a local of the top level cannot be set"},
		{"upvalue in a table of functions", `local t = {} do local n = 0 function t.add() n = n + 1 end end`, `t.add()`,
			"a local of the top level cannot be set"},
		{"upvalue of an upvalue",
			`local function make() local n = 0 return function() n = n + 1 return n end end local count = make()`,
			`count()`, "a local of the top level cannot be set"},
		{"table", `local cache = {}`, `cache.x = 1`, "a table of the top level cannot be changed"},
		{"table, existing field", `local cache = {x = 0}`, `cache.x = cache.x + 1`, "a table of the top level " +
			"cannot be changed"},
		{"table in a table", `local cache = {{{}}}`, `cache[1][1].x = 1`, "a table of the top level cannot be changed"},
		{"table as a key", `local key = {} local cache = {[key] = 1}`, `for k in pairs(cache) do k.x = 1 end`,
			"a table of the top level cannot be changed"},
		{"table of a global", `cache = {}`, `cache[1] = 1`, "a table of the top level cannot be changed"},
		{"insert", `local cache = {}`, `table.insert(cache, 1)`, "a table of the top level cannot be changed"},
		{"remove", `local cache = {1, 2}`, `table.remove(cache)`, "a table of the top level cannot be changed"},
		{"sort", `local cache = {2, 1}`, `table.sort(cache)`, "a table of the top level cannot be changed"},
		{"library", ``, `string.upper = string.lower`, "a table of the top level cannot be changed"},
		{"library through a text", ``, `local s = "" s.x = 1`, "attempt to index a non-table object"},
		{"library, new field", ``, `math.seen = item`, "a table of the top level cannot be changed"},
		{"item", ``, `item.quantity = 5`, "attempt to index a non-table object(userdata)"},
		{"tags", ``, `item.tags.Channel = "x"`, "attempt to index a non-table object(userdata)"},
		{"attributes", ``, `item.attributes.x = "x"`, "attempt to index a non-table object(userdata)"},
		{"record", ``, `record.onHand = 1`, "attempt to index a non-table object(userdata)"},
		{"segment", ``, `record.segments[1].onHand = 1`, "attempt to index a non-table object(userdata)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := mustCompile(t, test.top+"\nfunction select(item, record)\n"+test.body+"\nend", Limits{})
			for range 2 {
				_, _, err := run(context.Background(), p, anInput())
				var runtime *RuntimeError
				if !errors.As(err, &runtime) || !strings.Contains(runtime.Message, test.want) || runtime.Line == 0 {
					t.Fatalf("got %v, want %q", err, test.want)
				}
			}
		})
	}
}

// TestCallStartsFresh: each call on a state finds the same state as the first call.
func TestCallStartsFresh(t *testing.T) {
	p := mustCompile(t, `
		local make = function() local n = 0 return function() n = n + 1 return n end end
		function select(item, record)
			local count = make()
			count()
			local list = record.segments
			assert(#list == 5 and list[1].tags.Channel == "Web", "the list of an earlier call")
			table.sort(list, function(a, b) return a.available > b.available end)
			table.remove(list)
			list.mine = true
			local tags = {}
			for k, v in pairs(item.attributes) do tags[#tags + 1] = k .. "=" .. v end
			return nil, count() .. " " .. math.random(1000) .. " " .. table.concat(tags, " ") .. " " .. item.tags.Channel
		end`, Limits{})
	for i := range 3 {
		attributes := map[string]string{fmt.Sprint("a", i): "1", "b": "2"}
		reason, _, err := run(context.Background(), p, &Input{Attributes: attributes, Seed: 9})
		if want := fmt.Sprintf("2 683 a%d=1 b=2 Amazon", i); err != nil || reason != want {
			t.Fatalf("%q, %v; want %q", reason, err, want)
		}
	}
}

// TestDeterminism: the same input and seed give the same answer and usage, on any state, one after another and in
// parallel.
func TestDeterminism(t *testing.T) {
	source := `function select(item, record)
		local t = {}
		for i = 1, 20 do t["k" .. math.random(1000)] = i end
		t[item], t[record], t[t], t[print] = 1, 2, 3, 4
		local out = {}
		for k, v in pairs(t) do out[#out + 1] = tostring(k) .. "=" .. tostring(v) end
		table.sort(out, function(a, b) return math.random() < 0.5 end)
		print(table.concat(out, " "), t, print, item, record, math.random(), {}, function() end)
		return nil, record.segments[math.random(5)].tags.Channel .. math.random(10)
	end`
	answer := func(p *Script, seed uint64) string {
		var o Output
		reason, usage, err := run(context.Background(), p, &Input{Seed: seed, Output: &o})
		return fmt.Sprint(reason, usage, err, o.Text())
	}
	p, other := mustCompile(t, source, Limits{}), mustCompile(t, source, Limits{})
	want := answer(p, 1)
	if strings.Contains(want, "0x") {
		t.Errorf("an address shows: %s", want)
	}
	if answer(p, 2) == want {
		t.Error("another seed gives the same answer")
	}
	if got := answer(other, 1); got != want {
		t.Errorf("another state:\n%s\n%s", got, want)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				if got := answer(p, 1); got != want {
					t.Errorf("again:\n%s\n%s", got, want)
				}
			}
		})
	}
	wait.Wait()
}

// TestErrors: an error names its line, and no memory address.
func TestErrors(t *testing.T) {
	tests := []struct{ body, want string }{
		{`local x = nil; return x.y`, `line 2: attempt to index a non-table object(nil) with key 'y'`},
		{`local x; return x[{}]`, `line 2: attempt to index a non-table object(nil) with key 'table'`},
		{`local x; return x[print]`, `line 2: attempt to index a non-table object(nil) with key 'function'`},
		{"\n\nerror('stop')", `line 4: stop`},
		{`error({code = 5})`, `line 2: table`},
		{`error()`, `line 2: nil`},
		{`error(function() end)`, `line 2: function`},
		{`assert(false)`, `line 2: assertion failed!`},
		{`assert(nil, "because")`, `line 2: because`},
		{`return record.onhand`, `line 2: record has no field "onhand"`},
		{`return record.segments[1].x`, `line 2: segment has no field "x"`},
		{`return item.qty`, `line 2: item has no field "qty"`},
		{`for k in pairs(record) do end`, `line 2: record cannot be walked with pairs: name its fields`},
		{`return 1 + {}`, `line 2: cannot perform add operation between number and table`},
		{`return {} .. "x"`, `line 2: cannot perform concat operation between table and string`},
		{`return {} < {}`, `line 2: attempt to compare table with table`},
		{`return #item`, `line 2: __len undefined`},
		{`return item()`, `line 2: attempt to call a non-function object`},
		{`return -record`, `line 2: __unm undefined`},
		{`return ("x"):rep(-1), ("x"):nothing()`, `line 2: attempt to call a non-function object`},
		{`return math.random(0)`, `line 2: math.random: there is no whole number between 1 and 0`},
		{`return ("x"):match("[")`, `line 2: pattern "[": [ without ]`},
		{`return ("x"):match("%")`, `line 2: pattern "%": ends with %`},
		{`return ("x"):match("(")`, `line 2: pattern "(": ( without )`},
		{`return ("x"):match(")")`, `line 2: pattern ")": ) without (`},
		{`return (("a"):rep(300)):match(("a?"):rep(300))`, `line 2: pattern "` + strings.Repeat("a?", 300) +
			`": too complex`},
		{`return unpack({}, 1, 1e9)`,
			`line 2: unpack: from 1 to 1000000000 must be places of a list, at most 256 of them`},
	}
	for _, test := range tests {
		if _, _, err := selectBody(t, test.body, Limits{}); err == nil || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", test.body, err, test.want)
		}
	}
}

// TestLanguage: the library gives Lua's answers.
func TestLanguage(t *testing.T) {
	tests := []struct{ expression, want string }{
		{`#"abc", ("abc"):len(), ("abc"):upper(), ("ABC"):lower(), ("abc"):reverse()`, "3 3 ABC abc cba"},
		{`("abcdef"):sub(2, 4), ("abcdef"):sub(-2), ("abcdef"):sub(0), ("abc"):sub(5) == ""`, "bcd ef abcdef true"},
		{`("abc"):byte(1, -1)`, "97 98 99"},
		{`string.char(97, 98), ("ab"):rep(3), ("ab"):rep(0) == ""`, "ab ababab true"},
		{`("hello world"):find("wor"), ("hello"):find("l"), ("hello"):find("xyz")`, "7 3 nil"},
		{`("a.b"):find(".", 1, true), ("a.b"):find("%.")`, "2 2 2"},
		{`("x"):find("[%dx]"), ("1"):find("[%dx]")`, "1 1 1"},
		{`("key = value"):match("^(%w+)%s*=%s*(%w+)$")`, "key value"},
		{`("WEB-1001"):match("^WEB%-(%d+)")`, "1001"},
		{`("  trim  "):match("^%s*(.-)%s*$")`, "trim"},
		{`("f(a(b)c)d"):match("%b()"), ("abc"):match("()b()")`, "(a(b)c) 2 3"},
		{`("x=1, y=2"):gsub("(%w)=(%w)", "%2=%1")`, "1=x, 2=y 2"},
		{`("hello"):gsub("l", {l = "L"}), ("abc"):gsub("%w", function(c) return c == "b" and "-" end), ("abc"):gsub("", "-")`, "heLLo a-c -a-b-c- 4"},
		{`("aaa"):gsub("a", "b", 2)`, "bba 2"},
		{`(function() local t = {} for w in ("one two"):gmatch("%a+") do t[#t+1] = w end return table.concat(t, "+") end)()`, "one+two"},
		{`("%5d|%-5s|%05.1f|%x|%q|%%"):format(42, "ab", 3.14159, 255, "q")`, `   42|ab   |003.1|ff|"q"|%`},
		{`tonumber("42"), tonumber(" 0x10 "), tonumber("1e2"), tonumber("ff", 16), tonumber("x"), tonumber("1_0"), tonumber("inf"), tonumber("")`, "42 16 100 255 nil nil nil nil"},
		{`tostring(1.5), tostring(1e15), tostring(nil), tostring(true), tostring({}), type(item), tostring(item)`,
			"1.5 1000000000000000 nil true table userdata item"},
		{`table.concat({1, 2, "x"}, "-"), table.concat({}) == "", table.concat({1, 2, 3}, ",", 2, 3)`,
			"1-2-x true 2,3"},
		{`unpack({1, 2, 3}, 2)`, "2 3"},
		{`math.floor(1.9), math.ceil(1.1), math.abs(-2), math.max(1, 3, 2), math.min(2, 1), math.sqrt(9), math.fmod(7, 3), 7 % 3, -7 % 3, 2 ^ 10`, "1 2 2 3 1 3 1 1 2 1024"},
		{`(function() local t = {3, 1, 2} table.sort(t) return table.concat(t, " ") end)()`, "1 2 3"},
		{`(function() local t = {1, 2, 3} table.insert(t, 2, "x") table.insert(t, "y") return table.concat(t, " ") .. table.remove(t, 1) .. table.remove(t) .. #t end)()`, "1 x 2 3 y1y3"},
		{`(function(...) return #{...}, ... end)(4, 5)`, "2 4 5"},
		{`next({}), next({7})`, "nil 1 7"},
		{`(function() local t = {} t[6e7] = 1 t[1e15] = 2 return #t, t[6e7] end)()`, "0 1"},
		{`(function() local function f(n) if n == 0 then return 0 end return f(n - 1) end return f(40) end)()`, "0"},
		{`(function() for k, v in pairs(item.tags) do return k .. v end end)(), item.tags.Nothing`,
			"ChannelAmazon nil"},
		{`(function() local n = 0 for i, s in ipairs(record.segments) do n = n + s.available end return n end)(), record.available`, "14865 14865"},
		{`record.version, record.floor, record.ltd, record.due, item.now, item.quantity, item.attributes.vip, item.attributes.x`, "7 3 12 false 1795500000000 4 yes nil"},
	}
	for _, test := range tests {
		body := "local t = {} for i, v in ipairs((function(...) local l = {} for i = 1, 12 do l[i] = " +
			"tostring((({...})[i])) end return l end)(" + test.expression +
			")) do t[i] = v end return nil, table.concat(t, ' ')"
		reason, _, err := selectBody(t, body, Limits{})
		if err != nil || !strings.HasPrefix(reason, test.want+" ") {
			t.Errorf("%s\n got %s, %v\nwant %s", test.expression, reason, err, test.want)
		}
	}
}
