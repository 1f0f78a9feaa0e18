package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// TestTokens: a server with tokens answers every client with a token, also the commands of this program.
func TestTokens(t *testing.T) {
	const secret = "0123456789abcdef"
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens")
	if err := os.WriteFile(tokens, []byte("# who may call\nrouter:"+secret+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, filepath.Join(dir, "data"), "--demo", "--tokens", tokens)
	s.Call("GET", "/readyz", "", http.StatusOK)
	s.Call("GET", "/metrics", "", http.StatusOK)
	s.Call("GET", "/v1/rules", "", http.StatusUnauthorized)
	s.Call("GET", "/api/commerce/inventory/v1/tagCategory", "", http.StatusUnauthorized)

	f := func(wantStatus int, want string, args ...string) {
		t.Helper()
		status, stdout, stderr := servertest.Run(t, args...)
		if status != wantStatus || !regexp.MustCompile(want).MatchString(stdout+stderr) {
			t.Errorf("%q: status %d, want %d and %q\n%s%s", args, status, wantStatus, want, stdout, stderr)
		}
	}
	const sample = "../../bench/testdata/sample-orders.csv"
	f(1, "unauthorized", "rules", "list", "--server", s.URL)
	f(1, "unauthorized", "rules", "list", "--server", s.URL, "--token", secret+"x")
	f(1, "unauthorized", "replay-orders", "--category", "Country", "--target", s.URL, sample)
	f(1, "unauthorized", "bench", "--duration", "100ms", "--target", s.URL)
	f(0, "There are no rules", "rules", "list", "--server", s.URL, "--token", secret)
	t.Setenv("APPORTION_TOKEN", secret)
	f(0, "a +leader|alone|node", "cluster", "status", "--server", s.URL)
	f(0, "agrees with the independent count", "replay-orders", "--category", "Country", "--target", s.URL, sample)
	runBenchCommand(s, "--workload", "allocate", "--rate", "200")
	runBenchCommand(s, "--workload", "reads", "--rate", "200")
	s.Stop()
	if !regexp.MustCompile(`others on this machine may read or change the tokens.*0?644|-rw-r--r--`).
		MatchString(s.Log.String()) {
		t.Errorf("the log does not say who may read the tokens:\n%s", s.Log)
	}
}
