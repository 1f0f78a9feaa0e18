package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"apportion/bench/load"
)

// fixed is a contender whose figures are given.
type fixed figures

func (f fixed) turn(context.Context, time.Duration) error { return nil }
func (f fixed) forget()                                   {}
func (f fixed) figures() figures                          { return figures(f) }
func (f fixed) check(context.Context) error               { return nil }
func (f fixed) close() error                              { return nil }

// sample is a comparison in which every contender does as much, but for some.
func sample(rates map[string]float64) *comparison {
	c := &comparison{disk: diskFigures{100, time.Millisecond, 2 * time.Millisecond},
		p70: tail{figures{p99: 6 * time.Millisecond}, 700}, floor: tail{figures{p99: 5 * time.Millisecond}, 900},
		steady: []time.Duration{3 * time.Millisecond, 10 * time.Millisecond, 4 * time.Millisecond},
		tools:  tools{versions: []string{"redis 7"}}}
	c.before = "none"
	c.growth = []growthFigures{{1000, 100, figures{perSecond: 1000}}, {100_000, 90, figures{perSecond: 900}}}
	for _, key := range []string{"one", "one-hot", "many", "many-hot", "parse", "refused", "parse-refused", "read",
		"parse-read", "pg-two", "redis-always-1", "redis-always-50", "cluster", "before-one", "before-many",
		"before-cluster"} {
		rate, given := rates[key]
		if !given {
			rate = 1000
		}
		c.entries = append(c.entries, &entry{key: key, product: key, way: "way", hot: strings.HasSuffix(key, "hot"),
			connections: 64, of: fixed{perSecond: rate, p50: time.Millisecond}})
	}
	return c
}

func TestTargets(t *testing.T) {
	f := func(rates map[string]float64, what, wantVerdict string) {
		t.Helper()
		for _, target := range sample(rates).targets() {
			if strings.Contains(target.what, what) {
				if got := target.verdict(); got != wantVerdict {
					t.Errorf("%s: %s (%.3f), want %s", target.what, got, target.ratio, wantVerdict)
				}
				return
			}
		}
		t.Errorf("no target %q", what)
	}
	f(map[string]float64{"one": 1200}, "to Redis (always, no", "reached")
	f(map[string]float64{"one": 1000}, "to Redis (always, no", "**missed**: 1.20 times as much is needed")
	f(map[string]float64{"cluster": 1200}, "three nodes", "reached")
	f(map[string]float64{"cluster": 600}, "three nodes", "**missed**: 2.00 times as much is needed")
	f(map[string]float64{"one": 0}, "to Redis (always, no", "**not measured**")
	f(map[string]float64{"many": 1_300_000}, "1.2 million lines", "reached")
	f(nil, "p99 at 70", "reached")
	f(nil, "worst p99", "reached")
	f(nil, "server CPU", "reached")
	f(nil, "1 line at 100000 segments", "reached")
	f(nil, "resident memory", "reached")
	slow := sample(nil)
	slow.p70.of.p99, slow.growth[1].bytesPerSegment = 12*time.Millisecond, 150
	slow.steady[1] = 11 * time.Millisecond
	slow.entry("one").of = fixed{perSecond: 1000, cpuEachMicros: 22}
	for _, target := range slow.targets() {
		if missed := strings.HasPrefix(target.verdict(), "**missed**"); target.atMost && !missed {
			t.Errorf("%s: %s", target.what, target.verdict())
		}
	}
	if got := slow.tailTarget(); got.verdict() != "**missed**: 2.00 times what it should be at most" {
		t.Errorf("the tail: %s", got.verdict())
	}
}

