package names

import (
	"fmt"
	"slices"

	"apportion/engine"
)

// Alike finds a name of a tag category that is to be put, its own or a value's, that looks like another one beside it:
// field and value say which, like is the other one. No field: there is none. Two that are both in the schema already
// stand as they are: of them one can only be moved to the other.
func Alike(schema *engine.Schema, c *engine.PutTagCategory) (field, value, like string) {
	was, known := schema.Category(c.Name)
	if !known {
		folded := Folded(c.Name)
		for _, other := range schema.Categories() {
			if Folded(other.Name) == folded {
				return "name", c.Name, other.Name
			}
		}
	}
	isOld := func(name string) bool {
		return known && slices.ContainsFunc(was.Values, func(v engine.Value) bool { return v.Name == name })
	}
	first := make(map[string]string, len(c.Values))
	for i := range c.Values {
		name := c.Values[i].Name
		folded := Folded(name)
		other, ok := first[folded]
		if ok && other != name && !(isOld(name) && isOld(other)) { // the same name twice is the engine's to refuse
			return fmt.Sprintf("values[%d].value", i), name, other
		}
		first[folded] = name
	}
	return "", "", ""
}
