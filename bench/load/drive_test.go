package load

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pingSession sends the same small request repeatedly.
type pingSession struct {
	sent    int
	effects []effect
}

func (s *pingSession) request(dst []byte) ([]byte, call) {
	s.sent++
	return append(dst, "GET / HTTP/1.1\r\n\r\n"...), call{opRead, 1}
}
func (s *pingSession) answered(e effect) { s.effects = append(s.effects, e) }
func (s *pingSession) sample() []*order  { return nil }

const okReply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

// virtual is a server in virtual time. For each request, answer gives the delay and the reply; "" closes the
// connection.
type virtual struct {
	answer  func(at time.Duration) (after time.Duration, reply string)
	start   time.Time
	took    time.Duration // until the client had finished
	serving sync.WaitGroup
}

func (v *virtual) dial() (net.Conn, error) {
	client, server := net.Pipe()
	v.serving.Go(func() {
		defer server.Close()
		in := bufio.NewReader(server)
		for {
			for line := "..."; len(line) > 2; { // to the empty line
				var err error
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
			}
			after, reply := v.answer(time.Since(v.start))
			time.Sleep(after) // virtual
			if _, err := io.WriteString(server, reply); reply == "" || err != nil ||
				strings.Contains(reply, "Connection: close") {
				return
			}
		}
	})
	return client, nil
}

// run sends requests to a virtual server for one stretch, over some connections.
func (v *virtual) run(t *testing.T, ctx context.Context, connections int, s Stretch) (m Measured,
	sessions []*pingSession, err error) {
	t.Helper()
	v.start = time.Now()
	var workers []*worker
	for range connections {
		conn, _ := v.dial()
		session := &pingSession{}
		sessions = append(sessions, session)
		workers = append(workers, newWorker(&workload{}, session, conn, v.dial, newSleeper()))
	}
	measurement := &Measurement{rec: newRecorder(nil)}
	err = drive(ctx, workers, measurement.rec, s)
	v.took = time.Since(v.start)
	for _, w := range workers {
		_ = w.conn.Close()
	}
	v.serving.Wait()
	return measurement.Result(s), sessions, err
}

// atLeast counts the latencies of a measurement from this one up, by its percentiles.
func atLeast(rec *recorder, latency time.Duration) (count int64) {
	for _, bar := range rec.total.h.Distribution() {
		if bar.From >= latency.Microseconds() {
			count += bar.Count
		}
	}
	return count
}

// stall answers in a millisecond, but not between second 1 and second 2.
func stall(at time.Duration) (time.Duration, string) {
	if at >= time.Second && at < 2*time.Second {
		return 2*time.Second - at, okReply
	}
	return time.Millisecond, okReply
}

// TestOpenLoopOmitsNothing: if a server stalls for a second, every request that was due in that second shows it. A
// closed loop at the same rate sees one long request for each connection. That difference is the reason for the open
// loop.
func TestOpenLoopOmitsNothing(t *testing.T) {
	f := func(closed bool, wantLong, wantShort int64) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			v := &virtual{answer: stall, start: time.Now()}
			rec := newRecorder(nil)
			var workers []*worker
			for range 4 {
				conn, _ := v.dial()
				workers = append(workers, newWorker(&workload{}, &pingSession{}, conn, v.dial, newSleeper()))
			}
			s := Stretch{Rate: 200, Closed: closed, Duration: 4 * time.Second}
			if err := drive(context.Background(), workers, rec, s); err != nil {
				t.Fatal(err)
			}
			for _, w := range workers {
				_ = w.conn.Close()
			}
			v.serving.Wait()
			// The 100 requests that were due in the first half of the stall waited for 500 ms or more, and a few behind
			// them, too.
			if got := atLeast(rec, 500*time.Millisecond); got < wantLong || got > wantLong+wantLong/10 {
				t.Errorf("closed %v: %d requests took 500 ms or more, want about %d", closed, got, wantLong)
			}
			if rec.answered < wantShort || rec.answered > 800 {
				t.Errorf("closed %v: %d answers, want %d to 800", closed, rec.answered, wantShort)
			}
			m := (&Measurement{rec: rec}).Result(s)
			if m.LatencyMS.Max < 990 || m.LatencyMS.Max > 1010 || m.LatencyMS.P50 > 2 {
				t.Errorf("closed %v: latency %+v", closed, m.LatencyMS)
			}
			if m.ClientLateMS.Max > 0.01 {
				t.Errorf("closed %v: the client reports a delay of its own: %+v", closed, m.ClientLateMS)
			}
		})
	}
	f(false, 100, 800)
	f(true, 4, 600)
}

// TestOpenLoopUnsent: requests that could not be sent are in the histogram, with their waiting time.
func TestOpenLoopUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{answer: func(time.Duration) (time.Duration, string) { return 100 * time.Millisecond, okReply }}
		// One connection can send 10 a second; 100 are due. After 2 s and a grace of 2 s, about 40 of 200 are answered.
		m, _, err := v.run(t, context.Background(), 1, Stretch{Rate: 100, Duration: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if m.Requests < 39 || m.Requests > 41 || m.Requests+m.NotSent != 200 || m.Failed != m.NotSent {
			t.Errorf("%d answered, %d not sent, %d failed", m.Requests, m.NotSent, m.Failed)
		}
		if m.LatencyMS.P50 < 2000 || m.LatencyMS.Max < 3500 {
			t.Errorf("latency %+v does not show what was not sent", m.LatencyMS)
		}
		if m.RequestsPerSecond < 9 || m.RequestsPerSecond > 11 {
			t.Errorf("%v requests/s, want 10", m.RequestsPerSecond)
		}
	})
}

