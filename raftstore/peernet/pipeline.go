package peernet

import (
	"sync"

	"github.com/hashicorp/raft"
)

// pipeline drains every response, so that a late one cannot block Raft. After a rejected request Raft reads no response
// any more, but may send once again before it notices; Raft's own pipeline then waits for a reader, and Raft for the
// pipeline, for ever: the follower gets heartbeats and no entries until another node leads, and Raft's Shutdown does
// not end (https://github.com/hashicorp/raft/issues/612, seen with v1.8.0).
type pipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	done    chan struct{}
	closing sync.Once
}

func newPipeline(inner raft.AppendPipeline) *pipeline {
	p := &pipeline{AppendPipeline: inner, answers: make(chan raft.AppendFuture), done: make(chan struct{})}
	go p.pass()
	return p
}

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline.
func (p *pipeline) Close() error {
	p.closing.Do(func() { close(p.done) })
	return p.AppendPipeline.Close()
}

// pass hands responses on until the pipeline is closed. Few can wait: Raft sends at most a couple of requests before it
// notices.
func (p *pipeline) pass() {
	var waiting []raft.AppendFuture
	for {
		var first raft.AppendFuture
		var out chan<- raft.AppendFuture // nil, which nobody can send to, while nothing waits
		if len(waiting) > 0 {
			first, out = waiting[0], p.answers
		}
		select {
		case answer := <-p.AppendPipeline.Consumer():
			waiting = append(waiting, answer)
		case out <- first:
			waiting = waiting[1:]
		case <-p.done:
			return
		}
	}
}
