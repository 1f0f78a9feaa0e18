package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// example is one request of docs/api.md and the reply that it shows, if it shows one.
type example struct {
	method, path, body string
	status             int
	reply              string
}

// requestLine and replyLine begin a request and its reply.
var (
	requestLine = regexp.MustCompile(`^(GET|PUT|POST|DELETE) (/\S+)$`)
	replyLine   = regexp.MustCompile(`^([1-5]\d\d) (\{.*)$`)
)

// TestExamples sends the requests of docs/api.md to a server, in order, and compares status and reply with the
// document. A shown reply may omit members, and have [...] for a long list.
func TestExamples(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := examplesOf(t, string(text))
	if len(examples) < 25 {
		t.Fatalf("only %d requests found: has the form of docs/api.md changed?", len(examples))
	}
	s := servertest.Start(t, filepath.Join(t.TempDir(), "data"))
	for _, e := range examples {
		e.body = strings.TrimSpace(e.body)
		got, err := servertest.Send(http.DefaultClient, e.method, s.URL+e.path, "", e.body)
		if err != nil {
			t.Fatal(err)
		}
		if difference := compareShown(e.status, e.reply, got); difference != "" {
			t.Errorf("%s %s %s\nstatus %d, reply %s\nbut something else is shown: %s", e.method, e.path, e.body,
				got.Status, got.Body, difference)
		}
	}
	s.Stop()
}

// examplesOf reads the blocks that begin with a request. A block with a language is not an example. A reply belongs to
// the request before it, even in another block.
func examplesOf(t *testing.T, text string) (examples []example) {
	inside, plain := false, false // in a block; in a block without a language
	var into *string
	for _, line := range strings.Split(text, "\n") {
		if language, ok := strings.CutPrefix(line, "```"); ok {
			inside, into = !inside, nil
			plain = inside && language == ""
			continue
		}
		if !plain {
			continue
		}
		if r := requestLine.FindStringSubmatch(line); r != nil {
			examples = append(examples, example{method: r[1], path: r[2], status: http.StatusOK})
			into = &examples[len(examples)-1].body
		} else if r := replyLine.FindStringSubmatch(line); r != nil {
			last := &examples[len(examples)-1]
			if last.reply != "" {
				t.Errorf("docs/api.md shows a reply without its request: %s", line)
			}
			last.status, _ = strconv.Atoi(r[1])
			last.reply = r[2]
			into = &last.reply
		} else if into != nil {
			*into += line + "\n"
		}
	}
	return examples
}
