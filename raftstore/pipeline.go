package raftstore

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// transport is Raft's, but for its pipelines, for how long it waits at the end of a hand-over, and in that it calls
// nodes as who they are.
type transport struct{ *raft.NetworkTransport }

// TimeoutNow implements raft.Transport. Until it has returned, the leader takes no entry and others follow it, so the
// node that is to lead has less time for its answer than for others.
func (t transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest,
	resp *raft.TimeoutNowResponse) error {
	done := make(chan error, 1)
	var answer raft.TimeoutNowResponse
	go func() { done <- t.NetworkTransport.TimeoutNow(id, calledAs(id, target), args, &answer) }()
	timer := time.NewTimer(timeoutNowMax)
	defer timer.Stop()
	select {
	case err := <-done:
		*resp = answer
		return err
	case <-timer.C:
		return fmt.Errorf("raftstore: %s does not answer", nodeName(id))
	}
}

// AppendEntries implements raft.Transport.
func (t transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest,
	resp *raft.AppendEntriesResponse) error {
	return t.NetworkTransport.AppendEntries(id, calledAs(id, target), args, resp)
}

// RequestVote implements raft.Transport.
func (t transport) RequestVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest,
	resp *raft.RequestVoteResponse) error {
	return t.NetworkTransport.RequestVote(id, calledAs(id, target), args, resp)
}

// RequestPreVote implements raft.WithPreVote.
func (t transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest,
	resp *raft.RequestPreVoteResponse) error {
	return t.NetworkTransport.RequestPreVote(id, calledAs(id, target), args, resp)
}

// InstallSnapshot implements raft.Transport.
func (t transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest,
	resp *raft.InstallSnapshotResponse, data io.Reader) error {
	return t.NetworkTransport.InstallSnapshot(id, calledAs(id, target), args, resp, data)
}

// AppendEntriesPipeline implements raft.Transport.
func (t transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, calledAs(id, target))
	if err != nil {
		return nil, err
	}
	return newPipeline(inner), nil
}

// pipeline takes every answer, wanted or not. Raft takes none after a follower's no, and may send once more before it
// notices; a pipeline of its transport waits for the answer before to be taken then, and Raft for the pipeline, for
// ever: that follower gets heartbeats and no entries until another node leads, and Raft's Shutdown does not end
// (https://github.com/hashicorp/raft/issues/612, seen with v1.8.0).
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

// pass hands answers on, until the pipeline is closed. Those that wait are few: Raft sends at most a couple of requests
// before it notices that it does not listen any more.
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
