package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// dist holds a placeholder, and in app what `make console` has built.
//
//go:embed all:dist
var dist embed.FS

// missing is the page of a build without the console.
//
//go:embed missing.html
var missing []byte

const (
	appDir = "dist/app"
	index  = "index.html"

	// hashedDir has the files whose names change with their content.
	hashedDir = "assets/"
)

// file is a file of the page, in the forms in which it was built.
type file struct {
	contentType string
	tag         string
	hashed      bool
	plain       []byte
	gzip        []byte
	brotli      []byte
}

// files are those of the page by their names, read once. It is empty if the page was not built.
var files = sync.OnceValue(func() map[string]*file {
	app, err := fs.Sub(dist, appDir)
	if err != nil {
		panic("BUG: console: " + err.Error()) // the name is a valid constant
	}
	return readFiles(app)
})

// Built reports whether this binary has the page.
func Built() bool { return files()[index] != nil }

// readFiles reads a directory of files, some with compressed forms beside them.
func readFiles(app fs.FS) map[string]*file {
	all := map[string]*file{}
	_ = fs.WalkDir(app, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || isCompressed(name) {
			return nil // there is no such directory before the page is built
		}
		f := &file{contentType: contentType(name), hashed: strings.HasPrefix(name, hashedDir)}
		if f.plain, err = fs.ReadFile(app, name); err != nil {
			return nil
		}
		f.gzip, _ = fs.ReadFile(app, name+".gz")
		f.brotli, _ = fs.ReadFile(app, name+".br")
		digest := sha256.Sum256(f.plain)
		f.tag = `W/"` + hex.EncodeToString(digest[:8]) + `"`
		all[name] = f
		return nil
	})
	return all
}

func isCompressed(name string) bool {
	return strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".br")
}

// contentTypes are those of the endings that the build makes. (The mime package reads tables of the machine too.)
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

func contentType(name string) string {
	if known := contentTypes[path.Ext(name)]; known != "" {
		return known
	}
	return "application/octet-stream"
}

// Answer answers a request for a file of the page, "" for the page itself. It reports whether there is such a file; if
// not, it has done nothing.
func Answer(ctx *fasthttp.RequestCtx, name string) bool {
	if name == "" {
		name = index
	}
	f := files()[name]
	if f == nil && name == index {
		f = &file{contentType: contentTypes[".html"], plain: missing}
	}
	if f == nil {
		return false
	}
	f.answer(ctx)
	return true
}

// answer sends the file, in the smallest form that the client takes.
func (f *file) answer(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	setHeaders(header)
	header.SetContentType(f.contentType)
	if f.hashed {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "no-cache")
	}
	if f.tag != "" {
		header.Set("ETag", f.tag)
		if string(ctx.Request.Header.Peek("If-None-Match")) == f.tag {
			ctx.SetStatusCode(http.StatusNotModified)
			return
		}
	}
	body := f.plain
	switch {
	case f.brotli != nil && ctx.Request.Header.HasAcceptEncoding("br"):
		body = f.brotli
		header.SetContentEncoding("br")
	case f.gzip != nil && ctx.Request.Header.HasAcceptEncoding("gzip"):
		body = f.gzip
		header.SetContentEncoding("gzip")
	}
	if f.gzip != nil || f.brotli != nil {
		header.Set("Vary", "Accept-Encoding")
	}
	ctx.SetStatusCode(http.StatusOK)
	ctx.Response.SetBodyRaw(body)
}
