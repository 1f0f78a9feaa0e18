package replay

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"apportion/httpapi/api"
)

// fakeServer answers the few requests of a replay from maps. With it, a test can be a server that makes mistakes.
type fakeServer struct {
	mu       sync.Mutex
	location string
	category api.TagCategory
	segments map[SegmentKey]*api.Segment
	orders   map[string][]fakeLine // order and item -> units shipped from where
	kept     map[string]keptReply  // idempotency key
	requests int

	// busyEvery makes each n-th write answer 503: the odd ones before anything happened, the even ones after it.
	busyEvery int
	// onStep, if set, may falsify what a step did.
	onStep func(step string, s *fakeServer)
}

type fakeLine struct {
	item    string
	key     SegmentKey
	units   int64
	shipped bool
}

type keptReply struct {
	status int
	body   []byte
}

func startFake(t *testing.T) (*fakeServer, string) {
	s := &fakeServer{segments: map[SegmentKey]*api.Segment{}, orders: map[string][]fakeLine{},
		kept: map[string]keptReply{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	s.requests++
	failed := s.busyEvery > 0 && key != "" && s.requests%s.busyEvery == 0
	kept, repeated := s.kept[key]
	if key == "" || !repeated && (!failed || s.requests%2 == 0) {
		status, reply := s.handle(r)
		body, _ := json.Marshal(reply)
		kept = keptReply{status, body}
		if key != "" {
			s.kept[key] = kept
		}
	}
	if failed {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":503,"code":"outcome-unknown","detail":"try again"}`))
		return
	}
	w.WriteHeader(kept.status)
	_, _ = w.Write(kept.body)
}

func (s *fakeServer) handle(r *http.Request) (int, any) {
	read := func(in any) {
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(in); err != nil {
			panic(err)
		}
	}
	path := strings.Split(r.URL.Path, "/")
	step := path[len(path)-1]
	defer func() {
		if s.onStep != nil {
			s.onStep(step, s)
		}
	}()
	switch {
	case r.Method == "PUT":
		read(&s.category)
		s.category.Name = step
		return http.StatusOK, struct{}{}
	case step == "tag-categories":
		return http.StatusOK, api.TagCategories{Categories: []api.TagCategory{s.category}}
	case step == "refresh":
		var request api.Refresh
		read(&request)
		s.refresh(&request)
		return http.StatusOK, struct{}{}
	case step == "query":
		var request api.Query
		read(&request)
		return http.StatusOK, s.query(&request)
	case step == "allocate":
		var request api.Allocate
		read(&request)
		return http.StatusOK, s.allocate(path[3], &request)
	case step == "fulfill":
		return http.StatusOK, s.fulfill(path[3])
	case step == "return":
		var request api.ReturnOrder
		read(&request)
		return s.takeBack(path[3], &request.Lines[0])
	}
	return http.StatusNotFound, api.Problem{Status: 404, Code: "not-found"}
}

func (s *fakeServer) key(upc, country string) SegmentKey {
	return SegmentKey{upc, canonical(api.Tags{s.category.Name: country})}
}

func (s *fakeServer) segment(upc, country string) *api.Segment {
	key := s.key(upc, country)
	if s.segments[key] == nil {
		s.segments[key] = &api.Segment{Tags: api.Tags{s.category.Name: country}}
	}
	return s.segments[key]
}

// refresh gives everything but the first value's share by rounding down: any split will do for the replay.
func (s *fakeServer) refresh(request *api.Refresh) {
	s.location = request.Location
	for _, item := range request.Items {
		left := item.Quantity
		for i, value := range s.category.Values {
			units := int64(float64(item.Quantity) * *value.Percent / 100)
			if i == len(s.category.Values)-1 {
				units = left
			}
			s.segment(item.UPC, value.Value).OnHand = units
			left -= units
		}
	}
}

func (s *fakeServer) query(request *api.Query) any {
	records := []api.Record{}
	for _, item := range request.Items {
		r := api.Record{UPC: item.UPC}
		for _, value := range s.category.Values {
			if segment := s.segments[s.key(item.UPC, value.Value)]; segment != nil {
				shown := *segment
				shown.Available = shown.OnHand - shown.Allocated
				r.OnHand += shown.OnHand
				r.Segments = append(r.Segments, shown)
			}
		}
		records = append(records, r)
	}
	return api.RecordPage{Records: records}
}

func (s *fakeServer) allocate(order string, request *api.Allocate) any {
	lines := []map[string]any{}
	for _, line := range request.Lines {
		segment := s.segment(line.UPC, line.Tags[s.category.Name])
		available := segment.OnHand - segment.Allocated
		if available < line.Quantity {
			lines = append(lines, map[string]any{"itemId": line.ItemID, "outcome": "refused", "code": "insufficient",
				"available": available})
			continue
		}
		segment.Allocated += line.Quantity
		key := s.key(line.UPC, line.Tags[s.category.Name])
		s.orders[order] = append(s.orders[order], fakeLine{item: line.ItemID, key: key, units: line.Quantity})
		lines = append(lines, map[string]any{"itemId": line.ItemID, "outcome": "allocated", "code": "ok",
			"allocated": line.Quantity})
	}
	return map[string]any{"lines": lines}
}

func (s *fakeServer) fulfill(order string) any {
	lines := []map[string]any{}
	for i := range s.orders[order] {
		line := &s.orders[order][i]
		if line.shipped {
			continue
		}
		line.shipped = true
		s.segments[line.key].Allocated -= line.units
		s.segments[line.key].OnHand -= line.units
		lines = append(lines, map[string]any{"itemId": line.item, "outcome": "fulfilled", "code": "ok",
			"quantity": line.units})
	}
	return map[string]any{"lines": lines}
}

func (s *fakeServer) takeBack(order string, line *api.ReturnLine) (int, any) {
	segment := (*api.Segment)(nil)
	for i := range s.orders[order] {
		if shipped := &s.orders[order][i]; shipped.item == line.ItemID && shipped.units >= line.Quantity {
			shipped.units -= line.Quantity
			segment = s.segments[shipped.key]
		}
	}
	switch {
	case segment != nil:
	case line.UPC != "" && line.Location == s.location:
		segment = s.segment(line.UPC, s.category.Values[0].Value)
	default:
		return http.StatusConflict, api.Problem{Status: 409, Code: "exceeds-left", Detail: "more than there is"}
	}
	segment.OnHand += line.Quantity
	return http.StatusOK, map[string]any{"lines": []map[string]any{{"itemId": line.ItemID, "outcome": "returned",
		"quantity": line.Quantity}}}
}
