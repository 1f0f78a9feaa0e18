package client

import (
	"context"
	"net/http"

	"apportion/httpapi/api"
)

// Refresh sets on hand of items at a location.
func (c *Client) Refresh(ctx context.Context, body api.Refresh, options ...Option) (*api.ChangedStock, error) {
	return post[api.ChangedStock](ctx, c, path("inventory", "refresh"), body, options)
}

// Adjust changes on hand of items at a location by signed amounts.
func (c *Client) Adjust(ctx context.Context, body api.Adjust, options ...Option) (*api.ChangedStock, error) {
	return post[api.ChangedStock](ctx, c, path("inventory", "adjust"), body, options)
}

// Transfer moves available units between segments or locations.
func (c *Client) Transfer(ctx context.Context, body api.Transfer, options ...Option) (*api.ChangedStock, error) {
	return post[api.ChangedStock](ctx, c, path("inventory", "transfer"), body, options)
}

// Block marks records as blocked, or clears the mark.
func (c *Client) Block(ctx context.Context, body api.Block, options ...Option) (*api.ChangedStock, error) {
	return post[api.ChangedStock](ctx, c, path("inventory", "block"), body, options)
}

// Redistribute splits available units again.
func (c *Client) Redistribute(ctx context.Context, body api.Redistribute, options ...Option) (*api.Redistributed,
	error) {
	return post[api.Redistributed](ctx, c, path("inventory", "redistribute"), body, options)
}

// DeleteRecords removes records.
func (c *Client) DeleteRecords(ctx context.Context, body api.DeleteRecords, options ...Option) (*api.DeletedRecords,
	error) {
	return post[api.DeletedRecords](ctx, c, path("inventory", "delete"), body, options)
}

// Record reads one record. A record that does not exist is a problem unknown-record.
func (c *Client) Record(ctx context.Context, location, upc string, options ...Option) (*api.Record, error) {
	reply, err := get[api.Records](ctx, c, path("inventory", location, upc), options)
	if err != nil {
		return nil, err
	}
	return &reply.Records[0], nil
}

// RecordFilter picks records and their order. Zero values pick all, by location.
type RecordFilter struct {
	Location, UPC string
	Search        string // a part of the UPC
	State         string // sold-out, below-floor, below-safety, negative, due or blocked
	Tags          api.Tags
	Sort          string // location or upc
}

// parameters are those of the filter.
func (f *RecordFilter) parameters() []Option {
	return []Option{parameter("location", f.Location), parameter("upc", f.UPC), parameter("search", f.Search),
		parameter("state", f.State), tags(f.Tags), parameter("sort", f.Sort)}
}

// ListRecords reads a page of records. An empty cursor begins, and the reply's Next is the cursor of the next page.
// limit 0 is the server's default.
func (c *Client) ListRecords(ctx context.Context, filter RecordFilter, cursor string, limit int64, options ...Option) (
	*api.RecordPage, error) {
	options = append(append(options, filter.parameters()...), parameter("cursor", cursor), number("limit", limit))
	return get[api.RecordPage](ctx, c, path("inventory"), options)
}

// ListLocations reads a page of the locations that have a record, and whose names contain a text.
func (c *Client) ListLocations(ctx context.Context, search, cursor string, limit int64, options ...Option) (
	*api.LocationList, error) {
	options = append(options, parameter("search", search), parameter("cursor", cursor), number("limit", limit))
	return get[api.LocationList](ctx, c, path("locations"), options)
}

// ListUPCs reads a page of the UPCs that have a record, and contain a text.
func (c *Client) ListUPCs(ctx context.Context, search, cursor string, limit int64, options ...Option) (*api.UPCList,
	error) {
	options = append(options, parameter("search", search), parameter("cursor", cursor), number("limit", limit))
	return get[api.UPCList](ctx, c, path("upcs"), options)
}

// RecordHistory reads a page of what happened to a record, the newest first. An empty cursor begins, and the reply's
// Next is the cursor of the next page. limit 0 is the server's default.
func (c *Client) RecordHistory(ctx context.Context, location, upc, cursor string, limit int64, options ...Option) (
	*api.RecordHistory, error) {
	options = append(options, parameter("cursor", cursor), number("limit", limit))
	return get[api.RecordHistory](ctx, c, path("inventory", location, upc, "history"), options)
}

// Query finds records by items, locations and tags.
func (c *Client) Query(ctx context.Context, body api.Query, options ...Option) (*api.RecordPage, error) {
	return send[api.RecordPage](ctx, c, newCall(read, http.MethodPost, path("inventory", "query"), options), body)
}

// Aggregate sums over locations.
func (c *Client) Aggregate(ctx context.Context, body api.Aggregate, options ...Option) (*api.Aggregates, error) {
	return send[api.Aggregates](ctx, c, newCall(read, http.MethodPost, path("inventory", "aggregate"), options), body)
}

// Counts reads the open stock counts, or that of a location.
func (c *Client) Counts(ctx context.Context, location string, options ...Option) (*api.CountList, error) {
	return get[api.CountList](ctx, c, path("counts"), append(options, parameter("location", location)))
}

// StartCount opens a stock count at a location.
func (c *Client) StartCount(ctx context.Context, location string, body api.StartCount, options ...Option) (*api.Count,
	error) {
	return post[api.Count](ctx, c, path("counts", location, "start"), body, options)
}

// CloseCount closes it.
func (c *Client) CloseCount(ctx context.Context, location string, body api.CloseCount, options ...Option) (*api.Count,
	error) {
	return post[api.Count](ctx, c, path("counts", location, "close"), body, options)
}
