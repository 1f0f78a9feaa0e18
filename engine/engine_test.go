package engine

import (
	"fmt"
	"testing"
)

// host applies commands to an engine, one log entry each.
type host struct {
	t     testing.TB
	e     *Engine
	index uint64
	nowMS int64
	buf   []byte
	out   []byte
}

func newHost(t testing.TB) *host { return &host{t: t, e: New(), nowMS: 1_000} }

func (h *host) apply(c Command) *Result { return h.applyKeyed("", c) }

func (h *host) applyKeyed(key string, c Command) *Result {
	h.t.Helper()
	return h.do(&Envelope{Key: key}, c)
}

func (h *host) do(env *Envelope, c Command) *Result {
	h.t.Helper()
	h.index++
	h.buf = AppendCommand(h.buf[:0], env, c)
	h.out = h.e.Apply(h.index, h.nowMS, h.buf, h.out[:0])
	r := new(Result)
	if err := DecodeResult(append([]byte(nil), h.out...), r); err != nil {
		h.t.Fatalf("result of %T: %v", c, err)
	}
	h.e.Verify(func(problem string) { h.t.Errorf("after %+v: %s", c, problem) })
	return r
}

func (h *host) must(c Command) *Result {
	h.t.Helper()
	r := h.apply(c)
	if r.Code != CodeOK {
		h.t.Fatalf("%+v: %v at %s=%s, lines %+v", c, r.Code, r.Field, r.Value, r.Lines)
	}
	return r
}

// channels gives a category Channel with percents in basis points; the first value is the default.
func channels(percents ...int32) *PutTagCategory {
	c := &PutTagCategory{Name: "Channel"}
	for i, p := range percents {
		c.Values = append(c.Values, Value{Name: string(rune('A' + i)), Percent: p, Default: i == 0, Max: NoMax})
	}
	return c
}

// figures renders a record as "A onHand/allocated/pending/available ...".
func (h *host) figures(upc, location string) string {
	var v RecordView
	if !h.e.ReadRecord(upc, location, &v) {
		return "none"
	}
	text := ""
	for i := range v.Segments {
		s := &v.Segments[i]
		text += fmt.Sprintf("%s %d/%d/%d/%d ", h.e.Schema().TagsJSON(s.TagSet), s.OnHand, s.Allocated, s.Pending,
			s.Available())
	}
	return text
}

func (h *host) want(upc, location, want string) {
	h.t.Helper()
	if got := h.figures(upc, location); got != want {
		h.t.Errorf("%s at %s: got  %s\nwant %s", upc, location, got, want)
	}
}

func TestStory(t *testing.T) { tell(t, "first") }

func TestReservationExpires(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{{UPC: "U", Quantity: 5}}})
	h.must(&Allocate{OrderID: "o", ExpiresAtMS: 2_000,
		Lines: []AllocateLine{{ItemID: "1", UPC: "U", Location: "L", Quantity: 4}}})
	h.want("U", "L", `{} 5/4/0/1 `)
	if due, ok := h.e.NextDueMS(); !ok || due != 2_000 {
		t.Errorf("next due %d, %v", due, ok)
	}
	h.nowMS = 2_000
	h.must(&Expire{})
	h.want("U", "L", `{} 5/0/0/5 `)
	if r := h.apply(&OrderChange{Action: KindConfirm, OrderID: "o"}); r.Code != CodeExpired {
		t.Errorf("confirm after the end: %v", r.Code)
	}
}
