package kibo

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"apportion/engine"
)

// percent is a share in hundredths; it is read as a number with at most two decimals.
type percent struct {
	given bool
	basis int32 // basis points
}

// UnmarshalJSON reads a percentage; null is none.
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

// MarshalJSON writes a percentage, whole if it is.
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

// tagNumber is a number for a name that has none of its own: always the same, and positive in 32 bits with a sign.
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
	c, ok := r.Host.Engine().Schema().Category(r.Path[0])
	if !ok {
		return nil, notFound(engine.CodeUnknownCategory, "name", r.Path[0], "there is no tag category %q", r.Path[0])
	}
	return c, nil
}

func findTag(r *Request) (*engine.Category, int, error) {
	c, err := findCategory(r)
	if err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(c.Values, func(v engine.Value) bool { return v.Name == r.Path[1] })
	if i < 0 {
		return nil, 0, notFound(engine.CodeUnknownValue, "tagValue", r.Path[1], "the tag category %q has no tag %q", c.Name, r.Path[1])
	}
	return c, i, nil
}

func listCategories(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	list := []categoryBody{}
	categories := r.Host.Engine().Schema().Categories()
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
	c, i, err := findTag(r)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Value: shownTag(c, i)}, nil
}

// createCategory makes a category that must not be there yet.
func (t *tagCalls) createCategory(r *Request) (Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var body categoryBody
	if err := decode(r.Body, &body); err != nil {
		return Reply{}, err
	}
	r.Path[0] = body.Name
	if _, err := findCategory(r); err == nil {
		return Reply{}, badRequest("name", body.Name, "there is a tag category %q already", body.Name)
	}
	return putTags(r, body.Tags, nil)
}

// putCategory makes a category, or gives the one there is other tags. Without tags it leaves them as they are.
func (t *tagCalls) putCategory(r *Request) (Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var body categoryBody
	if err := decode(r.Body, &body); err != nil {
		return Reply{}, err
	}
	if body.Name != "" && body.Name != r.Path[0] {
		return Reply{}, badRequest("name", body.Name, "a tag category keeps its name; this one is %q", r.Path[0])
	}
	c, err := findCategory(r)
	switch {
	case err != nil && c == nil && !isFault(err):
		return Reply{}, err
	case c != nil && body.Tags == nil:
		return Reply{Value: shownCategory(c)}, nil
	}
	return putTags(r, body.Tags, c)
}

func isFault(err error) bool {
	_, ok := err.(*Fault)
	return ok
}

// putTags puts a category with these tags, which keep the bounds in units that the native API may have given them.
func putTags(r *Request, tags []tagBody, was *engine.Category) (Reply, error) {
	if err := atMost("tags", len(tags), engine.CategoryValuesMax); err != nil {
		return Reply{}, err
	}
	distributed := slices.ContainsFunc(tags, func(t tagBody) bool { return t.Percent != nil && t.Percent.given })
	anyDefault := slices.ContainsFunc(tags, func(t tagBody) bool { return t.IsDefault != nil && *t.IsDefault })
	c := &engine.PutTagCategory{Name: r.Path[0]}
	if was != nil {
		c.Rounding = was.Rounding
	}
	for i, t := range tags {
		v := engine.Value{Name: t.TagValue, Percent: engine.NoPercent, Max: engine.NoMax}
		if was != nil {
			if at := slices.IndexFunc(was.Values, func(old engine.Value) bool { return old.Name == t.TagValue }); at >= 0 && distributed {
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
	return put(r, c)
}

func put(r *Request, c *engine.PutTagCategory) (Reply, error) {
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, c); err != nil {
		return Reply{}, err
	}
	now, ok := r.Host.Engine().Schema().Category(c.Name)
	if !ok { // somebody has deleted it since
		return Reply{Value: categoryBody{TagCategoryID: tagNumber(c.Name), Name: c.Name}}, nil
	}
	return Reply{Value: shownCategory(now)}, nil
}

// doOne does a command that has no job.
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

func (t *tagCalls) deleteCategory(r *Request) (Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
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

// changed puts the category that edit has made of a copy of the one there is.
func (t *tagCalls) changed(r *Request, c *engine.Category, edit func(values []engine.Value) []engine.Value) error {
	cmd := &engine.PutTagCategory{Name: c.Name, Rounding: c.Rounding, Values: edit(slices.Clone(c.Values))}
	_, err := put(r, cmd)
	return err
}

// oneTag answers with the tag of that name.
func oneTag(r *Request, value string) (Reply, error) {
	r.Path[1] = value
	return readTag(r)
}

func (t *tagCalls) createTag(r *Request) (Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var body tagBody
	if err := decode(r.Body, &body); err != nil {
		return Reply{}, err
	}
	c, err := findCategory(r)
	if err != nil {
		return Reply{}, err
	}
	if slices.ContainsFunc(c.Values, func(v engine.Value) bool { return v.Name == body.TagValue }) {
		return Reply{}, badRequest("tagValue", body.TagValue, "the tag category %q has a tag %q already", c.Name, body.TagValue)
	}
	err = t.changed(r, c, func(values []engine.Value) []engine.Value {
		values = append(values, engine.Value{Name: body.TagValue, Percent: engine.NoPercent, Max: engine.NoMax})
		return applyTag(values, len(values)-1, &body)
	})
	if err != nil {
		return Reply{}, err
	}
	return oneTag(r, body.TagValue)
}

// putTag changes a tag's share and whether it is the default. Its value is its identity.
func (t *tagCalls) putTag(r *Request) (Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var body tagBody
	if err := decode(r.Body, &body); err != nil {
		return Reply{}, err
	}
	if body.TagValue != "" && body.TagValue != r.Path[1] {
		return Reply{}, badRequest("tagValue", body.TagValue, "a tag keeps its value; this one is %q", r.Path[1])
	}
	c, i, err := findTag(r)
	if err != nil {
		return Reply{}, err
	}
	err = t.changed(r, c, func(values []engine.Value) []engine.Value { return applyTag(values, i, &body) })
	if err != nil {
		return Reply{}, err
	}
	return oneTag(r, r.Path[1])
}

// applyTag gives value i what a body says, and the others what follows from it: there is one default, and either all values
// have a share or none has.
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

func (t *tagCalls) deleteTag(r *Request) (Reply, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, i, err := findTag(r)
	if err != nil {
		return Reply{}, err
	}
	if c.Values[i].Default {
		return Reply{}, badRequest("tagValue", r.Path[1], "%q is the default of its category: make another tag the default first", r.Path[1])
	}
	err = t.changed(r, c, func(values []engine.Value) []engine.Value { return slices.Delete(values, i, i+1) })
	if err != nil {
		return Reply{}, err
	}
	return Reply{Value: deletedReply{1}}, nil
}
