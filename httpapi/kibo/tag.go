package kibo

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/names"
)

// percent is a share in hundredths; it is read as a number with at most two decimals.
type percent struct {
	given bool
	basis int32 // basis points
}

// UnmarshalJSON reads a percentage; null means none.
func (p *percent) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	basis := math.Round(f * 100)
	if err != nil || math.Abs(basis-f*100) > 1e-6 || basis < 0 || basis > 10_000 {
		return badRequest("percent", string(b), "percent: %s is no number from 0 to 100 with at most two decimals", b)
	}
	*p = percent{given: true, basis: int32(basis)}
	return nil
}

// MarshalJSON writes a percentage, without decimals if it has none.
func (p percent) MarshalJSON() ([]byte, error) {
	if !p.given {
		return []byte("null"), nil
	}
	return json.Marshal(float64(p.basis) / 100)
}

// tagBody is one value of a category, in requests and in replies.
type tagBody struct {
	TagID     uint32   `json:"tagID"`
	TagValue  string   `json:"tagValue"`
	IsDefault *bool    `json:"isDefault"`
	Percent   *percent `json:"percent,omitempty"`
}

// categoryBody is a category, in requests and in replies.
type categoryBody struct {
	TagCategoryID uint32    `json:"tagCategoryID"`
	Name          string    `json:"name"`
	Tags          []tagBody `json:"tags"`
}

// deletedReply counts what is gone.
type deletedReply struct {
	Deleted int `json:"deleted"`
}

// tagNumber is the number of a name that has none in the engine: always the same, and positive in 32 bits with a sign.
func tagNumber(names ...string) uint32 {
	h := fnv.New32a()
	for _, name := range names {
		_, _ = h.Write(append([]byte(name), 0))
	}
	return max(h.Sum32()&math.MaxInt32, 1)
}

func shownCategory(c *engine.Category) categoryBody {
	body := categoryBody{TagCategoryID: tagNumber(c.Name), Name: c.Name}
	for i := range c.Values {
		body.Tags = append(body.Tags, shownTag(c, i))
	}
	return body
}

func shownTag(c *engine.Category, i int) tagBody {
	v := &c.Values[i]
	body := tagBody{TagID: tagNumber(c.Name, v.Name), TagValue: v.Name, IsDefault: &v.Default}
	if v.Percent != engine.NoPercent {
		body.Percent = &percent{given: true, basis: v.Percent}
	}
	return body
}

func findCategory(r *Request) (*engine.Category, error) {
	if err := r.Host.Barrier(); err != nil {
		return nil, err
	}
	c, ok := r.Host.Reader().Schema().Category(r.Path[0])
	if !ok {
		return nil, unknownCategory(r.Path[0])
	}
	return c, nil
}

func unknownCategory(name string) *Fault {
	return notFound(engine.CodeUnknownCategory, "name", name, "there is no tag category %q", name)
}

// tagOf gives the index of a tag in its category.
func tagOf(c *engine.Category, value string) (int, error) {
	i := slices.IndexFunc(c.Values, func(v engine.Value) bool { return v.Name == value })
	if i < 0 {
		return 0, notFound(engine.CodeUnknownValue, "tagValue", value, "the tag category %q has no tag %q", c.Name,
			value)
	}
	return i, nil
}

func listCategories(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	list := []categoryBody{}
	categories := r.Host.Reader().Schema().Categories()
	for i := range categories {
		list = append(list, shownCategory(&categories[i]))
	}
	return Reply{Value: list}, nil
}

func readCategory(r *Request) (Reply, error) {
	c, err := findCategory(r)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Value: shownCategory(c)}, nil
}

func readTag(r *Request) (Reply, error) {
	c, err := findCategory(r)
	if err != nil {
		return Reply{}, err
	}
	i, err := tagOf(c, r.Path[1])
	if err != nil {
		return Reply{}, err
	}
	return Reply{Value: shownTag(c, i)}, nil
}

