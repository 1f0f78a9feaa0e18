package raftstore

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The simulation runs a group of one or three nodes with faults, all from one seed; see world. A command takes the real
// way: batches, proposer, entries and stamps, applier and engine, checkpoints, state database and log, and the steps of
// Open. File systems crash, fail and are lost, and clocks are wrong. simRaft replaces Raft.
//
// It does not have hashicorp/raft and its transport, downloads, membership, reads, early refusals and rules. It takes
// the steps of the Store's goroutines one at a time. Faults while Pebble holds its own locks (a MANIFEST that cannot be
// written) are in the tests with goroutines, because they can only end a process.
//
//	make sim SIM_SEEDS=100000        a long run
//	make sim SIM_SEED=1234           one seed, with everything that happens
const (
	simSeedsEnv = "APPORTION_SIM_SEEDS"
	simSeedEnv  = "APPORTION_SIM_SEED"
	simFirstEnv = "APPORTION_SIM_FIRST" // first seed

	// simSeedsBusy is enough seeds for each kind of fault.
	simSeedsBusy = 300
)

// simSeeds returns the seeds to run.
func simSeeds(t *testing.T) (first, seeds uint64) {
	first, seeds = 1, simSeedsShort
	for name, value := range map[string]*uint64{simSeedsEnv: &seeds, simFirstEnv: &first} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*value = n
		}
	}
	return first, seeds
}

// TestSimulation runs seeds until one fails, on as many workers as there are processors.
func TestSimulation(t *testing.T) {
	if text := os.Getenv(simSeedEnv); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", simSeedEnv, err)
		}
		result := simulate(seed, os.Stdout)
		t.Logf("seed %d: %+v, trace %016x", seed, result.counts, result.trace)
		if result.failure != "" {
			t.Fatal(result.failure)
		}
		return
	}
	first, seeds := simSeeds(t)
	start := time.Now()
	total := simulateAll(t, first, seeds)
	took := time.Since(start)
	t.Logf("%d seeds in %v, %.0f a minute: %+v", seeds, took.Round(time.Millisecond), float64(seeds)/took.Minutes(),
		total)
	if seeds >= simSeedsBusy {
		total.mustBeBusy(t)
	}
}

// mustBeBusy fails if a kind of event never happened: then the simulation proves nothing about it.
func (c *counts) mustBeBusy(t *testing.T) {
	t.Helper()
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		if v.Field(i).Int() == 0 {
			t.Errorf("no %s in all of the seeds", v.Type().Field(i).Name)
		}
	}
}

// simulateAll distributes the seeds to workers. Each world is on one goroutine, and worlds share nothing.
func simulateAll(t *testing.T, first, seeds uint64) counts {
	// A run allocates much and keeps nothing, so more memory makes it faster.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var next atomic.Uint64
	next.Store(first)
	var mu sync.Mutex
	var total counts
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := next.Add(1) - 1; seed < first+seeds && !t.Failed(); seed = next.Add(1) - 1 {
				result := simulate(seed, nil)
				mu.Lock()
				total.add(result.counts)
				mu.Unlock()
				if result.failure != "" {
					t.Errorf("seed %d: %s\nrun it again with: make sim SIM_SEED=%d", seed, result.failure, seed)
				}
			}
		})
	}
	workers.Wait()
	return total
}

// simResult is the result of a seed.
type simResult struct {
	trace   uint64
	counts  counts
	failure string
}

func simulate(seed uint64, print io.Writer) (result simResult) {
	w := newWorld(seed, print)
	defer func() {
		result = simResult{trace: w.trace.Sum64(), counts: w.counts}
		switch r := recover().(type) {
		case nil:
		case simFailure:
			result.failure = r.msg
		default:
			result.failure = fmt.Sprintf("%v\n%s", r, debug.Stack())
		}
	}()
	w.run()
	return result
}

// TestSimulationIsReproducible: the same seed always gives the same run.
func TestSimulationIsReproducible(t *testing.T) {
	for seed := uint64(1_000_000); seed < 1_000_000+simSeedsShort/10; seed++ {
		first, second := simulate(seed, nil), simulate(seed, nil)
		if first != second {
			t.Errorf("seed %d gave %+v, then %+v", seed, first, second)
		}
	}
}
