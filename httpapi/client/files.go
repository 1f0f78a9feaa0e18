package client

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"apportion/httpapi/api"
)

// mediaTypes are those of files, by format.
var mediaTypes = map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson"}

// ImportOptions say how a file of stock is imported. Zero values: a CSV file, each row of which sets what is on hand.
type ImportOptions struct {
	Format          string // csv or ndjson
	Action          string // refresh or adjust
	Location, Count string

	Reason, Reference string // why, in the events of what changes

	DryRun, AllOrNothing bool

	// Complete says that the file, or its last part, is all that there is at Location: with Count, which it closes.
	Complete bool
}

// ImportStock imports a file of stock, or a part of one with its header: it is sent again as other writes are. The
// reply lists its first 12,000 bad rows.
func (c *Client) ImportStock(ctx context.Context, file []byte, o ImportOptions, options ...Option) (*api.Imported,
	error) {
	options = append(options, parameter("action", o.Action), parameter("location", o.Location),
		parameter("count", o.Count), flag("dryRun", o.DryRun), flag("allOrNothing", o.AllOrNothing),
		flag("complete", o.Complete), parameter("reason", o.Reason), parameter("reference", o.Reference))
	call := newCall(write, http.MethodPost, path("import", "stock"), options)
	if o.Format == "" {
		o.Format = "csv"
	}
	call.body, call.content = file, mediaTypes[o.Format]
	return decoded[api.Imported](ctx, c, call)
}

// flag is parameter for one that is true or left out.
func flag(name string, set bool) Option {
	if !set {
		return func(*call) {}
	}
	return parameter(name, "true")
}

// Exported is a file that is being read. It must be closed.
type Exported struct {
	AsOf uint64 // the log index of all its rows

	body *openBody
}

// Read implements io.Reader. An error other than io.EOF means that the file is not complete.
func (e *Exported) Read(p []byte) (int, error) { return e.body.Read(p) }

// Close implements io.Closer.
func (e *Exported) Close() error { return e.body.Close() }

// ExportStock begins to read the stock that a filter picks as a file, in the format csv or ndjson.
func (c *Client) ExportStock(ctx context.Context, format string, filter RecordFilter, options ...Option) (*Exported,
	error) {
	return c.Export(ctx, "stock", format, append(options, filter.parameters()...)...)
}

// Export begins to read stock, orders or events as a file, in the format csv or ndjson.
func (c *Client) Export(ctx context.Context, content, format string, options ...Option) (*Exported, error) {
	call := newCall(read, http.MethodGet, path("export", content), append(options, parameter("format", format)))
	call.open = true
	a, err := c.exchange(ctx, call)
	if err != nil {
		return nil, err
	}
	asOf, err := strconv.ParseUint(a.header.Get("Apportion-As-Of"), 10, 64)
	if err != nil {
		_ = a.body.Close()
		return nil, fmt.Errorf("client: the reply to GET %s has no log index: %w", call.path, err)
	}
	return &Exported{AsOf: asOf, body: a.body}, nil
}
