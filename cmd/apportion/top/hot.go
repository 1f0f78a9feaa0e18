package top

import (
	"context"
	"slices"
	"strings"
	"time"

	"apportion/httpapi/client"
)

// hot finds the records that change most, by the feed of changes. It looks at what changes in a short window before
// each picture: what is hot is in each of them. A record's version counts its changes, so how far it moved between two
// windows tells all that happened between them, though the feed tells a record only once.
type hot struct {
	seen   map[recordKey]sighting
	looked time.Time // when the last window began
	err    error     // of the last window
}

type recordKey struct{ upc, location string }

// sighting is a record as a window had it.
type sighting struct {
	version   uint64
	at        time.Time
	available int64
	perSecond float64 // changes since the sighting before; 0: there was none
}

const (
	// hotWindow costs the server one record in a page for each that changes in it.
	hotWindow = 100 * time.Millisecond

	// hotTimeMax bounds the reading of a window, hotKept how long a record is remembered that is in no window.
	hotTimeMax = time.Second
	hotKept    = 30 * time.Second

	hotPage = 1000
)

// look reads a window. A picture without it is better than none.
func (h *hot) look(ctx context.Context, server *client.Client) {
	h.looked = time.Now()
	h.err = h.window(ctx, server)
}

func (h *hot) window(ctx context.Context, server *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, hotWindow+hotTimeMax)
	defer cancel()
	page, err := server.Changes(ctx, client.ChangeFilter{}, client.Now, 1, 0, client.Stale(0))
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(hotWindow):
	}
	for more := true; more; more = page.More {
		if page, err = server.Changes(ctx, client.ChangeFilter{}, page.Next, hotPage, 0, client.Stale(0)); err != nil {
			return err
		}
		now := time.Now()
		for i := range page.Changes {
			if c := &page.Changes[i]; !c.Deleted {
				h.note(recordKey{c.UPC, c.Location}, sighting{version: c.Version, at: now, available: c.Available})
			}
		}
	}
	for key, s := range h.seen {
		if time.Since(s.at) > hotKept {
			delete(h.seen, key)
		}
	}
	return nil
}

// note notes a sighting.
func (h *hot) note(key recordKey, s sighting) {
	if before, ok := h.seen[key]; ok {
		s.perSecond = before.perSecond
		if passed := s.at.Sub(before.at); passed >= hotWindow && s.version >= before.version {
			s.perSecond = float64(s.version-before.version) / passed.Seconds()
		} else {
			s.version, s.at = before.version, before.at // of the same window
		}
	}
	if h.seen == nil {
		h.seen = map[recordKey]sighting{}
	}
	h.seen[key] = s
}

// hottest are up to so many records of the last window, the hottest first.
func (h *hot) hottest(most int) (keys []recordKey) {
	for key, s := range h.seen {
		if s.perSecond > 0 && s.at.After(h.looked) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b recordKey) int {
		if x, y := h.seen[a].perSecond, h.seen[b].perSecond; x != y {
			return compare(y, x)
		}
		return strings.Compare(a.upc+"\x00"+a.location, b.upc+"\x00"+b.location)
	})
	return keys[:min(len(keys), most)]
}