func TestReport(t *testing.T) {
	c := sample(map[string]float64{"one": 1_234_567.8})
	c.doc, c.server = filepath.Join(t.TempDir(), "doc.md"), "none"
	if err := os.WriteFile(c.doc, []byte("before\n"+markBegin+"\nold\n"+markEnd+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.report(io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(c.doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n" + markBegin, markEnd + "\nafter\n", "| one | way | uniform | 64 | " +
		"1,234,568 | 1.00 | 0.00 | 0.0 us |", "| one-hot | way | one hot |", "100,000 segments: 900 allocations/s, " +
		"90 bytes"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "old") || strings.Count(string(text), markBegin) != 1 {
		t.Errorf("what was there before is still there:\n%s", text)
	}
	if _, err := between("no marks", "x"); err == nil {
		t.Error("a document without marks was changed")
	}
}

func TestPercentile(t *testing.T) {
	latencies := make([]time.Duration, 200)
	for i := range latencies {
		latencies[i] = time.Duration(i + 1)
	}
	if p50, p99 := percentile(latencies, 50), percentile(latencies, 99); p50 != 100 || p99 != 198 {
		t.Errorf("p50 %d, p99 %d", p50, p99)
	}
	if got := percentile(latencies[:1], 99); got != 1 {
		t.Errorf("p99 of one is %d", got)
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("p99 of none is %d", got)
	}
}

// TestRESP: what is sent is the protocol, and what is no number is an error.
func TestRESP(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	c := &respConn{conn: ours, in: bufio.NewReader(ours)}
	f := func(reply string, want int64, wantErr string) {
		t.Helper()
		got := make(chan string, 1)
		go func() {
			buffer := make([]byte, 100)
			n, _ := theirs.Read(buffer)
			got <- string(buffer[:n])
			_, _ = io.WriteString(theirs, reply)
		}()
		n, err := c.call("HGET", "key", "field")
		if sent := <-got; sent != "*3\r\n$4\r\nHGET\r\n$3\r\nkey\r\n$5\r\nfield\r\n" {
			t.Errorf("sent %q", sent)
		}
		if n != want || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%q: %d, %v; want %d, %q", reply, n, err, want, wantErr)
		}
	}
	f(":42\r\n", 42, "")
	f("$3\r\n123\r\n", 123, "")
	f("-NOSCRIPT gone\r\n", 0, "NOSCRIPT gone")
	f("+OK\r\n", 0, "a number is expected")
	f("$-1\r\n", 0, "a number is expected")
	f(":\r\n", 0, "redis answers")
}

// TestPeerCounts: what each client acknowledged is summed and checked; a turn with an error is none.
func TestPeerCounts(t *testing.T) {
	p, err := newPeer(3, func() time.Duration { return 0 }, func(int) (client, error) { return &countingClient{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	p.verify = func(_ context.Context, acknowledged int64) error {
		sum := int64(0)
		for _, c := range p.clients {
			sum += c.(*countingClient).done
		}
		return differs("test", sum, acknowledged)
	}
	for range 2 {
		if err := p.turn(context.Background(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		p.forget() // figures start again, the check does not
	}
	if err := p.check(context.Background()); err != nil || p.acknowledged == 0 {
		t.Errorf("%d acknowledged, %v", p.acknowledged, err)
	}
	p.acknowledged++
	if err := p.check(context.Background()); err == nil {
		t.Error("a unit that was lost was not missed")
	}
	p.clients[1].(*countingClient).fails = true
	if err := p.turn(context.Background(), time.Millisecond); err == nil {
		t.Error("an error was lost")
	}
}

type countingClient struct {
	done  int64
	fails bool
}

func (c *countingClient) request(context.Context) (int, error) {
	if c.fails {
		return 0, io.ErrUnexpectedEOF
	}
	c.done += 2
	return 2, nil
}
func (c *countingClient) close() error { return nil }

func TestDiskProbe(t *testing.T) {
	p, err := newDiskProbe(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.file.Close()
	if err := p.turn(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if f := p.figures(); f.syncs == 0 || f.p99 < f.p50 || f.p50 <= 0 {
		t.Errorf("figures %+v", f)
	}
}

// TestLoadedConstant: the handler that answers a constant is not asked for figures or for stock.
func TestLoadedConstant(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buffer := make([]byte, 4096)
				for {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
				}
			}()
		}
	}()
	l, err := newLoaded(context.Background(), load.Options{Target: "http://" + listener.Addr().String(),
		Workload: "allocate", Connections: 2, Constant: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.turn(context.Background(), 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if f := l.figures(); f.perSecond == 0 || f.p50 == 0 {
		t.Errorf("figures %+v", f)
	}
	if err := l.check(context.Background()); err != nil {
		t.Error(err)
	}
}
