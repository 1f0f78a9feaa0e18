package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// Each supported member of a request has a case, which runs with and without the member. The case must hold in the
// first run and fail in the second, so that it detects an ignored member.

// memberCase is a request whose reply depends on a member.
type memberCase struct {
	op     string // as in docs/kibo.md, with values for the path's parameters
	member string // as in testdata/kibo/members.txt
	body   string // or the query of a GET
	look   string // the call with the checked reply; empty: the request itself
	want   string // JSON in the reply, or the status of an error
}

const membersFile = "testdata/kibo/members.txt"

// directTransport passes requests to a server without a connection: there are hundreds of worlds, and a connection is
// slow to close.
type directTransport struct{ server *Server }

// RoundTrip calls the server's handler.
func (d directTransport) RoundTrip(_ *fasthttp.HostClient, request *fasthttp.Request, response *fasthttp.Response) (
	retry bool, err error) {
	var ctx fasthttp.RequestCtx
	ctx.Init(request, nil, nil)
	d.server.handle(&ctx)
	ctx.Response.CopyTo(response)
	return false, nil
}

// newKiboWorld makes a server with some data of each kind: see the calls.
func newKiboWorld(t *testing.T, spec *kiboSpec) *kiboClient {
	t.Helper()
	store := newTestStore()
	server, err := newServer(Config{Log: slog.New(slog.DiscardHandler)}, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	client := &fasthttp.Client{ConfigureClient: func(hc *fasthttp.HostClient) error {
		hc.Transport = directTransport{server}
		return nil
	}}
	c := &kiboClient{&testServer{t: t, store: store, server: server, client: client}, spec}
	c.store.mu.nowMS = kiboNowMS
	for _, call := range []struct{ path, body string }{
		{kiboV1 + "tagCategory", channel},
		{kiboV1 + "tagCategory", `{"name":"Grade","tags":[{"tagValue":"New","isDefault":true},{"tagValue":"Used"}]}`},
		{kiboV1 + "location", `{"locationCode":"1","latitude":52.52,"longitude":13.405}`},
		{kiboV1 + "location", `{"locationCode":"2","latitude":53.55,"longitude":9.99,"directShip":false}`},
		{kiboV1 + "location", `{"locationCode":"3","transferEnabled":false}`},
		{kiboV1 + "location", `{"locationCode":"4","pickup":false}`},
		{kiboV1 + "location", `{"locationCode":"5","includeInAggregate":false}`},
		{kiboV1 + "location", `{"locationCode":"6","includeInLocationExport":false}`},
		{kiboV1 + "locationGroup", `{"locationGroupCode":"g","locationCodes":["2"]}`},
		{kiboV5 + "/refresh",
			`{"locationCode":"1","userID":5,"items":[{"upc":"A","quantity":10,"safetyStock":2},{"upc":"A","quantity":5,"tags":{"Channel":"Store"}},
			{"upc":"A","quantity":1,"tags":{"Grade":"Used"}},{"upc":"B","quantity":3},{"upc":"D","quantity":3},
			{"upc":"A","quantity":7,"deliveryDate":"2026-12-24T00:00:00Z"},{"upc":"A","quantity":2,"deliveryDate":"2027-01-10T00:00:00Z"}]}`},
		{kiboV5 + "/refresh",
			`{"locationCode":"2","items":[{"upc":"A","quantity":4},{"upc":"B","quantity":20},{"upc":"F","quantity":1},{"upc":"H","quantity":1}]}`},
		{kiboV5 + "/refresh",
			`{"locationCode":"3","items":[{"upc":"A","quantity":6},{"upc":"F","quantity":1},{"upc":"N","quantity":1,"safetyStock":5},
			{"upc":"A","quantity":1,"deliveryDate":"2027-02-01T00:00:00Z"}]}`},
		{kiboV5 + "/adjust", `{"locationCode":"4","items":[{"upc":"F","quantity":1}]}`},
		{kiboV5 + "/adjust", `{"locationCode":"5","items":[{"upc":"F","quantity":1}]}`},
		{kiboV5 + "/adjust", `{"locationCode":"6","items":[{"upc":"F","quantity":1}]}`},
		{kiboV5 + "/blockAssignment", `{"locationCode":"2","items":[{"upc":"H","blockAssignment":true}]}`},
		{kiboV5 + "/allocate", kiboItems(kiboItem(1, 1, 3, "A", "1", ""), kiboItem(1, 2, 1, "B", "1", ""))},
		{kiboV5 + "/allocate",
			`{"items":[{"orderID":2,"orderItemID":1,"shipmentID":8,"upc":"D","quantity":5,"locationCode":"1"}]}`},
		{kiboV5 + "/allocate", `{"items":[{"cartID":"c","cartItemID":"x","upc":"A","quantity":1,"locationCode":"3"},
			{"cartID":"c","orderItemID":4,"shipmentID":6,"upc":"B","quantity":1,"locationCode":"2"}]}`},
	} {
		c.must("POST", call.path, call.body)
	}
	return c
}

// ask sends a call written as "METHOD path", with the body or the query.
func (c *kiboClient) ask(op, body string) (status int, value any, text string) {
	c.t.Helper()
	method, path, _ := strings.Cut(op, " ")
	if strings.HasPrefix(path, "/v1/") { // native API
		status, text = c.send(method, path, body)
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			c.t.Fatalf("%s %s answers %d, no JSON: %q", method, path, status, text)
		}
		return status, value, text
	}
	if !strings.HasPrefix(path, "/") {
		path = "/commerce/inventory/" + path
	}
	if strings.HasPrefix(body, "?") {
		return c.call(method, path+strings.ReplaceAll(body, `"`, "%22"), "")
	}
	return c.call(method, path, body)
}