// createCategory makes a category that must not exist.
func createCategory(r *Request) (Reply, error) {
	var body categoryBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	return put(r, body.Name, func(was *engine.Category) (*engine.PutTagCategory, error) {
		if was != nil {
			return nil, badRequest("name", body.Name, "there is a tag category %q already", body.Name)
		}
		return withTags(body.Name, body.Tags, nil)
	})
}

// putCategory makes a category, or replaces its tags. A body without tags leaves them unchanged.
func putCategory(r *Request) (Reply, error) {
	var body categoryBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if body.Name != "" && body.Name != r.Path[0] {
		return Reply{}, badRequest("name", body.Name, "a tag category keeps its name; this one is %q", r.Path[0])
	}
	if body.Tags == nil {
		c, err := findCategory(r)
		if err == nil {
			return Reply{Value: shownCategory(c)}, nil
		}
		if _, isFault := err.(*Fault); !isFault {
			return Reply{}, err
		}
	}
	return put(r, r.Path[0], func(was *engine.Category) (*engine.PutTagCategory, error) {
		return withTags(r.Path[0], body.Tags, was)
	})
}

// withTags is a category with these tags. They keep bounds in units, which only the native API can set.
func withTags(name string, tags []tagBody, was *engine.Category) (*engine.PutTagCategory, error) {
	if err := atMost("tags", len(tags), engine.CategoryValuesMax); err != nil {
		return nil, err
	}
	distributed := slices.ContainsFunc(tags, func(t tagBody) bool { return t.Percent != nil && t.Percent.given })
	anyDefault := slices.ContainsFunc(tags, func(t tagBody) bool { return t.IsDefault != nil && *t.IsDefault })
	c := &engine.PutTagCategory{Name: name}
	if was != nil {
		c.Rounding = was.Rounding
	}
	for i, t := range tags {
		v := engine.Value{Name: t.TagValue, Percent: engine.NoPercent, Max: engine.NoMax}
		if was != nil {
			if at := slices.IndexFunc(was.Values, func(old engine.Value) bool {
				return old.Name == t.TagValue
			}); at >= 0 && distributed {
				v.Min, v.Max = was.Values[at].Min, was.Values[at].Max
			}
		}
		v.Default = t.IsDefault != nil && *t.IsDefault || !anyDefault && i == 0
		if distributed {
			v.Percent = 0 // a tag without a share beside tags with one
			if t.Percent != nil {
				v.Percent = t.Percent.basis
			}
		}
		c.Values = append(c.Values, v)
	}
	return c, nil
}

// put makes a category from the present one, and puts it unless the present one has changed meanwhile.
func put(r *Request, name string, from func(was *engine.Category) (*engine.PutTagCategory, error)) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	results, err := r.Host.Do([]Proposal{{Category: name,
		Make: func(was *engine.Category) (*engine.PutTagCategory, error) {
			c, err := from(was)
			if err == nil {
				err = checked(c)
			}
			if err == nil {
				err = looksLikeNoOther(r.Host.Reader().Schema(), c)
			}
			return c, err
		}}})
	if err != nil {
		return Reply{}, err
	}
	if results[0].Code != engine.CodeOK {
		return Reply{}, refusal(&results[0])
	}
	now, ok := r.Host.Reader().Schema().Category(name)
	if !ok { // it was deleted meanwhile
		return Reply{Value: categoryBody{TagCategoryID: tagNumber(name), Name: name}}, nil
	}
	return Reply{Value: shownCategory(now)}, nil
}

// looksLikeNoOther refuses a category or a tag that people cannot tell from another one.
func looksLikeNoOther(schema *engine.Schema, c *engine.PutTagCategory) error {
	if field, value, like := names.Alike(schema, c); field != "" {
		return badRequest(field, value, "%s: %q looks like %q", field, value, like)
	}
	return nil
}

