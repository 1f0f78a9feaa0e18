package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"apportion/bench/wire"
)

// record is a record of stock that one connection orders from.
type record struct {
	upc, location string

	acked int64                 // units that were acknowledged
	acks  [acksMax]atomic.Int64 // when, by unit, as nanoseconds since the start
}

// acksMax bounds the acknowledgements of a record whose times are known.
const acksMax = 4096

const recordsPerConnection = 100

// stock is what is ordered.
type stock struct {
	options options
	start   time.Time
	records []*record
	of      map[string]*record // by UPC, which is at one location
}

func newStock(o options) *stock {
	s := &stock{options: o, start: time.Now(), of: map[string]*record{}}
	for i := range o.connections * recordsPerConnection {
		r := &record{upc: fmt.Sprintf("U%06d", i), location: fmt.Sprintf("L%04d", i%o.locations)}
		s.records = append(s.records, r)
		s.of[r.upc] = r
	}
	return s
}

// orders has all connections order for the time of a measurement. It gives the orders, and how many that is a second.
func (s *stock) orders(address string, turn uint64) (orders, rate float64, err error) {
	o := s.options
	begin := time.Now()
	end := begin.Add(time.Duration(o.seconds) * time.Second)
	var made atomic.Int64
	errs := make([]error, o.connections)
	var workers sync.WaitGroup
	for i := range o.connections {
		workers.Go(func() {
			records := s.records[i*recordsPerConnection : (i+1)*recordsPerConnection]
			n, err := s.order(address, records, (turn<<16+uint64(i))<<32, begin, end)
			made.Add(n)
			errs[i] = err
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, 0, err
		}
	}
	orders = float64(made.Load())
	return orders, orders / time.Since(begin).Seconds(), nil
}

// order has one connection order until the end.
func (s *stock) order(address string, records []*record, id uint64, begin, end time.Time) (made int64, err error) {
	target := wire.Target{Address: address, Host: address}
	dialed, err := target.Dial()
	if err != nil {
		return 0, err
	}
	conn := wire.NewConn(dialed)
	defer conn.Close()
	each := time.Duration(0)
	if s.options.rate > 0 {
		each = time.Duration(float64(time.Second) * float64(s.options.connections) / float64(s.options.rate))
	}
	var out []byte
	for time.Now().Before(end) {
		if wait := time.Until(begin.Add(time.Duration(made) * each)); wait > 0 {
			time.Sleep(wait)
		}
		r := records[made%int64(len(records))]
		out = wire.AppendPadded(append(out[:0], "POST /v1/orders/"...), id+uint64(made), 20)
		out, mark := wire.AppendBodyHead(append(out, "/allocate"...), &target)
		out = fmt.Appendf(out, `{"lines":[{"itemId":"1","upc":%q,"location":%q,"quantity":1}]}`, r.upc, r.location)
		wire.FillLength(out, mark)
		if _, err := conn.Write(out); err != nil {
			return made, err
		}
		reply, err := conn.ReadReply(false)
		if err == nil && reply.Status != 200 {
			err = fmt.Errorf("status %d: %s", reply.Status, reply.Body)
		}
		if err != nil {
			return made, err
		}
		r.acks[r.acked%acksMax].Store(int64(time.Since(s.start)))
		r.acked++
		made++
	}
	return made, nil
}
