package raftstore

import (
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// An entry from a newer program ends the node with a message about that. Nothing of the entry is applied.
func TestNewerEntries(t *testing.T) {
	newerCommand := engine.AppendCommand(nil, &engine.Envelope{}, refresh("A", 1))
	newerCommand[0] = 100
	command := engine.AppendCommand(nil, &engine.Envelope{}, refresh("A", 1))
	entryOf := func(command []byte) []byte {
		p := newQueuedBatch()
		p.commands = append(append(p.commands, byte(len(command)), 0, 0, 0), command...)
		data := append(appendEntryHeader(nil, 1, 1), p.commands...)
		durable.Seal(data)
		return data
	}
	newerEntry := entryOf(command)
	newerEntry[0]++
	for name, data := range map[string][]byte{"entry": newerEntry, "command": entryOf(newerCommand)} {
		t.Run(name, func(t *testing.T) {
			a := newApplier(engine.New(), newStoreMetrics(metrics.NewSet()))
			var said string
			f := &fsm{
				applier: a, observe: func(*raft.Log) {}, handOut: func([]byte, *entryResults) {},
				fatal: func(msg string) { said = msg },
			}
			func() {
				defer func() { _ = recover() }() // fatal returns in this test only
				f.Apply(&raft.Log{Index: 2, Type: raft.LogCommand, Data: data})
			}()
			if !strings.Contains(said, "this program") {
				t.Errorf("the operator is told %q", said)
			}
			if n := a.engine.Stats().Records; n != 0 {
				t.Errorf("%d records of an entry that is not understood", n)
			}
		})
	}
}
