package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"apportion/cmd/apportion/servertest"
)

// TestScripts runs the scripts in testdata/script, each with its own server with the demo catalogue.
func TestScripts(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "apportion")); err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, filepath.Join(t.TempDir(), "data"), "--demo")
	t.Cleanup(s.Stop) // the scripts run in parallel, after this function
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin)
			env.Setenv("APPORTION_SERVER", s.URL)
			env.Setenv("USER", "ann")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"allocate": scriptAllocate(s)},
	})
}

// scriptAllocate is the script command "allocate ORDER QUANTITY CHANNEL", for units of the demo product. "!" expects a
// refusal.
func scriptAllocate(s *servertest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		if len(args) != 3 {
			ts.Fatalf("usage: allocate ORDER QUANTITY CHANNEL")
		}
		body := fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":%q,"quantity":%s,"tags":{"Channel":%q}}]}`,
			demoUPC, demoLocation, args[1], args[2])
		r, err := servertest.Send(http.DefaultClient, "POST", s.URL+"/v1/orders/"+args[0]+"/allocate", "", body)
		ts.Check(err)
		if refused := r.Status != http.StatusOK; refused != negated {
			ts.Fatalf("status %d: %s", r.Status, r.Body)
		}
	}
}
