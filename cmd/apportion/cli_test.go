package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// TestHelp: without arguments and with --help, stdout has the commands, with examples.
func TestHelp(t *testing.T) {
	f := func(args []string, wants ...string) {
		t.Helper()
		status, stdout, stderr := runHere(t, args...)
		if status != 0 || stderr != "" {
			t.Fatalf("%q: status %d, stderr %q", args, status, stderr)
		}
		for _, want := range wants {
			if !regexp.MustCompile(want).MatchString(stdout) {
				t.Errorf("%q: no %q in\n%s", args, want, stdout)
			}
		}
	}
	f(nil, `serve +run the server`, `apportion serve --data ./data --demo`)
	f([]string{"--help"}, `replay-orders`, `Examples:`)
	f([]string{"serve", "--help"}, `--listen ADDRESS`, `APPORTION_LISTEN`, `default: "127.0.0.1:8080"`, `Examples:`)
	f([]string{"verify", "--help"}, `APPORTION_DATA`)
	f([]string{"replay-orders", "--help"}, `FILE.csv`, `APPORTION_TARGET`)
	f([]string{"bench", "--help"}, `flash-sale +everybody wants`, `--rates RATES`, `APPORTION_CONNECTIONS`)
	f([]string{"help"}, `serve +run the server`, `Examples:`)
	f([]string{"help", "serve"}, `--listen ADDRESS`)
	f([]string{"--version"}, `^apportion \d+\.\d+\.\d+.*go1\.\d+.* [a-z]+/[a-z0-9]+, console: (yes|no)\n$`)
	f([]string{"version"}, `^apportion \d+\.\d+\.\d+.*go1\.\d+.* [a-z]+/[a-z0-9]+, console: (yes|no)\n$`)
}

// TestCommandLineDocument: docs/cli.md names each command.
func TestCommandLineDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range newApp(io.Discard, io.Discard).Commands {
		if !strings.Contains(string(text), "`apportion "+command.Name+"`") {
			t.Errorf("docs/cli.md does not name apportion %s", command.Name)
		}
	}
}

// TestMistakes: each mistake gives a short message on stderr, never a page of help. The status is 2 for the command
// line, and 1 for other errors.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(wantStatus int, want string, args ...string) {
		t.Helper()
		status, stdout, stderr := runHere(t, args...)
		if status != wantStatus || stdout != "" || len(stderr) > 1000 || !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("%q: status %d, want %d and %q\nstdout: %s\nstderr: %s", args, status, wantStatus, want, stdout,
				stderr)
		}
	}
	f(2, `unknown command "srve". Did you mean "serve"\?\nRun 'apportion --help'`, "srve")
	f(2, `unknown command "bogus"\nRun 'apportion --help'`, "bogus")
	f(2, `unknown command "bogus"\nRun 'apportion --help'`, "help", "bogus")
	nothing := filepath.Join(dir, "nothing")
	for _, flag := range []string{"--body-bytes-max", "--connections-max", "--streams-max"} {
		f(2, flag+` -5: at least 1`, "serve", "--data", nothing, flag, "-5")
	}
	f(2, `--bodies-bytes-max 1000: at least twice`, "serve", "--data", nothing, "--bodies-bytes-max", "1000")
	for _, flag := range []string{"--request-timeout", "--checkpoint-interval", "--clock-gap-max"} {
		f(2, flag+` -5s: a time above 0`, "serve", "--data", nothing, flag, "-5s")
	}
	f(2, `--data: a directory`, "serve", "--data", "")
	if _, err := os.Stat(nothing); !os.IsNotExist(err) {
		t.Errorf("a bad flag made a data directory: %v", err)
	}
	f(2, `--tokens: open .*none: no such file`, "serve", "--data", nothing, "--tokens", filepath.Join(dir, "none"))
	f(2, `--tokens .*tokens:\nline 2: the secret is`, "serve", "--data", nothing, "--tokens",
		write("tokens", "# who\nrouter:short\n"))
	f(2, `unknown flag --lisen. Did you mean --listen`, "serve", "--lisen", ":8080")
	f(2, `checkpoint-interval`, "serve", "--checkpoint-interval", "fast")
	f(2, `unexpected argument "./data"`, "serve", "./data")
	f(2, `--log-level "loud": expected debug, info, warn or error`, "serve", "--log-level", "loud")
	f(2, `--log-format "xml": expected text or json`, "serve", "--log-format", "xml")
	f(2, `--listen: .*missing port`, "serve", "--listen", "nowhere")
	f(2, `unexpected argument "now"`, "version", "now")
	f(2, `expected one file of orders`, "replay-orders")
	orders := write("orders.csv", "InvoiceNo,StockCode,Quantity,CustomerID,Country\n1,10101,1,1,Spain\n")
	f(2, `expected a URL such as http://127.0.0.1:8080`, "replay-orders", "--target", "localhost", orders)
	f(2, `opening -1`, "replay-orders", "--opening=-1", orders)
	f(1, `none.csv`, "replay-orders", filepath.Join(dir, "none.csv"))
	f(1, `header lacks StockCode`, "replay-orders", write("wrong.csv", "InvoiceNo,Item,Quantity,CustomerID,"+
		"Country\n1,2,3,4,5\n"))
	f(2, `expected a URL such as http://127.0.0.1:8080`, "bench", "--target", "localhost")
	f(2, `workload "x": expected one of allocate, flash-sale`, "bench", "--workload", "x")
	f(2, `--rate: rate "fast": expected requests a second, such as 2500 or 20k, or max`, "bench", "--rate", "fast")
	f(2, `--rates: rate "": expected`, "bench", "--rates", "1,")
	f(2, `--rate and --rates: only one of them`, "bench", "--rate", "1", "--rates", "2")
	f(2, `--duration 0s: a time above 0`, "bench", "--duration", "0s")
	f(2, `connections -1: expected 1 to`, "bench", "--connections", "-1")
	f(2, `needs a file of orders`, "bench", "--workload", "orders")
	f(2, `unexpected argument "allocate"`, "bench", "allocate")
	f(1, `none.csv`, "bench", "--workload", "orders", "--orders", filepath.Join(dir, "none.csv"))
	f(1, `no data directory to verify`, "verify", "--data", filepath.Join(dir, "nowhere"))
	if _, err := os.Stat(filepath.Join(dir, "nowhere")); !os.IsNotExist(err) {
		t.Errorf("verify made the directory it should check: %v", err)
	}

	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	f(1, `/v1/rules answers 404 Not Found: is it an apportion server\?`, "rules", "list", "--server", stranger.URL)

	// Variables of the environment are checked like flags.
	t.Setenv("APPORTION_LOG_LEVEL", "loud")
	f(2, `--log-level "loud"`, "serve")
}

// TestAddressInUse: the message names the address and the flag.
func TestAddressInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	status, _, stderr := servertest.Run(t, "serve", "--data", t.TempDir(), "--listen", listener.Addr().String())
	if status != 1 || !regexp.MustCompile(`is in use.*--listen`).MatchString(stderr) {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
}
