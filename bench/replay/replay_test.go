package replay

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"apportion/httpapi/api"
)

func sampleOptions(target string) Options {
	return Options{Target: target, Location: "WAREHOUSE", Category: "Channel", OpeningPercent: 95}
}

func TestReplayAgrees(t *testing.T) {
	_, target := startFake(t)
	rows := readFile(t, "../testdata/sample-orders.csv")
	done := 0
	options := sampleOptions(target)
	options.Progress = func(rows int) { done += rows }
	for run := range 2 { // the second run on the same server starts from its own opening stock
		s, err := Run(context.Background(), rows, options)
		if err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		if !s.OK() {
			t.Fatalf("run %d: %v", run, s.Differences)
		}
		if s.LinesFilled == 0 || s.Refused() == 0 || s.LinesFilled+s.Refused() != s.Plan.SalesCount {
			t.Errorf("run %d: %d filled and %d refused of %d sales", run, s.LinesFilled, s.Refused(), s.Plan.SalesCount)
		}
		if s.ReturnsKnown == 0 || s.ReturnsUnknown == 0 || s.ReturnsKnown+s.ReturnsUnknown != s.Plan.ReturnsCount {
			t.Errorf("run %d: %d + %d returns of %d", run, s.ReturnsKnown, s.ReturnsUnknown, s.Plan.ReturnsCount)
		}
	}
	if done != 2*len(rows) {
		t.Errorf("progress counted %d rows of %d", done, 2*len(rows))
	}
}

func TestReplaySendsAgain(t *testing.T) {
	server, target := startFake(t)
	server.busyEvery = 3
	s, err := Run(context.Background(), readFile(t, "../testdata/sample-orders.csv"), sampleOptions(target))
	if err != nil {
		t.Fatal(err)
	}
	if !s.OK() {
		t.Fatal(s.Differences)
	}
}

// TestReplayFindsFaults: a server that loses, doubles or misplaces units is found out.
func TestReplayFindsFaults(t *testing.T) {
	f := func(want string, onStep func(step string, s *fakeServer)) {
		t.Helper()
		server, target := startFake(t)
		server.onStep = onStep
		summary, err := Run(context.Background(), readFile(t, "../testdata/sample-orders.csv"), sampleOptions(target))
		if err != nil {
			t.Fatal(err)
		}
		if summary.OK() {
			t.Fatalf("no difference found")
		}
		var text strings.Builder
		summary.Print(&text)
		if !strings.Contains(text.String(), want) {
			t.Fatalf("the summary does not say %q:\n%s", want, text.String())
		}
	}
	once := func(wantStep string, do func(s *fakeServer)) func(string, *fakeServer) {
		done := false
		return func(step string, s *fakeServer) {
			if step == wantStep && !done {
				done = true
				do(s)
			}
		}
	}
	// a unit vanishes
	f("on hand", once("fulfill", func(s *fakeServer) { s.segment("10101A", "United Kingdom").OnHand-- }))
	// a unit changes its segment: the sums per UPC still agree, the segments do not
	f("by the count", once("return", func(s *fakeServer) {
		s.segment("10101A", "United Kingdom").OnHand--
		s.segment("10101A", "France").OnHand++
	}))
	// units stay promised
	f("allocated 1", once("return", func(s *fakeServer) { s.segment("30301", "France").Allocated++ }))
	// a line is refused although there is stock
	f("but by the count there was enough", once("fulfill", func(s *fakeServer) {
		s.segment("40402", "United Kingdom").OnHand = 0
	}))
	// a line is filled although there is none
	f("but by the count there was not enough", once("fulfill", func(s *fakeServer) {
		s.segment("40401", "Germany").OnHand = 50
	}))
}

func TestReplayRefusesOptions(t *testing.T) {
	f := func(change func(o *Options), want string) {
		t.Helper()
		options := sampleOptions("http://127.0.0.1:1")
		change(&options)
		_, err := Run(context.Background(), readFile(t, "../testdata/sample-orders.csv"), options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("error %v does not contain %q", err, want)
		}
	}
	f(func(o *Options) { o.Target = "localhost:8080" }, "expected a URL")
	f(func(o *Options) { o.Location = "" }, "location")
	f(func(o *Options) { o.Category = "a\nb" }, "category")
	f(func(o *Options) { o.OpeningPercent = -1 }, "opening -1")
	f(func(o *Options) { o.Run = "a b" }, "run")
	f(func(o *Options) { o.Run = strings.Repeat("x", runBytesMax+1) }, "run")
}

func TestReplayExplainsInUse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"status":409,"code":"in-use","detail":"stock stands in the way"}`))
	}))
	defer server.Close()
	_, err := Run(context.Background(), readFile(t, "../testdata/sample-orders.csv"), sampleOptions(server.URL))
	var problem *api.Problem
	if !errors.As(err, &problem) || problem.Code != "in-use" || !strings.Contains(err.Error(), "--category Country") {
		t.Fatalf("got %v", err)
	}
}

func TestReplayStops(t *testing.T) {
	_, target := startFake(t)
	ctx, cancel := context.WithCancel(context.Background())
	options := sampleOptions(target)
	options.Progress = func(int) { cancel() }
	if _, err := Run(ctx, readFile(t, "../testdata/sample-orders.csv"), options); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

// TestReplayOfRealOrders uses the data set that lies beside a development checkout, if it is there.
func TestReplayOfRealOrders(t *testing.T) {
	const path = "../../../shared/data/online-retail.csv"
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no real orders to replay: %v", err)
	}
	_, target := startFake(t)
	options := sampleOptions(target)
	options.OpeningPercent = DefaultOpeningPercent
	s, err := Run(context.Background(), readFile(t, path), options)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	s.Print(&text)
	t.Log(text.String())
	if !s.OK() || s.Refused() == 0 || s.ReturnsKnown == 0 {
		t.Errorf("expected agreement, refusals and a return into its segment")
	}
}
