package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"apportion/httpapi/api"
)

// fakeServer answers the requests of a run from maps. A test can make it answer wrongly.
type fakeServer struct {
	mu         sync.Mutex
	records    map[string]map[string]*api.Figures // UPC -> value of benchCategory ("" if there is none)
	orders     map[string]*fakeOrder
	categories []api.TagCategory
	requests   int
	rules      []string

	// after, if set, may falsify the effect or the answer of a request. Status 0 breaks the connection after the
	// effect.
	after func(step string, number int, s *fakeServer, status int, reply any) (int, any)
}

type fakeOrder struct {
	lines                                  []fakeLine
	allocated, shipped, returned, released bool
}

type fakeLine struct {
	upc, value string
	units      int64
}

func startFake(t *testing.T) (*fakeServer, string) {
	s := &fakeServer{records: map[string]map[string]*api.Figures{}, orders: map[string]*fakeOrder{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.Split(r.URL.Path, "/")
	step := path[len(path)-1]
	if step == "metrics" {
		text := fmt.Sprintf("apportion_entry_commands_sum %d\napportion_log_sync_seconds_count "+
			"7\nprocess_cpu_seconds_total 1\n", s.requests)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write([]byte(text))
		return
	}
	status, reply := s.handle(r, path, step)
	s.requests++
	if s.after != nil {
		status, reply = s.after(step, s.requests, s, status, reply)
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	body, _ := json.Marshal(reply)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func fakeProblem(status int, code string) (int, any) {
	return status, map[string]any{"status": status, "code": code}
}

func (s *fakeServer) handle(r *http.Request, path []string, step string) (int, any) {
	read := func(in any) {
		if err := json.NewDecoder(r.Body).Decode(in); err != nil {
			panic(err)
		}
	}
	switch {
	case path[2] == "rules":
		s.rules = append(s.rules, r.Method+" "+step)
		return 200, struct{}{}
	case r.Method == "PUT":
		var c api.TagCategory
		read(&c)
		c.Name = step
		s.categories = append(s.categories, c)
		return 200, struct{}{}
	case step == "tag-categories":
		return 200, map[string]any{"categories": s.categories}
	case path[2] == "tag-categories":
		return fakeProblem(404, "unknown-category")
	case step == "refresh":
		var in fakeRefresh
		read(&in)
		return s.refresh(&in)
	case step == "query":
		var in api.Query
		read(&in)
		return s.query(&in)
	case path[2] == "inventory":
		return 200, struct{}{}
	case r.Method == "GET":
		return s.readOrder(step)
	}
	var in struct{ Lines []fakeOrderLine }
	read(&in)
	return s.order(path[3], step, in.Lines)
}

type fakeRefresh struct {
	Items []struct {
		UPC      string
		Quantity int64
		Tags     map[string]string
	}
}

type fakeOrderLine struct {
	UPC      string
	Quantity int64
	Tags     map[string]string
}

func (s *fakeServer) segment(upc, value string) *api.Figures {
	if s.records[upc] == nil {
		s.records[upc] = map[string]*api.Figures{}
	}
	if s.records[upc][value] == nil {
		s.records[upc][value] = &api.Figures{}
	}
	return s.records[upc][value]
}

func (s *fakeServer) refresh(in *fakeRefresh) (int, any) {
	for _, item := range in.Items {
		s.segment(item.UPC, item.Tags[benchCategory]).OnHand = item.Quantity
	}
	return 200, struct{}{}
}

func (s *fakeServer) query(in *api.Query) (int, any) {
	records := []map[string]any{}
	for _, item := range in.Items {
		segments := []api.Segment{}
		var sum api.Figures
		for value, f := range s.records[item.UPC] {
			shown := api.Segment{Figures: *f}
			shown.Available = shown.OnHand - shown.Allocated
			if value != "" {
				shown.Tags = api.Tags{benchCategory: value}
			}
			sum.OnHand += shown.OnHand
			sum.Allocated += shown.Allocated
			sum.Available += shown.Available
			segments = append(segments, shown)
		}
		if len(segments) > 0 {
			records = append(records, map[string]any{"upc": item.UPC, "onHand": sum.OnHand, "allocated": sum.Allocated,
				"available": sum.Available, "segments": segments})
		}
	}
	return 200, map[string]any{"records": records}
}

func (s *fakeServer) order(id, step string, lines []fakeOrderLine) (int, any) {
	o := s.orders[id]
	if o == nil {
		o = &fakeOrder{}
	}
	switch step {
	case "allocate":
		for _, line := range lines {
			if f := s.segment(line.UPC, line.Tags[benchCategory]); f.OnHand-f.Allocated < line.Quantity {
				return fakeProblem(409, codeInsufficient)
			}
		}
		for _, line := range lines {
			s.segment(line.UPC, line.Tags[benchCategory]).Allocated += line.Quantity
			o.lines = append(o.lines, fakeLine{line.UPC, line.Tags[benchCategory], line.Quantity})
		}
		o.allocated, s.orders[id] = true, o
	case "fulfill":
		o.shipped = true
		o.each(s, func(f *api.Figures, units int64) { f.OnHand -= units; f.Allocated -= units })
	case "deallocate":
		o.released = true
		o.each(s, func(f *api.Figures, units int64) { f.Allocated -= units })
	case "return":
		if o.returned = true; !o.shipped {
			o.lines = []fakeLine{{lines[0].UPC, "", lines[0].Quantity}} // goods whose order is unknown
		}
		o.each(s, func(f *api.Figures, units int64) { f.OnHand += units })
	}
	return 200, struct{}{}
}

func (o *fakeOrder) each(s *fakeServer, do func(f *api.Figures, units int64)) {
	for _, line := range o.lines {
		do(s.segment(line.upc, line.value), line.units)
	}
}

func (s *fakeServer) readOrder(id string) (int, any) {
	o := s.orders[id]
	if o == nil {
		return fakeProblem(404, "unknown-order")
	}
	items := []map[string]any{}
	for _, line := range o.lines {
		figures := map[string]int64{}
		switch {
		case o.released:
			figures["released"] = line.units
		case o.shipped:
			figures["fulfilled"] = line.units
		default:
			figures["allocated"] = line.units
		}
		if o.returned {
			figures["returned"] = line.units
		}
		items = append(items, map[string]any{"upc": line.upc, "lines": []any{figures}})
	}
	return 200, map[string]any{"items": items}
}