// doOne proposes a command without a job.
func doOne(r *Request, c engine.Command) error {
	results, err := r.Host.Do([]Proposal{{Command: c}})
	if err != nil {
		return err
	}
	if results[0].Code != engine.CodeOK {
		return refusal(&results[0])
	}
	return nil
}

func deleteCategory(r *Request) (Reply, error) {
	if _, err := findCategory(r); err != nil {
		return Reply{}, err
	}
	c := &engine.DeleteTagCategory{Name: r.Path[0]}
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, c); err != nil {
		return Reply{}, err
	}
	return Reply{Value: deletedReply{1}}, nil
}

// changeTags puts the category of the path with the values that edit makes from a copy of the present ones.
func changeTags(r *Request, edit func(c *engine.Category, values []engine.Value) ([]engine.Value, error)) error {
	_, err := put(r, r.Path[0], func(was *engine.Category) (*engine.PutTagCategory, error) {
		if was == nil {
			return nil, unknownCategory(r.Path[0])
		}
		values, err := edit(was, slices.Clone(was.Values))
		return &engine.PutTagCategory{Name: was.Name, Rounding: was.Rounding, Values: values}, err
	})
	return err
}

// oneTag answers with the tag of that name.
func oneTag(r *Request, value string) (Reply, error) {
	r.Path[1] = value
	return readTag(r)
}

func createTag(r *Request) (Reply, error) {
	var body tagBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	err := changeTags(r, func(c *engine.Category, values []engine.Value) ([]engine.Value, error) {
		if _, err := tagOf(c, body.TagValue); err == nil {
			return nil, badRequest("tagValue", body.TagValue, "the tag category %q has a tag %q already", c.Name,
				body.TagValue)
		}
		values = append(values, engine.Value{Name: body.TagValue, Percent: engine.NoPercent, Max: engine.NoMax})
		return applyTag(values, len(values)-1, &body), nil
	})
	if err != nil {
		return Reply{}, err
	}
	return oneTag(r, body.TagValue)
}

// putTag changes a tag's share and whether it is the default. Its value is its identity.
func putTag(r *Request) (Reply, error) {
	var body tagBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if body.TagValue != "" && body.TagValue != r.Path[1] {
		return Reply{}, badRequest("tagValue", body.TagValue, "a tag keeps its value; this one is %q", r.Path[1])
	}
	err := changeTags(r, func(c *engine.Category, values []engine.Value) ([]engine.Value, error) {
		i, err := tagOf(c, r.Path[1])
		if err != nil {
			return nil, err
		}
		return applyTag(values, i, &body), nil
	})
	if err != nil {
		return Reply{}, err
	}
	return oneTag(r, r.Path[1])
}

// applyTag applies a body to value i, and changes the other values as far as it must: one value is the default, and
// either all values have a share or none has.
func applyTag(values []engine.Value, i int, body *tagBody) []engine.Value {
	if body.IsDefault != nil && *body.IsDefault {
		for k := range values {
			values[k].Default = k == i
		}
	}
	if body.Percent != nil && body.Percent.given {
		values[i].Percent = body.Percent.basis
	}
	if slices.ContainsFunc(values, func(v engine.Value) bool { return v.Percent != engine.NoPercent }) {
		for k := range values {
			values[k].Percent = max(values[k].Percent, 0)
		}
	}
	return values
}

func deleteTag(r *Request) (Reply, error) {
	err := changeTags(r, func(c *engine.Category, values []engine.Value) ([]engine.Value, error) {
		i, err := tagOf(c, r.Path[1])
		switch {
		case err != nil:
			return nil, err
		case values[i].Default:
			return nil, badRequest("tagValue", r.Path[1], "%q is the default of its category: make another tag the "+
				"default first", r.Path[1])
		}
		return slices.Delete(values, i, i+1), nil
	})
	if err != nil {
		return Reply{}, err
	}
	return Reply{Value: deletedReply{1}}, nil
}
