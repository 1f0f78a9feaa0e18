package top

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is one reading of the metrics: figures by name with labels, as the server writes them.
type sample struct {
	at      time.Time
	figures map[string]float64
}

// parse reads a page in the text format of Prometheus.
func parse(text string, at time.Time) (*sample, error) {
	s := &sample{at: at, figures: map[string]float64{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		blank := strings.LastIndexByte(line, ' ')
		if blank < 0 {
			return nil, fmt.Errorf("/metrics has a line without a figure: %q", line)
		}
		figure, err := strconv.ParseFloat(line[blank+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("/metrics has a line without a figure: %q", line)
		}
		s.figures[line[:blank]] = figure
	}
	return s, nil
}

// rate is how much a counter grew a second. A server that was started again counts from 0.
func rate(before, now *sample, name string) float64 {
	grown := now.figures[name] - before.figures[name]
	if grown < 0 {
		grown = now.figures[name]
	}
	return grown / now.at.Sub(before.at).Seconds()
}

// label finds the value of a label in a name.
func label(name, key string) string {
	_, rest, ok := strings.Cut(name, key+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// route is what a route did between two samples.
type route struct {
	name           string
	requests       float64 // a second
	refused        float64 // of these, 4xx
	failed         float64 // of these, 5xx
	median, slow99 float64 // seconds
}

// routes lists those that had requests, the busiest first.
func routes(before, now *sample) []route {
	found := map[string]*route{}
	for name := range now.figures {
		if !strings.HasPrefix(name, "apportion_http_requests_total{") {
			continue
		}
		perSecond := rate(before, now, name)
		if perSecond == 0 {
			continue
		}
		method, path := label(name, "method"), label(name, "path")
		key := method + " " + path
		r := found[key]
		if r == nil {
			labels := fmt.Sprintf("method=%q,path=%q,", method, path)
			r = &route{name: key,
				median: quantile(before, now, "apportion_http_request_duration_seconds", labels, 0.5),
				slow99: quantile(before, now, "apportion_http_request_duration_seconds", labels, 0.99)}
			found[key] = r
		}
		r.requests += perSecond
		switch label(name, "status") {
		case "4xx":
			r.refused += perSecond
		case "5xx":
			r.failed += perSecond
		}
	}
	var all []route
	for _, r := range found {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b route) int {
		if a.requests != b.requests {
			return compare(b.requests, a.requests)
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

func compare(a, b float64) int {
	if a < b {
		return -1
	}
	return 1
}

// bucket is a part of a histogram: how many were at most so long.
type bucket struct{ most, count float64 }

// quantile estimates a quantile of a histogram's growth: linear inside the bucket. It is NaN if nothing was counted.
func quantile(before, now *sample, name, labels string, q float64) float64 {
	prefix := name + "_bucket{" + labels + `le="`
	var all []bucket
	for figure, value := range now.figures {
		if !strings.HasPrefix(figure, prefix) {
			continue
		}
		most, err := strconv.ParseFloat(label(figure, "le"), 64) // +Inf too
		if err == nil {
			all = append(all, bucket{most, max(value-before.figures[figure], 0)})
		}
	}
	slices.SortFunc(all, func(a, b bucket) int { return compare(a.most, b.most) })
	if len(all) == 0 || all[len(all)-1].count == 0 {
		return math.NaN()
	}
	want := q * all[len(all)-1].count
	var below bucket
	for _, b := range all {
		if b.count >= want {
			if math.IsInf(b.most, 1) {
				return below.most
			}
			return below.most + (b.most-below.most)*(want-below.count)/(b.count-below.count)
		}
		below = b
	}
	return below.most
}