// TestClosedLoop: a closed loop is as fast as its connections allow, but not faster than its rate.
func TestClosedLoop(t *testing.T) {
	f := func(s Stretch, want int64) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			v := &virtual{answer: func(time.Duration) (time.Duration, string) { return 10 * time.Millisecond, okReply }}
			m, _, err := v.run(t, context.Background(), 4, s)
			if err != nil || m.Loop != "closed" || m.Requests < want-4 || m.Requests > want+4 ||
				m.LatencyMS.Max > 10.1 {
				t.Errorf("%+v: %d answers in a %s loop, %v, latency %+v; want %d", s, m.Requests, m.Loop, err,
					m.LatencyMS, want)
			}
			if len(m.Series) != 2 || m.Series[1].Second != 1 || m.Series[0].Answered < want/2-4 {
				t.Errorf("%+v: series %+v", s, m.Series)
			}
		})
	}
	f(Stretch{Duration: 2 * time.Second}, 800)
	f(Stretch{Rate: 100, Closed: true, Duration: 2 * time.Second}, 200)
}

// TestOutcomes: each answer is counted by its outcome, and the session gets the outcome.
func TestOutcomes(t *testing.T) {
	f := func(reply string, wantCode string, want effect, wantOK bool, wantErr string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			first := true
			v := &virtual{answer: func(time.Duration) (time.Duration, string) {
				if first {
					first = false
					return time.Millisecond, reply
				}
				return time.Second, okReply
			}}
			m, sessions, err := v.run(t, context.Background(), 1, Stretch{Duration: time.Second})
			if wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), wantErr) {
					t.Errorf("%q: error %v, want %q", reply, err, wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if sessions[0].effects[0] != want || (m.Failed == 0) != wantOK {
				t.Errorf("%q: effect %d, %d failed; want %d, ok %v", reply, sessions[0].effects[0], m.Failed, want,
					wantOK)
			}
			// A request without an answer has a latency; an answer that nothing was done has none.
			if want := m.Requests + map[effect]int64{unknown: 1}[want]; m.Ops[0].Requests != want {
				t.Errorf("%q: %d latencies, want %d", reply, m.Ops[0].Requests, want)
			}
			for _, c := range m.Codes {
				if c.Code == wantCode {
					return
				}
			}
			t.Errorf("%q: codes %v, want %s", reply, m.Codes, wantCode)
		})
	}
	problem := func(status, code string) string {
		body := `{"code":"` + code + `"}`
		return "HTTP/1.1 " + status + " X\r\nContent-Length: " + string(rune('0'+len(body)/10)) +
			string(rune('0'+len(body)%10)) + "\r\n\r\n" + body
	}
	f(okReply, "ok", done, true, "")
	f("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "ok", done, true, "")
	f(problem("503", "busy"), "busy", notDone, false, "")
	f(problem("503", "outcome-unknown"), "outcome-unknown", unknown, false, "")
	f(problem("503", "something-new"), "something-new", unknown, false, "")
	f(problem("500", "internal"), "internal", unknown, false, "")
	f("", codeConnection, unknown, false, "")
	f("oops\r\n\r\n", codeConnection, unknown, false, "")
	// a wrong request, or a refusal despite stock, ends the run
	f(problem("400", "bad-json"), "", notDone, false, "answered with 400")
	f(problem("409", "insufficient"), "", notDone, false, "answered with 409")
	f(problem("409", "order-item-conflict"), "", notDone, false, "answered with 409")
}

// TestServerGone: after a server's restart only the requests in flight have failed. A server that does not come back
// ends the run.
func TestServerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{answer: func(time.Duration) (time.Duration, string) {
			return time.Millisecond, ""
		}, start: time.Now()}
		conn, _ := v.dial()
		started := time.Now()
		gone := errors.New("gone")
		w := newWorker(&workload{}, &pingSession{}, conn, func() (net.Conn, error) { return nil, gone }, newSleeper())
		err := drive(context.Background(), []*worker{w}, newRecorder(nil), Stretch{Duration: time.Minute})
		if !errors.Is(err, gone) || time.Since(started) < redialTimeout {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
		v.serving.Wait()
	})
}

// TestInterrupted: a cancelled run ends at once, while it waits for a moment or for an answer.
func TestInterrupted(t *testing.T) {
	f := func(answer time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			v := &virtual{answer: func(time.Duration) (time.Duration, string) { return answer, okReply }}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, _, err := v.run(t, ctx, 2, Stretch{Rate: 0.5, Duration: time.Hour})
			if !errors.Is(err, context.DeadlineExceeded) || v.took != time.Second {
				t.Errorf("after %s: %v", v.took, err)
			}
		})
	}
	f(time.Millisecond)
	f(10 * time.Second)
}

// TestWaiter: the kernel's timer waits for the whole time, and can be interrupted.
func TestWaiter(t *testing.T) {
	for _, w := range []waiter{newWaiter(), newSleeper()} {
		for range 3 {
			until := time.Now().Add(3 * time.Millisecond)
			if err := w.wait(until); err != nil || time.Now().Before(until) {
				t.Errorf("%T: waited too short, or %v", w, err)
			}
		}
		if err := w.wait(time.Now().Add(-time.Second)); err != nil {
			t.Errorf("%T: a moment that is over: %v", w, err)
		}
		go w.interrupt()
		for range 2 {
			if err := w.wait(time.Now().Add(time.Hour)); !errors.Is(err, errInterrupted) {
				t.Errorf("%T: %v", w, err)
			}
		}
		w.close()
	}
}