// holds reports whether the case holds with a body.
func (m *memberCase) holds(c *kiboClient, body string) (ok bool, text string) {
	c.t.Helper()
	status, value, text := c.ask(m.op, body)
	if len(m.want) == 3 {
		return fmt.Sprint(status) == m.want, text
	}
	if m.look != "" && status == 200 {
		method, rest, _ := strings.Cut(m.look, " ")
		path, body, _ := strings.Cut(rest, " ")
		status, value, text = c.ask(method+" "+path, body)
	}
	var wanted any
	if err := json.Unmarshal([]byte(m.want), &wanted); err != nil {
		c.t.Fatalf("the test's own JSON %s: %v", m.want, err)
	}
	return status == 200 && contains(value, wanted), text
}

// without is the body without the member.
func (m *memberCase) without(t *testing.T) string {
	t.Helper()
	if name, ok := strings.CutPrefix(m.member, "?"); ok {
		query, err := url.ParseQuery(m.body[1:])
		if err != nil || !query.Has(name) {
			t.Fatalf("%s has no %s: %v", m.body, name, err)
		}
		query.Del(name)
		return "?" + query.Encode()
	}
	var body any
	in := json.NewDecoder(strings.NewReader(m.body))
	in.UseNumber()
	if err := in.Decode(&body); err != nil {
		t.Fatalf("%s: %v", m.body, err)
	}
	if removed := removeMember(body, strings.Split(m.member, ".")); removed == 0 {
		t.Fatalf("%s has no %s", m.body, m.member)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// removeMember removes a member, from each element of a list in its path, and returns the number.
func removeMember(value any, path []string) (removed int) {
	name, isList := strings.CutSuffix(path[0], "[]")
	object, _ := value.(map[string]any)
	inner, ok := object[name]
	switch {
	case !ok:
		return 0
	case len(path) == 1:
		delete(object, name)
		return 1
	case isList:
		for _, element := range inner.([]any) {
			removed += removeMember(element, path[1:])
		}
		return removed
	}
	return removeMember(inner, path[1:])
}

func TestKiboMembers(t *testing.T) {
	spec := loadKiboSpec(t)
	unchanged := newKiboWorld(t, spec)
	reads := []string{opQuery, opGet, opSum, opInfo, opShipments, opQueue}
	for i := range memberCases {
		m := &memberCases[i]
		t.Run(m.op+" "+m.member, func(t *testing.T) {
			world := func() *kiboClient {
				if !slices.Contains(reads, m.op) {
					return newKiboWorld(t, spec)
				}
				unchanged.t = t
				return unchanged
			}
			if ok, text := m.holds(world(), m.body); !ok {
				t.Errorf("%s\ngives %.2000s\nwant  %s", m.body, text, m.want)
			}
			without := m.without(t)
			if ok, text := m.holds(world(), without); ok {
				t.Errorf("the case does not notice that %s is ignored: %s gives %.2000s too", m.member, without, text)
			}
		})
	}
}

// memberDocs has the operations of docs/kibo.md, and the members that they ignore.
type memberDocs struct {
	works   map[string]bool // "METHOD path" of the supported ones
	ignored [][2][]string   // calls, and their ignored members
}

var (
	docRow  = regexp.MustCompile(`(?m)^\| (.+?) \| (.+?) \|`)
	docName = regexp.MustCompile("`([^`]+)`")
	inPath  = regexp.MustCompile(`\{[^}]*\}+`)
)

func readMemberDocs(t *testing.T) (d memberDocs) {
	t.Helper()
	text, err := os.ReadFile("../docs/kibo.md")
	if err != nil {
		t.Fatal(err)
	}
	_, operations, _ := strings.Cut(string(text), "## Every operation")
	operations, ignored, _ := strings.Cut(operations, "## Accepted and ignored")
	d.works = map[string]bool{}
	for _, row := range docRow.FindAllStringSubmatch(operations, -1) {
		if row[2] == "works" || row[2] == "partly" {
			for _, op := range docOperations(row[1]) {
				d.works[op] = true
			}
		}
	}
	ignored, _, _ = strings.Cut(ignored, "\nTwo lots")
	for _, row := range docRow.FindAllStringSubmatch(ignored, -1) {
		var names []string
		for _, name := range docName.FindAllStringSubmatch(row[2], -1) {
			names = append(names, name[1])
		}
		d.ignored = append(d.ignored, [2][]string{strings.Split(row[1], ", "), names})
	}
	if len(d.works) < 30 || len(d.ignored) < 8 {
		t.Fatalf("docs/kibo.md is not read as it was: %d operations, %d rows of what is ignored", len(d.works),
			len(d.ignored))
	}
	return d
}

// docOperations returns the operations of a row: methods, and paths that may continue the path before.
func docOperations(cell string) (list []string) {
	base := ""
	var methods []string // for the next path
	for _, name := range docName.FindAllStringSubmatch(cell, -1) {
		method, path, both := strings.Cut(name[1], " ")
		if !both && slices.Contains([]string{"GET", "PUT", "POST", "DELETE"}, method) {
			methods = append(methods, method)
			continue
		}
		switch {
		case both:
			methods = append(methods, method)
		default: // the path before, with another last word
			path, methods = base[:strings.LastIndex(base, "/")+1]+name[1],
				[]string{strings.Fields(list[len(list)-1])[0]}
		}
		if rest, ok := strings.CutPrefix(path, "..."); ok {
			path = strings.TrimSuffix(base, "/tag") + rest
		}
		base = path
		for _, method := range methods {
			list = append(list, method+" "+inPath.ReplaceAllString(path, "{}"))
		}
		methods = nil
	}
	return list
}

// shortName is the name of an operation in the table of ignored members.
func shortName(op string) string {
	_, path, _ := strings.Cut(op, " ")
	words := strings.Split(strings.TrimSuffix(path, "/{}"), "/")
	if name := words[len(words)-1]; name != "inventory" {
		return name
	}
	return "query"
}

// ignores reports whether an operation ignores a member, by the docs. A name there is for the body and its items.
func (d *memberDocs) ignores(op, member string) bool {
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(member, "?"), "items[]."),
		"tags[]."), "[]")
	return slices.ContainsFunc(d.ignored, func(row [2][]string) bool {
		return (slices.Contains(row[0], shortName(op)) || slices.Contains(row[0], "all calls")) &&
			(slices.Contains(row[1], bare) || slices.Contains(row[1], member))
	})
}

