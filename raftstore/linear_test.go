package raftstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// stockCall is one call on one UPC: an allocation of units, or a read if units is 0.
type stockCall struct {
	upc   string
	units int64
}

type stockAnswer struct {
	available int64 // for a read
	refused   bool  // for an allocation
	unknown   bool
}

// stockModel is one record with some units. An allocation takes its units if there are enough, and is refused
// otherwise. With an unknown outcome, both are possible.
func stockModel(units int64) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byUPC := make(map[string][]porcupine.Operation)
			for _, op := range history {
				upc := op.Input.(stockCall).upc
				byUPC[upc] = append(byUPC[upc], op)
			}
			var parts [][]porcupine.Operation
			for _, part := range byUPC {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() []any { return []any{units} },
		Step: func(state, input, output any) []any {
			left, call, answer := state.(int64), input.(stockCall), output.(stockAnswer)
			enough := call.units <= left
			switch {
			case call.units == 0 && answer.available == left:
				return []any{left}
			case call.units == 0:
				return nil
			case answer.unknown && enough:
				return []any{left, left - call.units}
			case answer.unknown, answer.refused && !enough:
				return []any{left}
			case !answer.refused && enough:
				return []any{left - call.units}
			default:
				return nil
			}
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v %+v", input, output) },
	}
	return model.ToModel()
}

// linearClient makes random calls and records the begin and the end of each call. A call with an unknown outcome never
// ends, so the client continues under another name.
type linearClient struct {
	store   *Store
	rng     *rand.Rand
	start   time.Time
	id      int
	history []porcupine.Operation
}

const (
	linearClients = 6
	linearCalls   = 150
	linearUnits   = 150
)

func (c *linearClient) run(t *testing.T, client int) {
	c.id = client
	for i := range linearCalls {
		call := stockCall{upc: fmt.Sprint("U", c.rng.IntN(3)), units: int64(c.rng.IntN(4))}
		begin := time.Since(c.start)
		answer, err := c.call(call, fmt.Sprintf("o%d-%d", client, i))
		end := time.Since(c.start)
		switch {
		case errors.Is(err, ErrOutcomeUnknown):
			answer.unknown = true
			end = time.Hour
		case errors.Is(err, ErrTimeout):
			continue // had no effect
		case err != nil:
			t.Error(err)
			return
		}
		c.history = append(c.history, porcupine.Operation{
			ClientId: c.id, Input: call, Call: int64(begin), Output: answer, Return: int64(end),
		})
		if answer.unknown {
			c.id += linearClients
		}
	}
}

func (c *linearClient) call(call stockCall, orderID string) (stockAnswer, error) {
	if call.units == 0 {
		return c.read(call.upc)
	}
	b := c.store.NewBatch()
	b.Append(nil, allocate(orderID, call.upc, call.units))
	deadline := time.Now().Add(time.Minute)
	if c.rng.IntN(10) == 0 {
		deadline = time.Now().Add(time.Duration(c.rng.IntN(300)) * time.Microsecond)
	}
	if err := c.store.Do(deadline, b); err != nil {
		return stockAnswer{}, err
	}
	var r engine.Result
	if err := engine.DecodeResult(b.Result(0), &r); err != nil {
		return stockAnswer{}, err
	}
	return stockAnswer{refused: r.Code == engine.CodeInsufficient}, nil
}

func (c *linearClient) read(upc string) (stockAnswer, error) {
	if err := c.store.ReadBarrier(time.Now().Add(time.Minute)); err != nil {
		return stockAnswer{}, err
	}
	var v engine.RecordView
	if !c.store.Reader().ReadRecord(upc, "L", &v) {
		return stockAnswer{}, fmt.Errorf("no record of %s", upc)
	}
	return stockAnswer{available: v.Available()}, nil
}

// TestLinearizable: concurrent allocations and reads are linearizable, also during checkpoints: there is an order, one
// call at a time, that explains all answers.
func TestLinearizable(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	cfg := testConfig(vfs.NewMem())
	cfg.checkpointLogBytes, cfg.checkpointSliceBytes = 5000, 100
	s := openReady(t, cfg)
	defer mustClose(t, s)
	for i := range 3 {
		mustDo(t, s, refresh(fmt.Sprint("U", i), linearUnits))
	}
	start := time.Now()
	all := make([]*linearClient, linearClients)
	var running sync.WaitGroup
	for i := range all {
		all[i] = &linearClient{store: s, rng: rand.New(rand.NewPCG(seed, uint64(i))), start: start}
		running.Go(func() { all[i].run(t, i) })
	}
	running.Wait()
	var history []porcupine.Operation
	refused, unknown := 0, 0
	for _, c := range all {
		history = append(history, c.history...)
	}
	for _, op := range history {
		if op.Output.(stockAnswer).refused {
			refused++
		}
		if op.Output.(stockAnswer).unknown {
			unknown++
		}
	}
	t.Logf("%d operations, %d refused, %d of unknown outcome", len(history), refused, unknown)
	if refused == 0 {
		t.Fatal("no allocation was refused: the test shows little")
	}
	model := stockModel(linearUnits)
	result, info := porcupine.CheckOperationsVerbose(model, history, time.Minute)
	if result != porcupine.Ok {
		picture := filepath.Join(t.ArtifactDir(), "history.html")
		t.Errorf("the history is %s; see %s (%v)", result, picture, porcupine.VisualizePath(model, info, picture))
	}
}
