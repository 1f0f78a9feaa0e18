package httpapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/valyala/fasthttp"
)

// kiboSpec is the vendor's own description of its API. It is not a part of the project. If it is beside the checkout,
// or in a file that the environment names, replies are compared with it.
type kiboSpec struct {
	compiler *jsonschema.Compiler
	paths    map[string]map[string]json.RawMessage
	checked  int
}

const (
	kiboSpecEnv  = "APPORTION_KIBO_SPEC"
	kiboSpecFile = "shared/kibo/openapi_inventory.json"
	kiboSpecURL  = "file:///kibo.json"
)

// findKiboSpec looks at the environment's path, and in all parent directories.
func findKiboSpec() []byte {
	if path := os.Getenv(kiboSpecEnv); path != "" {
		text, _ := os.ReadFile(path)
		return text
	}
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if text, err := os.ReadFile(filepath.Join(dir, kiboSpecFile)); err == nil {
			return text
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return nil
}

// loadKiboSpec returns nil if there is no file.
func loadKiboSpec(t *testing.T) *kiboSpec {
	t.Helper()
	text := findKiboSpec()
	if text == nil {
		t.Logf("the vendor's OpenAPI file is not there (%s, or %s in a directory above): replies are not held "+
			"against it", kiboSpecEnv, kiboSpecFile)
		return nil
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	spec := &kiboSpec{compiler: jsonschema.NewCompiler(), paths: document.Paths}
	if err == nil {
		err = spec.compiler.AddResource(kiboSpecURL, root)
	}
	if err != nil {
		t.Fatalf("the vendor's OpenAPI file: %v", err)
	}
	return spec
}

// check compares the body of a reply with status 200 with the operation's schema. It accepts paths that the file does
// not have.
func (s *kiboSpec) check(t *testing.T, method, path string, body []byte) {
	t.Helper()
	if s == nil {
		return
	}
	pattern := s.pattern(method, path)
	if pattern == "" {
		return
	}
	place := kiboSpecURL + "#" + pointer("paths", pattern, strings.ToLower(method), "responses", "200", "content",
		"application/json", "schema")
	schema, err := s.compiler.Compile(place)
	if err != nil {
		t.Fatalf("%s %s: the vendor's schema: %v", method, pattern, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s %s: does not fit the vendor's schema:\n%v\n%.1000s", method, path, err, body)
	}
	s.checked++
}

// pattern returns the file's path for the path of a request. One of the file's paths has an extra brace.
func (s *kiboSpec) pattern(method, path string) string {
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "/api"), "?")
	words := strings.Split(strings.TrimSuffix(path, "/"), "/")
	found := ""
	for pattern, operations := range s.paths {
		if _, ok := operations[strings.ToLower(method)]; !ok {
			continue
		}
		parts := strings.Split(pattern, "/")
		literal, same := true, len(parts) == len(words)
		for i := 0; same && i < len(parts); i++ {
			if strings.HasPrefix(parts[i], "{") {
				literal = false
			} else {
				same = parts[i] == words[i]
			}
		}
		if same && (literal || found == "") {
			found = pattern
		}
	}
	return found
}

// kiboClient is a client of the vendor's API for a test server.
type kiboClient struct {
	*testServer
	spec *kiboSpec
}

func newKiboClient(t *testing.T) *kiboClient {
	t.Helper()
	c := &kiboClient{newTestServer(t, Config{}), loadKiboSpec(t)}
	c.store.mu.nowMS = kiboNowMS
	return c
}

var kiboNowMS = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC).UnixMilli()

// call sends a request, with /api before the path, and returns the reply's JSON.
func (c *kiboClient) call(method, path, body string, headers ...string) (status int, value any, text string) {
	c.t.Helper()
	status, text = c.send(method, "/api"+path, body, headers...)
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		c.t.Fatalf("%s %s answers %d, no JSON: %q", method, path, status, text)
	}
	if status == 200 {
		c.spec.check(c.t, method, path, []byte(text))
		return status, value, text
	}
	problem, _ := value.(map[string]any)
	if message, _ := problem["message"].(string); message == "" {
		c.t.Errorf("%s %s answers %d without a message: %s", method, path, status, text)
	}
	return status, value, text
}

// send sends a request like the vendor's client: without a body there is no media type.
func (c *kiboClient) send(method, path, body string, headers ...string) (status int, text string) {
	c.t.Helper()
	var request fasthttp.Request
	var response fasthttp.Response
	request.Header.SetMethod(method)
	request.SetRequestURI("http://test" + path)
	request.Header.SetNoDefaultContentType(true)
	request.Header.Set("x-vol-tenant", "12345")
	request.Header.Set("x-vol-site", "1")
	if body != "" {
		request.SetBodyString(body)
		request.Header.SetContentType("application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if err := c.client.Do(&request, &response); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode(), string(response.Body())
}

// must is call, and fails the test without success.
func (c *kiboClient) must(method, path, body string) any {
	c.t.Helper()
	status, value, text := c.call(method, path, body)
	if status != 200 {
		c.t.Fatalf("%s %s with %s answers %d %s", method, path, body, status, text)
	}
	return value
}

// want compares a part of a reply with JSON. Only the members of that JSON are compared.
func (c *kiboClient) want(value any, want string) {
	c.t.Helper()
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		c.t.Fatalf("the test's own JSON %s: %v", want, err)
	}
	if !contains(value, wanted) {
		got, _ := json.Marshal(value)
		c.t.Errorf("got  %s\nwant %s", got, want)
	}
}

// contains reports whether have has all members of want. Lists must have the same length.
func contains(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		m, ok := have.(map[string]any)
		for name, value := range want {
			ok = ok && contains(m[name], value)
		}
		return ok
	case []any:
		list, ok := have.([]any)
		ok = ok && len(list) == len(want)
		for i := 0; ok && i < len(want); i++ {
			ok = contains(list[i], want[i])
		}
		return ok
	}
	return have == want
}
