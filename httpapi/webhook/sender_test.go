package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"apportion/engine"
)

// begun gives the events of a kind that is sent, from first to last.
func begun(c *cluster, location string) (ids []engine.EventID) {
	for _, ev := range c.e.Events(0, engine.EventsMax, nil) {
		if ev.Kind == engine.EventCountStarted && (location == "" || ev.Location == location) {
			ids = append(ids, ev.ID)
		}
	}
	return ids
}

// TestSenderSendsWhatIsSelected: each webhook gets the events of its filter in order, each once if nothing fails, and
// all positions share an entry a second.
func TestSenderSendsWhatIsSelected(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		c.put("all")
		c.put("l", "L")
		pass(time.Second)
		for range 10 {
			c.event("L", 50)
			c.event("K", 50)
			pass(time.Second)
		}
		for name, location := range map[string]string{"all": "", "l": "L"} {
			if got, want := r.all(name), begun(c, location); len(got) != len(want) ||
				!slices.Equal(r.firsts(name), want) {
				t.Errorf("%s got %d events, want %d", name, len(got), len(want))
			}
		}
		first := r.all("l")[0]
		if want := fmt.Sprintf("evt_%d_", first.event); !strings.HasPrefix(first.id, want) ||
			first.kind != "count-started" || first.header.Get("Content-Type") != "application/json" {
			t.Errorf("%+v", first)
		}
		pass(2 * time.Second)
		if c.hook("all").Position < begun(c, "")[len(begun(c, ""))-1] || c.reports > 13 {
			t.Errorf("at %d after %d reports", c.hook("all").Position, c.reports)
		}
		st, ok := s.Status("all")
		if !ok || st.Sent != 1000 || st.Position != c.e.LastEvent() || st.Failures != 0 || st.LastSuccessMS == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestSenderTriesAgain: after a failure the same message comes again, after pauses that grow, and nothing overtakes it.
func TestSenderTriesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		const failures = 12
		r.does["shop"] = func(n int, req *http.Request) *http.Response {
			switch {
			case n > failures:
				return answer(200)
			case n%3 == 0:
				return hang(n, req)
			case n%3 == 1:
				return answer(302, "Location", "https://other.example")
			}
			return answer(500)
		}
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		c.put("shop")
		c.put("other")
		pass(time.Second)
		c.event("L", 3)
		pass(100 * time.Millisecond)
		if st, _ := s.Status("shop"); st.Failures != 1 || st.NextTryMS <= time.Now().UnixMilli() ||
			!strings.Contains(st.LastError, "redirects are not followed") || s.failing() != 1 || s.lagMax() == 0 {
			t.Errorf("%+v, %g failing, lag %g", st, s.failing(), s.lagMax())
		}
		pass(time.Hour)
		all := r.all("shop")
		if len(all) != failures+3 || !slices.Equal(r.firsts("shop"), begun(c, "")) || len(r.all("other")) != 3 {
			t.Fatalf("got %d messages, first ones %v", len(all), r.firsts("shop"))
		}
		for i := 1; i <= failures; i++ {
			longest := min(retryMin<<(i-1), retryMax)
			pause := all[i].at.Sub(all[i-1].at)
			if i%3 == 0 {
				pause -= attemptTimeout
			}
			if all[i].id != all[0].id || pause < longest/2 || pause > longest {
				t.Errorf("attempt %d of %s came after %s, at most %s was to pass", i+1, all[i].id, pause, longest)
			}
		}
		if st, _ := s.Status("shop"); st.Failures != 0 || st.NextTryMS != 0 || st.LastErrorMS == 0 || s.failing() != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestSenderRespectsRetryAfter: a receiver may ask for a longer pause, in seconds or as a date, up to an hour.
func TestSenderRespectsRetryAfter(t *testing.T) {
	for name, tt := range map[string]struct {
		value func() string
		pause time.Duration
	}{
		"seconds": {func() string { return "90" }, 90 * time.Second},
		"date": {func() string {
			return time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat)
		}, 2 * time.Minute},
		"years":   {func() string { return "99999999999" }, time.Hour},
		"nothing": {func() string { return "soon" }, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
				r.does["shop"] = func(n int, _ *http.Request) *http.Response {
					if n == 1 {
						return answer(503, "Retry-After", tt.value())
					}
					return answer(200)
				}
				s := c.sender("a", r)
				s.Start()
				defer s.Close()
				c.put("shop")
				pass(time.Second)
				c.event("L", 1)
				pass(2 * time.Hour)
				all := r.all("shop")
				if len(all) != 2 {
					t.Fatalf("%d messages", len(all))
				}
				// A date has no parts of a second.
				if pause := all[1].at.Sub(all[0].at); pause < tt.pause-time.Second || pause > tt.pause+time.Second {
					t.Errorf("came again after %s, want %s", pause, tt.pause)
				}
			})
		})
	}
}

