package client

import (
	"context"
	"net/http"

	"apportion/httpapi/api"
)

// Rules reads all rules, without their sources.
func (c *Client) Rules(ctx context.Context, options ...Option) (*api.RuleList, error) {
	return get[api.RuleList](ctx, c, path("rules"), options)
}

// Rule reads a rule with the source of a version, 0 for the newest.
func (c *Client) Rule(ctx context.Context, name string, version int64, options ...Option) (*api.Rule, error) {
	return get[api.Rule](ctx, c, path("rules", name), append(options, number("version", version)))
}

// PutRule uploads a source as a new version.
func (c *Client) PutRule(ctx context.Context, name string, body api.PutRule, options ...Option) (*api.StoredRule,
	error) {
	return send[api.StoredRule](ctx, c, newCall(write, http.MethodPut, path("rules", name), options), body)
}

// CheckRule compiles a source and runs its tests, without storing it.
func (c *Client) CheckRule(ctx context.Context, name string, body api.CheckRule, options ...Option) (*api.CheckedRule,
	error) {
	return send[api.CheckedRule](ctx, c, newCall(read, http.MethodPost, path("rules", name, "check"), options), body)
}

// DeleteRule deletes an inactive rule with all its versions.
func (c *Client) DeleteRule(ctx context.Context, name string, options ...Option) (*api.ChangedRule, error) {
	return send[api.ChangedRule](ctx, c, newCall(write, http.MethodDelete, path("rules", name), options), nil)
}

// ActivateRule activates a version for a scope.
func (c *Client) ActivateRule(ctx context.Context, name string, body api.ActivateRule, options ...Option) (
	*api.Activation, error) {
	return post[api.Activation](ctx, c, path("rules", name, "activate"), body, options)
}

// DeactivateRule ends one or all activations.
func (c *Client) DeactivateRule(ctx context.Context, name string, body api.DeactivateRule, options ...Option) (
	*api.ChangedRule, error) {
	return post[api.ChangedRule](ctx, c, path("rules", name, "deactivate"), body, options)
}

// DryRunRule asks what a rule would do now.
func (c *Client) DryRunRule(ctx context.Context, name string, body api.DryRunRule, options ...Option) (*api.DryRun,
	error) {
	return send[api.DryRun](ctx, c, newCall(read, http.MethodPost, path("rules", name, "dry-run"), options), body)
}
