package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"apportion/engine"
)

// apiDocument is openapi.yaml with compiled schemas. The schemas of OpenAPI 3.1 are JSON Schema 2020-12, so a library
// for JSON Schema is enough.
type apiDocument struct {
	root any

	mu struct {
		sync.Mutex
		compiler *jsonschema.Compiler
		schemas  map[string]*jsonschema.Schema
	}
}

const documentURL = "file:///openapi.json"

func loadAPIDocument(t *testing.T) *apiDocument {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(openAPIDocument, &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := &apiDocument{root: root}
	d.mu.schemas = map[string]*jsonschema.Schema{}
	d.mu.compiler = jsonschema.NewCompiler()
	d.mu.compiler.AssertFormat()
	if err := d.mu.compiler.AddResource(documentURL, root); err != nil {
		t.Fatal(err)
	}
	return d
}

// pointer is the JSON pointer of a path of keys.
func pointer(keys ...string) string {
	var b strings.Builder
	for _, key := range keys {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	return b.String()
}

// lookUp follows keys from the root, and references between them. It also returns the place of the value.
func (d *apiDocument) lookUp(keys ...string) (value any, at []string) {
	value = d.root
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
		at = append(at, key)
		if object, ok := value.(map[string]any); ok {
			if ref, ok := object["$ref"].(string); ok {
				at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
				value, at = d.lookUp(at...)
			}
		}
	}
	return value, at
}

// validate compares a JSON text with the schema at a place.
func (d *apiDocument) validate(text string, at []string) error {
	schema, err := d.schema(documentURL + "#" + pointer(at...))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func (d *apiDocument) schema(place string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	schema := d.mu.schemas[place]
	if schema == nil {
		var err error
		if schema, err = d.mu.compiler.Compile(place); err != nil {
			return nil, err
		}
		d.mu.schemas[place] = schema
	}
	return schema, nil
}

// operation returns the documented pattern of a path.
func (d *apiDocument) operation(method, path string) (pattern string, ok bool) {
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	paths, _ := d.lookUp("paths")
	for candidate, item := range paths.(map[string]any) {
		words := strings.Split(candidate, "/")
		if len(words) != len(segments) {
			continue
		}
		same, literal := true, true
		for i, word := range words {
			if strings.HasPrefix(word, "{") {
				literal = false
			} else if word != segments[i] {
				same = false
			}
		}
		if _, has := item.(map[string]any)[strings.ToLower(method)]; same && has {
			if pattern = candidate; literal {
				return pattern, true
			}
		}
	}
	return pattern, pattern != ""
}

// checkReply compares a reply, and the body of an accepted request, with the document. For a request without an
// operation, the reply must match the schema of problems.
func (d *apiDocument) checkReply(t *testing.T, method, path, body string, r *reply) {
	t.Helper()
	media, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	pattern, ok := d.operation(method, path)
	if !ok {
		if r.status >= 400 && media == contentProblem {
			d.mustValidate(t, r.request, r.body, []string{"components", "schemas", "Problem"})
		}
		return
	}
	place := []string{"paths", pattern, strings.ToLower(method), "responses", fmt.Sprint(r.status)}
	response, at := d.lookUp(place...)
	if response == nil {
		response, at = d.lookUp(append(place[:4:4], "default")...)
	}
	content, _ := response.(map[string]any)["content"].(map[string]any)
	if content == nil || content[media] == nil && content[r.header.Get("Content-Type")] == nil {
		t.Fatalf("%s: the document has no content %s for status %d", r.request, media, r.status)
	}
	if strings.HasSuffix(media, "json") && !strings.HasSuffix(media, "ndjson") {
		d.mustValidate(t, r.request, r.body, append(at, "content", media, "schema"))
	}
	if r.status == 200 && body != "" && r.json["orders"] == nil { // one order of a list may be refused for its form
		d.mustValidate(t, "request "+r.request, body, []string{"paths", pattern, strings.ToLower(method), "requestBody",
			"content", "application/json", "schema"})
	}
}

func (d *apiDocument) mustValidate(t *testing.T, what, text string, at []string) {
	t.Helper()
	if err := d.validate(text, at); err != nil {
		t.Fatalf("%.500s: does not fit the OpenAPI document:\n%v\n%.2000s", what, err, text)
	}
}

// Each path and method of the document has a route, and each route is documented with its parameters.
func TestOpenAPIHasTheRoutes(t *testing.T) {
	d := loadAPIDocument(t)
	var documented, served []string
	paths, _ := d.lookUp("paths")
	for path, item := range paths.(map[string]any) {
		for _, word := range methodWords {
			if _, ok := item.(map[string]any)[strings.ToLower(word)]; ok {
				documented = append(documented, word+" "+path+" "+d.paramNames(path, word))
			}
		}
	}
	for _, r := range routes() {
		names := []string{}
		for name, param := range paramWords {
			if r.params&param != 0 {
				names = append(names, name)
			}
		}
		if r.write {
			names = append(names, "Idempotency-Key")
		}
		if r.streams {
			names = append(names, headerLastEventID)
		}
		for word := range strings.SplitSeq(r.pattern, "/") {
			if strings.HasPrefix(word, "{") {
				names = append(names, strings.Trim(word, "{}"))
			}
		}
		sort.Strings(names)
		served = append(served, methodWords[r.method]+" "+r.pattern+" "+strings.Join(names, ","))
	}
	sort.Strings(documented)
	sort.Strings(served)
	for _, op := range documented {
		if !slices.Contains(served, op) {
			t.Errorf("documented, not served: %s", op)
		}
	}
	for _, op := range served {
		if !slices.Contains(documented, op) {
			t.Errorf("served, not documented: %s", op)
		}
	}
}

// paramNames lists the parameters of an operation.
func (d *apiDocument) paramNames(path, method string) string {
	names := []string{}
	for _, place := range [][]string{{"paths", path, "parameters"},
		{"paths", path, strings.ToLower(method), "parameters"}} {
		list, _ := d.lookUp(place...)
		params, _ := list.([]any)
		for _, param := range params {
			object := param.(map[string]any)
			if ref, ok := object["$ref"].(string); ok {
				value, _ := d.lookUp(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
				object = value.(map[string]any)
			}
			names = append(names, object["name"].(string))
		}
	}
	sort.Strings(names)
	return strings.Join(names, ",")
}

// Every schema of the document compiles, and the list of codes is complete.
func TestOpenAPISchemas(t *testing.T) {
	d := loadAPIDocument(t)
	schemas, _ := d.lookUp("components", "schemas")
	for name := range schemas.(map[string]any) {
		if _, err := d.schema(documentURL + "#" + pointer("components", "schemas", name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, status := range codeStatus {
		code := engine.Code(i)
		if status == 0 || status == 200 || code == engine.CodeUnavailable {
			continue
		}
		p := problem{status: status, code: code.String(), detail: codeDetails[code], offset: -1}
		text := string(append(appendProblem(nil, &p), '}'))
		d.mustValidate(t, code.String(), text, []string{"components", "schemas", "Problem"})
		if codeDetails[code] == "" {
			t.Errorf("%s has no detail", code)
		}
	}
}
