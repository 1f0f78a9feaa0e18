package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// tourStep is one request of a document and the reply it shows.
type tourStep struct {
	command string
	want    string
}

// TestTours sends the requests of the documents to real servers and compares the replies with the shown ones. A shown
// reply may omit members. The members that it has must match.
func TestTours(t *testing.T) {
	f := func(path string, stepsMin int, args ...string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		steps := tourSteps(string(text))
		if len(steps) < stepsMin {
			t.Fatalf("%s: only %d requests found: has its form changed?", path, len(steps))
		}
		s := servertest.Start(t, filepath.Join(t.TempDir(), "data"), args...)
		for _, step := range steps {
			compareStep(s, path, step)
		}
		s.Stop()
	}
	f("README.md", 3, "--demo")
	f("docs/tour.md", 10, "--demo")
	f("docs/data-model.md", 10)
}

func compareStep(s *servertest.Server, path string, step tourStep) {
	s.T.Helper()
	request, err := parseCurl(step.command)
	if err != nil {
		s.T.Fatalf("%s: %v\n%s", path, err, step.command)
	}
	url, ok := strings.CutPrefix(request.url, "http://127.0.0.1:8080")
	if !ok {
		s.T.Fatalf("%s uses another address than the default: %s", path, request.url)
	}
	got, err := servertest.Send(http.DefaultClient, request.method, s.URL+url, request.key, request.body)
	if err != nil {
		s.T.Fatal(err)
	}
	if difference := compareShown(statusShown(step.want), step.want, got); difference != "" {
		s.T.Errorf("%s: %s\nstatus %d, reply %s\nbut something else is shown: %s", path, step.command, got.Status,
			got.Body, difference)
	}
}

// tourSteps finds the console blocks. A command begins with "$ ", its reply with "{" at the start of a line.
func tourSteps(text string) (steps []tourStep) {
	for _, block := range strings.Split(text, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, want, _ := strings.Cut(part, "\n{")
			steps = append(steps, tourStep{command, "{" + want})
		}
	}
	return steps
}

type curlRequest struct {
	method, url, key, body string
}

// parseCurl knows the flags of curl that the documents use. An unknown flag is an error, so that everything is checked.
func parseCurl(command string) (r curlRequest, err error) {
	words, err := shellWords(command)
	if err != nil || len(words) == 0 || words[0] != "curl" {
		return r, fmt.Errorf("no curl command: %v", err)
	}
	r.method = "GET"
	explicit := ""
	for i := 1; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "-s":
		case strings.HasPrefix(word, "http://"):
			r.url = word
		case strings.HasPrefix(word, "-") && i+1 == len(words):
			return r, fmt.Errorf("%s without a value", word)
		case word == "-X":
			i++
			explicit = words[i]
		case word == "--json":
			i++
			r.method, r.body = "POST", words[i]
		case word == "-H" && strings.HasPrefix(words[i+1], "Idempotency-Key: "):
			i++
			r.key = strings.TrimPrefix(words[i], "Idempotency-Key: ")
		default:
			return r, fmt.Errorf("curl's %q is not known to this test", word)
		}
	}
	if explicit != "" {
		r.method = explicit
	}
	return r, nil
}

// shellWords splits at spaces outside of single quotes.
func shellWords(line string) (words []string, err error) {
	parts := strings.Split(line, "'")
	if len(parts)%2 == 0 {
		return nil, fmt.Errorf("an open quote")
	}
	for i, part := range parts {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words, nil
}

// statusShown returns the status in the body of an error, because curl shows none.
func statusShown(reply string) int {
	problem := struct {
		Status int `json:"status"`
	}{http.StatusOK}
	_ = json.Unmarshal([]byte(reply), &problem) // compareShown reports invalid JSON
	return problem.Status
}

// compareShown returns the difference between the shown reply and the real one, or "".
func compareShown(status int, shown string, got *servertest.Reply) string {
	if got.Status != status {
		return fmt.Sprintf("status %d", status)
	}
	if shown == "" {
		return ""
	}
	var want, have any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(shown, "[...]", strconv.Quote(notShown))), &want); err != nil {
		return fmt.Sprintf("what is shown is no JSON: %v", err)
	}
	if err := json.Unmarshal(got.Body, &have); err != nil {
		return fmt.Sprintf("the reply is no JSON: %v", err)
	}
	return contains("", want, have)
}

// notShown stands for a list that a document omits.
const notShown = "[...]"

// atSomeTime are members with a new value in each run. The test only checks that they exist.
var atSomeTime = []string{"asOf", "index", "time"}

// contains compares want with have. want may omit members of an object, but not elements of a list.
func contains(path string, want, have any) string {
	if _, isList := have.([]any); isList && want == notShown {
		return ""
	}
	switch want := want.(type) {
	case map[string]any:
		object, ok := have.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v", path, have)
		}
		for name, value := range want {
			if _, shown := object[name]; shown && slices.Contains(atSomeTime, name) {
				continue
			}
			if difference := contains(path+"."+name, value, object[name]); difference != "" {
				return difference
			}
		}
	case []any:
		list, ok := have.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Sprintf("%s is %v", path, have)
		}
		for i := range want {
			if difference := contains(fmt.Sprintf("%s[%d]", path, i), want[i], list[i]); difference != "" {
				return difference
			}
		}
	default:
		if !reflect.DeepEqual(want, have) {
			return fmt.Sprintf("%s is %v, not %v", path, have, want)
		}
	}
	return ""
}

// TestCompareShown: the comparison finds differences.
func TestCompareShown(t *testing.T) {
	f := func(shown, got string, wantSame bool) {
		t.Helper()
		difference := compareShown(statusShown(shown), shown,
			&servertest.Reply{Status: http.StatusOK, Body: []byte(got)})
		if (difference == "") != wantSame {
			t.Fatalf("%s beside %s: %q", shown, got, difference)
		}
	}
	f(`{"a":1}`, `{"a":1,"b":2}`, true)
	f(`{"a":[{"b":1}]}`, `{"a":[{"b":1,"c":2}]}`, true)
	f(`{"a":1}`, `{"a":2}`, false)
	f(`{"a":1}`, `{"b":1}`, false)
	f(`{"a":[1]}`, `{"a":[1,2]}`, false)
	f(`{"a":{"b":1}}`, `{"a":1}`, false)
	f(`{"a":[...]}`, `{"a":[1,2]}`, true)
	f(`{"a":[...]}`, `{"a":1}`, false)
	f(`{"asOf":1}`, `{"asOf":2}`, true)
	f(`{"asOf":1}`, `{}`, false)
	f(`{"status":409}`, `{"status":409}`, false) // only in the body
	f(`{`, `{}`, false)
	f(`{}`, `oops`, false)
}
