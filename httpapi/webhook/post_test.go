package webhook

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"apportion/engine"
)

// TestTargets: only public addresses are dialled, whatever leads to them, unless the operator allows others.
func TestTargets(t *testing.T) {
	asked := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer receiver.Close()
	byName := strings.Replace(receiver.URL, "127.0.0.1", "localhost", 1)
	for _, allowed := range []bool{false, true} {
		s := newCluster(t).sender("a", newTarget(allowed).transport())
		for _, url := range []string{receiver.URL, byName} {
			o := s.post(t.Context(), &engine.Webhook{URL: url, Secret: secretOf('1')}, &message{})
			if o.Delivered != allowed || !allowed && o.Error != errPrivate.Error() {
				t.Errorf("%s, allowed %t: %+v", url, allowed, o)
			}
		}
	}
	if asked != 2 {
		t.Errorf("the receiver was asked %d times", asked)
	}
}

func TestCheckURL(t *testing.T) {
	f := func(url string, want, wantAllowed bool) {
		t.Helper()
		for allowed, want := range map[bool]bool{false: want, true: wantAllowed} {
			if reason := newTarget(allowed).check(url); (reason == "") != want {
				t.Errorf("%s, private ones allowed %t: %q", url, allowed, reason)
			}
		}
	}
	f("https://shop.example/hook?a=b", true, true)
	f("http://shop.example:8443", true, true)
	f("https://93.184.216.34/", true, true)
	f("https://[2606:2800:220:1::1]/", true, true)
	for _, ip := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
		"100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[ff02::1]",
		"[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		f("https://"+ip+"/hook", false, true)
	}
	for _, url := range []string{"", "shop.example", "ftp://shop.example", "https://", "https:///hook", "https://:443",
		"https://user:pass@shop.example", "https://shop.example/#top", "https://shop.example:port", "https://a%zz/"} {
		f(url, false, false)
	}
}

// TestAnswers: redirects are not followed, an answer without end is left, and errors name no URL.
func TestAnswers(t *testing.T) {
	followed := false
	mux := http.NewServeMux()
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { followed = true })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/header", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 2*answerHeaderBytesMax))
	})
	mux.HandleFunc("/ask", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	receiver := httptest.NewServer(mux)
	defer receiver.Close()
	s := newCluster(t).sender("a", nil)
	f := func(path string, delivered bool, status int, retryAfter time.Duration) {
		t.Helper()
		o := s.post(t.Context(), &engine.Webhook{URL: receiver.URL + path, Secret: secretOf('1')}, &message{})
		if o.Delivered != delivered || o.Status != status || o.retryAfter != retryAfter ||
			strings.Contains(o.Error, "http://") || delivered != (o.Error == "") {
			t.Errorf("%s: %+v", path, o)
		}
	}
	f("/redirect?token=1", false, 307, 0)
	f("/endless", true, 200, 0)
	f("/header", false, 0, 0)
	f("/ask", false, 429, 7*time.Second)
	receiver.Close()
	f("/closed?token=1", false, 0, 0)
	if followed {
		t.Error("a redirect was followed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := s.post(ctx, &engine.Webhook{URL: receiver.URL, Secret: secretOf('1')}, &message{}); o.Delivered {
		t.Errorf("%+v", o)
	}
}
