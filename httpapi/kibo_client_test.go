package httpapi

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestKiboVendorClient runs the product's story against a server with the vendor's own client. A proxy compares each
// reply with the vendor's OpenAPI file, if there is one. make test-kibo installs the client and runs this test.
func TestKiboVendorClient(t *testing.T) {
	client, program := os.Getenv("APPORTION_KIBO_CLIENT"), os.Getenv("APPORTION_KIBO_SERVER")
	if client == "" || program == "" {
		t.Skip("not here: make test-kibo runs this, with the vendor's client and a server")
	}
	t.Run("open", func(t *testing.T) {
		spec := loadKiboSpec(t)
		proxy := httptest.NewServer(checkingProxy(t, startProgram(t, program), spec))
		defer proxy.Close()
		tellStory(t, spec, proxy.URL)
	})
	// The client gets tickets only over TLS. The proxy ends TLS, like a proxy of a real server.
	t.Run("with a ticket", func(t *testing.T) {
		spec := loadKiboSpec(t)
		tokens := filepath.Join(t.TempDir(), "tokens")
		certificate := tokens + ".pem"
		proxy := httptest.NewUnstartedServer(nil)
		proxy.StartTLS()
		defer proxy.Close()
		writeFile(t, certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}))
		writeFile(t, tokens, []byte("router:"+routerSecret+"\n"))
		proxy.Config.Handler = checkingProxy(t, startProgram(t, program, "--tokens", tokens), spec)
		tellStory(t, spec, proxy.URL, "APPORTION_KIBO_SECRET="+routerSecret, "NODE_EXTRA_CA_CERTS="+certificate)
	})
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tellStory runs the client against a server, with additional environment variables.
func tellStory(t *testing.T, spec *kiboSpec, url string, env ...string) {
	t.Helper()
	story := exec.Command("node", "testdata/kibo/story.mjs", url)
	story.Env = append(append(os.Environ(), "HTTP_PROXY=", "HTTPS_PROXY="), env...)
	output, err := story.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatalf("the vendor's client: %v", err)
	}
	if spec != nil {
		t.Logf("%d replies fit the vendor's OpenAPI file", spec.checked)
		if spec.checked < 30 {
			t.Error("so few replies were held against the file that the paths cannot be right")
		}
	}
}

// startProgram starts a server with an empty directory until the end of the test, and returns its base URL.
func startProgram(t *testing.T, program string, args ...string) *url.URL {
	t.Helper()
	server := exec.Command(program, append([]string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"},
		args...)...)
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v:\n%s", err, log.String())
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "http://"); ok {
			address, _, _ = strings.Cut(address, " ")
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return &url.URL{Scheme: "http", Host: strings.TrimRight(address, "/,.")}
		}
	}
	t.Fatalf("the server does not say where it listens:\n%s", log.String())
	return nil
}

// checkingProxy forwards requests and compares the replies with the vendor's file.
func checkingProxy(t *testing.T, to *url.URL, spec *kiboSpec) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(to)
	var mu sync.Mutex
	proxy.ModifyResponse = func(response *http.Response) error {
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		if response.StatusCode == http.StatusOK {
			mu.Lock()
			defer mu.Unlock()
			spec.check(t, response.Request.Method, response.Request.URL.Path, body)
		}
		return nil
	}
	return proxy
}
