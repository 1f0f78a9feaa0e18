package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"apportion/bench/rig"
	"apportion/cmd/apportion/servertest"
	"apportion/httpapi"
	"apportion/raftstore"
)

// The shares never exceed the limit of open files. From a usual limit on, each part gets what it asks for.
func TestShareFiles(t *testing.T) {
	for limit := 256; limit <= 1<<17; limit++ {
		for _, oneOfSeveral := range []bool{false, true} {
			s := shareFiles(limit, httpapi.ConnectionsMax, oneOfSeveral)
			clients := s.connections + min(httpapi.ConnectionsSpare, 1+s.connections/8)
			total := filesOfProcess + 2*raftstore.OpenFilesMin + clients
			if limit >= 1024 {
				total = filesOfProcess + filesOfHistory + databases*s.database + clients
			}
			if oneOfSeveral {
				total += s.forwarded + min(s.connections, httpapi.ForwardConnectionsMax)
			}
			if total > limit || s.connections < connectionsMin || s.database < raftstore.OpenFilesMin {
				t.Fatalf("of %d (one of several: %t): %+v, %d in all", limit, oneOfSeveral, s, total)
			}
		}
	}
	f := func(limit, connections int, oneOfSeveral bool, want fileShares) {
		t.Helper()
		if s := shareFiles(limit, connections, oneOfSeveral); s != want {
			t.Errorf("of %d: %+v, want %+v", limit, s, want)
		}
	}
	f(256, 16_384, false, fileShares{connections: 55, forwarded: 8, database: 74})
	f(256, 10, false, fileShares{connections: 10, forwarded: 42, database: 74})
	f(1<<16, 16_384, false, fileShares{connections: 16_384, forwarded: 16_384, database: 1000})
	f(1<<16, 16_384, true, fileShares{connections: 16_384, forwarded: 16_384, database: 1000})
}

// More connections than the limit of open files, on the HTTP port or the port for other nodes, do not end the process
// or stop its writes. When they are closed, it serves as before.
func TestFewOpenFiles(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		port func(s *servertest.Server) string
	}{
		{"clients", nil, func(s *servertest.Server) string { return strings.TrimPrefix(s.URL, "http://") }},
		{"nodes", []string{"--node-id", "a", "--raft-listen", "127.0.0.1:0", "--bootstrap"},
			func(s *servertest.Server) string {
				members := s.Call("GET", "/v1/cluster", "", http.StatusOK).Object(t)["members"].([]any)
				return members[0].(map[string]any)["address"].(string)
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startServerWithFiles(t, 256, test.args...)
			if text := "the limit on open files"; !strings.Contains(s.Log.String(), text) {
				t.Errorf("the log does not speak of %s:\n%s", text, s.Log)
			}
			address := test.port(s)
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
			write := func(order int) {
				t.Helper()
				for _, path := range []string{"/v1/inventory/refresh", "/v1/cluster/snapshot"} {
					body := ""
					if path == "/v1/inventory/refresh" {
						body = servertest.RefreshBody("W1", fmt.Sprintf("U%d", order), 10)
					}
					if r, err := servertest.Send(client, "POST", s.URL+path, "", body); err != nil ||
						r.Status != http.StatusOK {
						t.Fatalf("%s: %+v, %v\n%s", path, r, err, s.Log)
					}
				}
			}
			write(0)
			var idle []net.Conn
			for range 300 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				idle = append(idle, conn)
			}
			for order := range 20 {
				write(order)
			}
			for _, conn := range idle {
				conn.Close()
			}
			deadline := time.Now().Add(rig.StartTimeout)
			for {
				r, err := servertest.Send(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "GET",
					s.URL+"/v1/inventory/W1/U0", "", "")
				if err == nil && r.Status == http.StatusOK {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%+v, %v\n%s", r, err, s.Log)
				}
			}
			s.Stop()
		})
	}
}

// startServerWithFiles starts a server with a limit of open files.
func startServerWithFiles(t *testing.T, files int, args ...string) *servertest.Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	named := filepath.Join(dir, "apportion") // TestMain looks at the name
	if err := os.Symlink(self, named); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" serve "$@"`, files), named,
		"--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0"}, args...)...)
	s := servertest.LaunchCommand(t, cmd, nil)
	s.AwaitReady()
	return s
}
