package httpapi

import (
	"slices"

	"apportion/engine"
	"apportion/httpapi/kibo"
)

// stored reports whether something that is kept has this very name. Names that were kept before package names held them
// to a form stay good: what they name can be read, shipped and deleted. It is asked about the few names that have not
// that form.
func (req *request) stored(name string) bool {
	e := req.server.reader
	_, place := e.Location(name)
	_, group := e.LocationGroup(name)
	_, rule := e.Rules().Rule(name)
	return e.KnowsName(name) || place || group || rule || inSchema(e.Schema(), name) || inScope(e.Rules(), name) ||
		req.storedOrder(name, "") || req.storedOrder(kibo.CartOrderID(name), "") || req.storedOrder(req.path[0], name)
}

func inSchema(schema *engine.Schema, name string) bool {
	return slices.ContainsFunc(schema.Categories(), func(c engine.Category) bool {
		return c.Name == name || slices.ContainsFunc(c.Values, func(v engine.Value) bool { return v.Name == name })
	})
}

// inScope reports whether a rule is active at a location of this name.
func inScope(set *engine.RuleSet, location string) bool {
	return slices.ContainsFunc(set.Active(), func(a *engine.Activation) bool {
		return slices.Contains(a.Scope.Locations, location)
	})
}

// storedOrder reports whether there is an order, with an item if one is named. One that cannot be read now is taken to
// be there: the command that names it will say what is wrong.
func (req *request) storedOrder(orderID, itemID string) bool {
	var v engine.OrderView
	found, err := req.server.store.ReadOrder(orderID, &v)
	return err != nil || found && (itemID == "" || slices.ContainsFunc(v.Items, func(it engine.ItemView) bool {
		return it.ItemID == itemID
	}))
}
