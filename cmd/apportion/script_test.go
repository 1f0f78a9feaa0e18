package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"apportion/bench/rig"
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
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	servers := map[string]*servertest.Server{}
	for _, script := range scripts {
		s := servertest.Start(t, filepath.Join(t.TempDir(), "data"), "--demo", "--request-timeout", "1m")
		t.Cleanup(s.Stop) // the scripts run in parallel, after this function
		servers["script-"+strings.TrimSuffix(filepath.Base(script), ".txtar")] = s
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin)
			env.Setenv("APPORTION_SERVER", servers[filepath.Base(env.WorkDir)].URL)
			env.Setenv("USER", "ann")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"allocate": scriptAllocate,
			"status": scriptStatus, "rows": scriptRows, "interrupted": scriptInterrupted},
	})
}

// scriptInterrupted is the script command "interrupted TEXT COMMAND...", which interrupts a command when it has written
// a text, and demands that it ends as one that is done.
func scriptInterrupted(ts *testscript.TestScript, _ bool, args []string) {
	cmd := exec.Command(servertest.Binary)
	cmd.Args, cmd.Env = args[1:], append(os.Environ(), "APPORTION_SERVER="+ts.Getenv("APPORTION_SERVER"))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	defer time.AfterFunc(rig.StartTimeout, func() { _ = cmd.Process.Kill() }).Stop()
	var all strings.Builder
	sent := false
	for part := make([]byte, 1<<10); err == nil; {
		n := 0
		n, err = out.Read(part)
		if all.Write(part[:n]); !sent && strings.Contains(all.String(), args[0]) {
			sent = true
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	fmt.Fprint(ts.Stdout(), all.String())
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("%v after %s", err, all.String())
	}
}

// scriptRows is the script command "rows FILE COUNT", which makes a file of stock with so many rows.
func scriptRows(ts *testscript.TestScript, _ bool, args []string) {
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	var file strings.Builder
	file.WriteString("upc,quantity\n")
	for i := range count {
		fmt.Fprintf(&file, "BIG-%d,1\n", i)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(file.String()), 0o600))
}

// scriptStatus is the script command "status CODE COMMAND...", which demands an exit status.
func scriptStatus(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND...")
	}
	status := 0
	err := ts.Exec(args[1], args[2:]...)
	if exited := (*exec.ExitError)(nil); errors.As(err, &exited) {
		status = exited.ExitCode()
	}
	if got := strconv.Itoa(status); got != args[0] {
		ts.Fatalf("status %s, want %s: %v", got, args[0], err)
	}
}

// scriptAllocate is the script command "allocate ORDER QUANTITY CHANNEL", for units of the demo product. "!" expects a
// refusal.
func scriptAllocate(ts *testscript.TestScript, negated bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: allocate ORDER QUANTITY CHANNEL")
	}
	body := fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":%q,"quantity":%s,"tags":{"Channel":%q}}]}`,
		demoUPC, demoLocation, args[1], args[2])
	r, err := servertest.Send(http.DefaultClient, "POST",
		ts.Getenv("APPORTION_SERVER")+"/v1/orders/"+args[0]+"/allocate", "", body)
	ts.Check(err)
	if refused := r.Status != http.StatusOK; refused != negated {
		ts.Fatalf("status %d: %s", r.Status, r.Body)
	}
}