// pathOf is a case's operation with the path of the docs.
func (m *memberCase) pathOf() string {
	method, path, _ := strings.Cut(m.op, " ")
	words := strings.Split(path, "/")
	for i := 2; i < len(words); i++ {
		if words[1] == "tagCategory" && i != 3 {
			words[i] = "{}"
		}
	}
	return method + " " + strings.Join(words, "/")
}

// TestKiboMembersAreCovered: a member of the vendor's requests either has a case or is ignored by docs/kibo.md, and not
// both.
func TestKiboMembersAreCovered(t *testing.T) {
	docs := readMemberDocs(t)
	covered := map[string]bool{}
	for i := range memberCases {
		covered[memberCases[i].pathOf()+" "+memberCases[i].member] = true
	}
	text, err := os.ReadFile(membersFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		op, member, _ := cutLast(line, " ")
		if !docs.works[op] {
			continue
		}
		switch ignored := docs.ignores(op, member); {
		case covered[line] && ignored:
			t.Errorf("%s has a case, but docs/kibo.md lists it as ignored", line)
		case !covered[line] && !ignored:
			t.Errorf("%s has no case in memberCases, and docs/kibo.md does not say that it is ignored", line)
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// TestKiboMembersAreTheVendors: the list of members equals that of the vendor's file, if there is one.
func TestKiboMembersAreTheVendors(t *testing.T) {
	text := findKiboSpec()
	if text == nil {
		t.Skip("the vendor's OpenAPI file is not there")
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for path, operations := range document["paths"].(map[string]any) {
		name := inPath.ReplaceAllString(strings.TrimPrefix(path, "/commerce/inventory/"), "{}")
		for method, operation := range operations.(map[string]any) {
			if operation, ok := operation.(map[string]any); ok {
				for _, member := range specMembers(document, operation) {
					lines = append(lines, strings.ToUpper(method)+" "+name+" "+member)
				}
			}
		}
	}
	slices.Sort(lines)
	want := strings.Join(slices.Compact(lines), "\n") + "\n"
	if os.Getenv("APPORTION_WRITE_MEMBERS") != "" {
		if err := os.WriteFile(membersFile, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(membersFile); err != nil || !bytes.Equal(got, []byte(want)) {
		t.Errorf("%s is not what the vendor's file has (%v); run this test with APPORTION_WRITE_MEMBERS=1", membersFile,
			err)
	}
}

// specMembers returns the members of an operation's request, in its URL and in its body.
func specMembers(document, operation map[string]any) (members []string) {
	parameters, _ := operation["parameters"].([]any)
	for _, parameter := range parameters {
		if p := specResolve(document, parameter); p["in"] == "query" {
			members = append(members, "?"+p["name"].(string))
		}
	}
	content, _ := specResolve(document, operation["requestBody"])["content"].(map[string]any)
	for _, media := range content {
		members = append(members, schemaMembers(document, media.(map[string]any)["schema"], "")...)
	}
	return members
}

func specResolve(document map[string]any, value any) map[string]any {
	object, _ := value.(map[string]any)
	ref, ok := object["$ref"].(string)
	if !ok {
		return object
	}
	at := any(document)
	for _, word := range strings.Split(ref, "/")[1:] {
		at = at.(map[string]any)[word]
	}
	return specResolve(document, at)
}

// schemaMembers returns the members below a name: "a", "a.b" of an object, "a[].b" of a list of objects.
func schemaMembers(document map[string]any, schema any, name string) (members []string) {
	object := specResolve(document, schema)
	if elements, isList := object["items"]; isList {
		if members = schemaMembers(document, elements, name+"[]"); len(members) == 0 {
			return []string{name + "[]"}
		}
		return members
	}
	all, _ := object["allOf"].([]any)
	for _, part := range all {
		members = append(members, schemaMembers(document, part, name)...)
	}
	properties, _ := object["properties"].(map[string]any)
	for property, inner := range properties {
		full := strings.TrimPrefix(name+"."+property, ".")
		below := schemaMembers(document, inner, full)
		if len(below) == 0 || property == "tags" && specResolve(document, inner)["items"] == nil {
			below = []string{full}
		}
		members = append(members, below...)
	}
	return members
}
