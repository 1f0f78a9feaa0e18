package names

import (
	"fmt"
	"slices"

	"apportion/engine"
)

// Alike finds a name in a new definition of a tag category, its own or that of a value, that looks like another name
// beside it. field and value name it, and like is the other one; without a field there is none. Two names that are both
// in the schema already may stay: one of them can only be moved to the other.
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
		if ok && other != name && !(isOld(name) && isOld(other)) { // the engine refuses the same name twice
			return fmt.Sprintf("values[%d].value", i), name, other
		}
		first[folded] = name
	}
	return "", "", ""
}
