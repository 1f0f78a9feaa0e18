package datafile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRoundTrip: what is written is read again, compressed as the name says.
func TestRoundTrip(t *testing.T) {
	text := strings.Repeat("upc,location,quantity\n", 10_000)
	for name, magic := range map[string]string{"a.csv": "upc", "a.csv.gz": "\x1f\x8b",
		"a.CSV.zst": "\x28\xb5\x2f\xfd"} {
		path := filepath.Join(t.TempDir(), name)
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(raw, []byte(magic)) {
			t.Errorf("%s begins with %q, %v", name, raw[:min(4, len(raw))], err)
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if taken, size := r.Progress(); taken != int64(len(raw)) || size != taken {
			t.Errorf("%s: read %d of %d bytes, and %d were written", name, taken, size, len(raw))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if got := Ext(path); got != ".csv" {
			t.Errorf("%s: the end is %q", name, got)
		}
	}
}

// TestWriter: a file keeps its name, its content and its permissions until another one is whole.
func TestWriter(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "stock.csv"), filepath.Join(dir, "link.csv")
	check := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		files, _ := os.ReadDir(dir)
		info, _ := os.Lstat(link)
		if err != nil || string(got) != want || len(files) != 2 || info.Mode().IsRegular() {
			t.Errorf("%q, want %q, %v; files: %v", got, want, err, files)
		}
	}
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("stock.csv", link); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		w, err := Create(link)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "new"); err != nil {
			t.Fatal(err)
		}
		if commit {
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		check(map[bool]string{false: "old", true: "new"}[commit])
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the permissions are %v, %v", info.Mode(), err)
	}
	if w, err := Create(os.DevNull); err != nil || w.partial != "" || w.Commit() != nil {
		t.Errorf("a device is not replaced: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "none", "x")); err == nil {
		t.Error("a directory that does not exist")
	}
	bad := filepath.Join(dir, "bad.gz")
	if err := os.WriteFile(bad, []byte("no gzip at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(bad); err == nil || !strings.Contains(err.Error(), "cannot be unpacked") {
		t.Errorf("got %v", err)
	}
}