// TestSenderStopsAt410: a receiver that is gone gets nothing more until its webhook is put again, then it goes on.
func TestSenderStopsAt410(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		gone := true
		r.does["shop"] = func(int, *http.Request) *http.Response {
			if gone {
				return answer(410)
			}
			return answer(200)
		}
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		c.put("shop")
		pass(time.Second)
		c.event("L", 2)
		pass(time.Hour)
		if n, w := len(r.all("shop")), c.hook("shop"); n != 1 || !strings.Contains(w.DisabledReason, "410") {
			t.Errorf("%d messages, %+v", n, w)
		}
		if _, ok := s.Status("shop"); ok {
			t.Error("it has a worker still")
		}
		gone = false
		c.put("shop")
		pass(time.Minute)
		if !slices.Equal(r.firsts("shop"), begun(c, "")) {
			t.Errorf("got %v", r.firsts("shop"))
		}
	})
}

// TestSenderOfANewLeaderGoesOn: the leader changes three times, and one leader could not report. Every event still
// comes, the first time in order.
func TestSenderOfANewLeaderGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		a, b := c.sender("a", r), c.sender("b", r)
		a.Start()
		defer a.Close()
		b.Start()
		defer b.Close()
		c.put("shop")
		for i := range 4 {
			c.mu.Lock()
			c.noReport = i == 1
			c.mu.Unlock()
			c.event("L", 40)
			pass(time.Duration(i) * 700 * time.Millisecond)
			c.event("L", 40)
			c.lead([]string{"b", "a"}[i%2])
		}
		pass(5 * time.Second)
		if !slices.Equal(r.firsts("shop"), begun(c, "")) {
			t.Errorf("the first ones are %v", r.firsts("shop"))
		}
		if n := len(r.all("shop")); n <= len(begun(c, "")) {
			t.Errorf("%d messages: nothing came twice, so nothing was tested", n)
		}
		if _, ok := b.Status("shop"); ok {
			t.Error("a node that does not lead has a worker")
		}
	})
}

// TestSenderClosesWhileItStarts: a server may be closed before it has begun. Nothing may begin then.
func TestSenderClosesWhileItStarts(t *testing.T) {
	for range 100 {
		s := newCluster(t).sender("a", newReceivers())
		var both sync.WaitGroup
		both.Go(s.Start)
		both.Go(s.Close)
		both.Wait()
	}
}

// TestSenderReportsAtItsEnd: after an orderly end the next one sends nothing twice.
func TestSenderReportsAtItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		s := c.sender("a", r)
		s.Start()
		c.put("shop")
		pass(time.Second)
		c.event("L", 10)
		pass(50 * time.Millisecond)
		s.Close()
		again := c.sender("a", r)
		again.Start()
		pass(time.Second)
		again.Close()
		if len(r.all("shop")) != 10 {
			t.Errorf("%d messages", len(r.all("shop")))
		}
	})
}

// TestSlowReceiverHarmsNobody: while one receiver hangs, and another fails, the others get all.
func TestSlowReceiverHarmsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		r.does["slow"] = hang
		r.does["broken"] = func(int, *http.Request) *http.Response { return answer(500) }
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		for _, name := range []string{"slow", "broken", "good"} {
			c.put(name)
		}
		pass(time.Second)
		c.event("L", 3*tailEvents)
		pass(attemptTimeout / 2)
		if !slices.Equal(r.firsts("good"), begun(c, "")) || len(r.firsts("slow")) != 1 {
			t.Errorf("the good one got %d of %d", len(r.firsts("good")), len(begun(c, "")))
		}
	})
}

