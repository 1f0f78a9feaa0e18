package statedb

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"apportion/raftstore/durable"
)

func testManifest() *Manifest {
	return &Manifest{Index: 7, Term: 2, Files: []File{
		{Name: "MANIFEST-000001", Bytes: 100, Checksum: 5}, {Name: "marker.format-version.000013.024"},
		{Name: "000004.sst", Bytes: 1 << 20, Checksum: 1 << 31},
	}}
}

func TestManifest(t *testing.T) {
	m := testManifest()
	data, err := appendManifest(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeManifest(data)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("got %+v, %v; want %+v", got, err, m)
	}
	f := func(what string, want error, damage func(data []byte) []byte) {
		t.Helper()
		if _, err := decodeManifest(damage(bytes.Clone(data))); !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", what, err, want)
		}
	}
	f("empty", durable.ErrFormat, func([]byte) []byte { return nil })
	f("a newer version", durable.ErrFormat, func(data []byte) []byte { data[0]++; return data })
	f("a flipped bit", durable.ErrInconsistent, func(data []byte) []byte { data[len(data)-3] ^= 1; return data })
	f("cut off", durable.ErrInconsistent, func(data []byte) []byte { return data[:len(data)-1] })
}

// TestManifestRefuses: a manifest from another node must not name files outside its directory, or files with a special
// meaning there.
func TestManifestRefuses(t *testing.T) {
	f := func(what string, change func(m *Manifest)) {
		t.Helper()
		m := testManifest()
		change(m)
		data, err := appendManifest(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeManifest(data); !errors.Is(err, durable.ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", what, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "../state/CURRENT", "a/b", `a\b`, "/etc/passwd", ".hidden", "a\x00b", "ä", "a b",
		strings.Repeat("x", fileNameBytesMax+1), ManifestName, LockName, "000004.sst" + PartSuffix,
	} {
		f("the name "+name, func(m *Manifest) { m.Files[1].Name = name })
	}
	f("a negative size", func(m *Manifest) { m.Files[0].Bytes = -1 })
	f("a size of nothing that exists", func(m *Manifest) { m.Files[0].Bytes = fileBytesMax + 1 })
	f("one name twice", func(m *Manifest) { m.Files[0].Name = m.Files[1].Name })
	f("no files", func(m *Manifest) { m.Files = nil })
	f("no index", func(m *Manifest) { m.Index = 0 })
}

// TestManifestFilesMax: the number of files of a manifest has a limit.
func TestManifestFilesMax(t *testing.T) {
	fetched := &Manifest{Index: 1}
	for n := checkpointFilesMax; n <= checkpointFilesMax+1; n++ {
		written := Manifest{Files: make([]File, n-1)}
		if err := written.Add(File{Name: "a"}); (err == nil) != (n == checkpointFilesMax) {
			t.Errorf("%d files are written: %v", n, err)
		}
		for i := len(fetched.Files); i < n; i++ {
			fetched.Files = append(fetched.Files, File{Name: fmt.Sprint(i)})
		}
		if err := fetched.Check(); (err == nil) != (n == checkpointFilesMax) {
			t.Errorf("%d files are accepted: %v", n, err)
		}
	}
}

// FuzzDecodeManifest seals its input, because a wrong checksum would stop the decoder at once.
func FuzzDecodeManifest(f *testing.F) {
	data, err := appendManifest(nil, testManifest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[durable.SealBytes:])
	f.Add([]byte(`{"index":1,"files":[{"name":"../a"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = decodeManifest(body)
		m, err := decodeManifest(durable.AppendSealed(nil, ManifestVersion, body))
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if strings.ContainsAny(file.Name, "/\\") || file.Name[0] == '.' {
				t.Fatalf("the name %q went through", file.Name)
			}
		}
		again, err := appendManifest(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeManifest(again); err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("got %+v, %v; want %+v", got, err, m)
		}
	})
}
