package feed

import (
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/stream"
	"apportion/httpapi/strictjson"
)

// changeStream is a stream of changes. It begins with what is left of a copy.
type changeStream struct {
	source[engine.RecordKey]
	feed     *Changes
	filter   ChangeFilter
	tags     string // the key of its hub
	position Position
	encoder  encoder
}

// Stream is a stream of the changes behind a position that a filter picks.
func (f *Changes) Stream(p Position, filter ChangeFilter) stream.Source {
	s := &changeStream{feed: f, filter: filter, tags: tagsText(filter.Tags), position: p,
		encoder: encoder{reader: f.store.Reader(), tags: filter.Tags}}
	picks := picker[engine.RecordKey]{locations: filter.Locations}
	if len(filter.Locations) > 0 || filter.UPCPrefix != "" {
		picks.picks = filter.picks
	}
	s.source = newSource(f.hubOf(s.tags, filter.Tags), p.changes, picks, func(dst []byte, at place) []byte {
		return (&Position{changes: at}).appendCursor(dst)
	})
	return s
}

// Next implements stream.Source.
func (s *changeStream) Next(dst []byte) (out []byte, idle bool, err error) {
	if !s.position.copying {
		return s.source.Next(dst)
	}
	s.hub.own <- struct{}{}
	defer func() { <-s.hub.own }()
	for looks := 0; s.position.copying && len(dst) < stream.BytesMax && looks < pageLooksMax; looks += copyAtATime {
		s.feed.copyOn(&s.position, &s.encoder, &s.filter, copyAtATime, func(c change) {
			dst = s.encoder.appendEvent(dst, c, &s.position)
		})
	}
	if !s.position.copying {
		dst = stream.AppendID(dst, s.position.appendCursor(nil))
		dst = stream.AppendType(dst, copiedType)
		dst = strictjson.AppendNumber(stream.OpenData(dst), `{"asOf":`, int64(s.feed.store.AppliedIndex()))
		dst = stream.CloseData(append(dst, '}'))
		s.encoder = encoder{}
	}
	return dst, false, nil
}

// Beat implements stream.Source.
func (s *changeStream) Beat(dst []byte) ([]byte, error) {
	if s.position.copying {
		return stream.AppendID(dst, s.position.appendCursor(nil)), nil
	}
	return s.source.Beat(dst)
}

// Close implements stream.Source.
func (s *changeStream) Close() {
	s.source.Close()
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.hubs[s.tags]; h != nil {
		if h.streams--; h.streams == 0 {
			delete(f.hubs, s.tags)
		}
	}
}

// hubOf gives the hub of some tags to one stream more.
func (f *Changes) hubOf(text string, tags []engine.Tag) *hub[engine.RecordKey] {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hubs[text]
	if h == nil {
		h = &changesHub{hub: newHub(f.store, f.own, func(key *engine.RecordKey) string { return key.Location },
			func() read[engine.RecordKey] { return f.readTags(tags) })}
		f.hubs[text] = h
	}
	h.streams++
	return h.hub
}

// tagsText is the same for the same tags. No name has a control character.
func tagsText(tags []engine.Tag) string {
	var texts []string
	for _, t := range tags {
		texts = append(texts, t.Category+"\x00"+t.Value)
	}
	slices.Sort(texts)
	return strings.Join(texts, "\x01")
}