// TestReplaySendsAgain: a webhook that a client moves back sends the same messages again, and one that is moved forward
// leaves out what is between.
func TestReplaySendsAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		c.put("shop")
		pass(time.Second)
		c.event("L", 4)
		pass(100 * time.Millisecond)
		c.apply(&engine.SetWebhookPosition{Items: []engine.WebhookPosition{{Name: "shop", Position: begun(c, "")[1]}}})
		pass(5 * time.Second)
		all := r.all("shop")
		if len(all) != 6 || all[4].id != all[2].id || string(all[5].body) != string(all[3].body) {
			t.Fatalf("%d messages", len(all))
		}
		r.does["shop"] = func(int, *http.Request) *http.Response { return answer(500) }
		c.event("L", 4)
		pass(time.Minute)
		r.mu.Lock()
		delete(r.does, "shop")
		r.mu.Unlock()
		c.apply(&engine.SetWebhookPosition{Items: []engine.WebhookPosition{{Name: "shop", Position: c.e.LastEvent()}}})
		pass(time.Minute)
		c.event("L", 1)
		pass(time.Minute)
		if firsts, want := r.firsts("shop"), begun(c, ""); !slices.Equal(firsts[5:], want[8:]) {
			t.Errorf("got %v of %v", firsts, want)
		}
	})
}

// TestMissedEventsAreCounted: events that were dropped by age before they could be sent are told.
func TestMissedEventsAreCounted(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		c.put("shop")
		c.event("L", 3)
		time.Sleep(engine.EventAgeMS * time.Millisecond)
		c.event("L", 1)
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		pass(time.Second)
		if st, _ := s.Status("shop"); st.Missed != 6 || st.Sent != 1 || len(r.all("shop")) != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// TestPassedOverEventsAreReportedSeldom: a webhook whose filter selects nothing moves on without an entry a second.
func TestPassedOverEventsAreReportedSeldom(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		c.put("shop", "X")
		for range 60 {
			c.event("L", 5)
			pass(time.Second)
		}
		if c.reports == 0 || c.reports > 3 {
			t.Errorf("%d reports in a minute", c.reports)
		}
		c.event("L", skipEventsMax/2+1)
		pass(3 * time.Second)
		if w := c.hook("shop"); w.Position != c.e.LastEvent() {
			t.Errorf("at %d of %d", w.Position, c.e.LastEvent())
		}
	})
}

// TestDeletedWebhookIsNotSent: what is deleted, or disabled by a client, gets nothing more.
func TestDeletedWebhookIsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		s := c.sender("a", r)
		s.Start()
		defer s.Close()
		c.put("gone")
		c.put("off")
		pass(time.Second)
		c.apply(&engine.DeleteWebhook{Name: "gone"})
		c.apply(&engine.PutWebhook{Name: "off", URL: "https://off.example", Disabled: true})
		pass(time.Second)
		c.event("L", 2)
		pass(time.Minute)
		if len(r.all("gone"))+len(r.all("off")) != 0 {
			t.Errorf("%d and %d messages", len(r.all("gone")), len(r.all("off")))
		}
	})
}

// TestTestMessage: a test message comes once, signed, whatever the receiver answers, and only so many at a time.
func TestTestMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster, r *receivers) {
		s := c.sender("a", r)
		c.put("shop")
		w := c.hook("shop")
		o, ok := s.Test(t.Context(), &w)
		all := r.all("shop")
		if !ok || !o.Delivered || o.Status != 204 || len(all) != 1 || all[0].kind != testType ||
			verify(w.Secret, &all[0]) != nil {
			t.Errorf("%+v, %+v", o, all)
		}
		r.does["shop"] = hang
		for range TestsMax {
			go s.Test(t.Context(), &w)
		}
		pass(0)
		if _, ok := s.Test(t.Context(), &w); ok {
			t.Error("one more than the limit went out")
		}
		pass(attemptTimeout)
		r.does["shop"] = func(int, *http.Request) *http.Response { return answer(410) }
		if o, ok := s.Test(t.Context(), &w); !ok || o.Delivered || o.Status != 410 || o.Error == "" {
			t.Errorf("%+v, %t", o, ok)
		}
	})
}
