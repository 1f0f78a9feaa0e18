package client

import (
	"context"
	"net/http"

	"apportion/httpapi/api"
)

// TagCategories reads all tag categories.
func (c *Client) TagCategories(ctx context.Context, options ...Option) (*api.TagCategories, error) {
	return get[api.TagCategories](ctx, c, path("tag-categories"), options)
}

// TagCategory reads one.
func (c *Client) TagCategory(ctx context.Context, name string, options ...Option) (*api.TagCategory, error) {
	return get[api.TagCategory](ctx, c, path("tag-categories", name), options)
}

// PutTagCategory makes a category or replaces its definition.
func (c *Client) PutTagCategory(ctx context.Context, name string, body api.PutTagCategory, options ...Option) (
	*api.ChangedSchema, error) {
	return send[api.ChangedSchema](ctx, c, newCall(write, http.MethodPut, path("tag-categories", name), options), body)
}

// DeleteTagCategory removes a category. moveTo names the value that keeps its stock; it may be empty if there is none.
func (c *Client) DeleteTagCategory(ctx context.Context, name, moveTo string, options ...Option) (*api.ChangedSchema,
	error) {
	options = append(options, parameter("moveTo", moveTo))
	call := newCall(write, http.MethodDelete, path("tag-categories", name), options)
	return send[api.ChangedSchema](ctx, c, call, nil)
}
