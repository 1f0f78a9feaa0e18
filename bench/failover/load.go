package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"apportion/bench/rig"
)

const (
	location = "W1"
	upc      = "A"

	// clientTimeout bounds a request; retryPause is a client's pause before it sends again.
	clientTimeout = 2 * time.Second
	retryPause    = 10 * time.Millisecond
)

// ack is an acknowledged write.
type ack struct{ asked, at time.Duration }

// load is a set of clients that write.
type load struct {
	begin   time.Time
	done    chan struct{}
	running sync.WaitGroup
	acks    [][]ack // by client
}

func newLoad(c rig.Cluster, clients int) *load {
	l := &load{begin: time.Now(), done: make(chan struct{}), acks: make([][]ack, clients)}
	for i := range clients {
		l.running.Go(func() { l.client(c, i) })
	}
	return l
}

func (l *load) now() time.Duration { return time.Since(l.begin) }

// stop ends the load and returns the acknowledged writes in order.
func (l *load) stop() []ack {
	close(l.done)
	l.running.Wait()
	all := slices.Concat(l.acks...)
	slices.SortFunc(all, func(a, b ack) int { return cmp.Compare(a.at, b.at) })
	return all
}

// client writes orders. It sends each one until it is acknowledged, and changes to the next node after a failure.
func (l *load) client(c rig.Cluster, number int) {
	client := &http.Client{Timeout: clientTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	at := number
	for order := 0; ; order++ {
		asked := l.now()
		for !allocate(client, c[at%nodesCount].URL(), fmt.Sprintf("%d-%d", number, order)) {
			at++
			pause(retryPause)
			if l.ended() {
				return
			}
			asked = l.now()
		}
		l.acks[number] = append(l.acks[number], ack{asked, l.now()})
		if l.ended() {
			return
		}
	}
}

func (l *load) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// loadStock gives the one record more units than all clients can order.
func loadStock(url string) error {
	body := fmt.Sprintf(`{"location":%q,"items":[{"upc":%q,"quantity":1000000000}]}`, location, upc)
	return rig.Await("the stock is there", func() error {
		client := &http.Client{Timeout: clientTimeout}
		response, err := client.Post(url+"/v1/inventory/refresh", "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			err = errors.New(response.Status)
		}
		return errors.Join(err, response.Body.Close())
	})
}

// allocate sends an order. A repetition is safe: order and item keep their ids.
func allocate(client *http.Client, url, order string) bool {
	body := fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":%q,"quantity":1}]}`, upc, location)
	response, err := client.Post(url+"/v1/orders/"+order+"/allocate", "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	_, readErr := io.Copy(io.Discard, response.Body)
	return response.Body.Close() == nil && readErr == nil && response.StatusCode == http.StatusOK
}
