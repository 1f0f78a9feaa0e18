package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"apportion/bench/load"
	"apportion/cmd/apportion/servertest"
)

// runBenchCommand runs `apportion bench` against the server and returns its JSON.
func runBenchCommand(s *servertest.Server, args ...string) (result load.Result, stdout string) {
	s.T.Helper()
	path := filepath.Join(s.T.TempDir(), "out.json")
	args = append([]string{"bench", "--target", s.URL, "--duration", "300ms", "--warmup", "0s", "--connections", "4",
		"--out", path}, args...)
	status, stdout, stderr := servertest.Run(s.T, args...)
	if status != 0 || stderr != "" {
		s.T.Fatalf("%q: status %d\n%s\n%s", args, status, stdout, stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.T.Fatal(err)
	}
	if err := json.Unmarshal(text, &result); err != nil {
		s.T.Fatalf("%v: %s", err, text)
	}
	return result, stdout
}

// TestBenchWorkloads measures a real server with data, with each workload in turn.
func TestBenchWorkloads(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data, "--demo")
	for _, name := range load.WorkloadNames() {
		args := []string{"--workload", name, "--rate", "300"}
		switch name {
		case "orders":
			args = append(args, "--orders", "../../bench/testdata/sample-orders.csv")
		case "refresh":
			args = append(args, "--records", "400", "--lines", "50")
		case "allocate":
			args = append(args, "--zipf", "0.99")
		}
		segments := []string{"1"}
		if name == "lifecycle" || name == "rules" {
			segments = append(segments, "3")
		}
		for _, segments := range segments {
			r, stdout := runBenchCommand(s, append(args, "--segments", segments)...)
			m := r.Runs[0]
			// On a busy machine, some requests may not be sent before the end.
			if r.Workload != name || m.Loop != "open" || m.Requests == 0 || m.Requests+m.NotSent != 90 ||
				m.Failed != m.NotSent || len(m.Series) == 0 {
				t.Errorf("%s: %+v", name, m)
			}
			if r.Workload == "reads" {
				m.Server.Commands, m.Server.CommandsPerSync, m.Server.BytesPerCommand = 1, 1, 1 // it writes nothing
			}
			if m.LatencyMS.P50 <= 0 || m.LatencyMS.Max < m.LatencyMS.P99 || m.Server.Commands == 0 ||
				m.Server.CommandsPerSync < 1 || m.Server.BytesPerCommand == 0 || m.Server.ResidentBytes == 0 {
				t.Errorf("%s: latency %+v, server %+v", name, m.LatencyMS, m.Server)
			}
			if r.Check.Records != r.Records || r.Check.Records == 0 || r.Check.DifferencesCount != 0 ||
				name != "refresh" && name != "reads" && r.Check.Orders == 0 {
				t.Errorf("%s: check %+v of %d records", name, r.Check, r.Records)
			}
			for _, want := range []string{`location ` + r.Location, `open loop, 300 requests/s offered: \d+ requests/s`,
				`p99\.9`, `nothing oversold, nothing lost`} {
				if !regexp.MustCompile(want).MatchString(stdout) {
					t.Errorf("%s: no %q in\n%s", name, want, stdout)
				}
			}
		}
	}
	if onHand, allocated := s.Figures(demoLocation, demoUPC); onHand != 75 || allocated != 9 {
		t.Errorf("the demo product has %d on hand, %d allocated: the runs touched what is not theirs", onHand,
			allocated)
	}
	s.Stop()
	servertest.Verify(t, data)
}

// TestBenchSweep: several rates with a picture, a closed loop, and a name that was used before.
func TestBenchSweep(t *testing.T) {
	s := servertest.Start(t, filepath.Join(t.TempDir(), "data"))
	plot := filepath.Join(t.TempDir(), "curve.svg")
	r, _ := runBenchCommand(s, "--rates", "200,max", "--closed", "--run", "mine", "--plot", plot, "--segments", "2")
	if len(r.Runs) != 2 || r.Runs[0].Loop != "closed" || r.Runs[0].OfferedPerSecond != 200 ||
		r.Runs[1].OfferedPerSecond != 0 || r.Runs[1].Requests == 0 {
		t.Errorf("runs %+v", r.Runs)
	}
	if r.Location != "bench-mine" || r.Check.Segments != 2000 {
		t.Errorf("location %s, check %+v", r.Location, r.Check)
	}
	if text, err := os.ReadFile(plot); err != nil || !strings.Contains(string(text), "latency against load") {
		t.Errorf("the picture: %v\n%s", err, text)
	}
	status, _, stderr := servertest.Run(t, "bench", "--target", s.URL, "--run", "mine")
	if status != 1 || !strings.Contains(stderr, "has stock already: choose another name") {
		t.Errorf("the same name again: status %d, %s", status, stderr)
	}
	s.Stop()
	if status, stdout, stderr := servertest.Run(t, "bench", "--target", s.URL); status != 1 ||
		strings.Contains(stdout, "requests/s") {
		t.Errorf("without a server: status %d\n%s%s", status, stdout, stderr)
	}
}
