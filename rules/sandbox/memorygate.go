package sandbox

import "time"

// MemoryGate bounds the memory that the calls under way take in all. A call that takes more than memoryFree, as few do,
// has to hold one of the gate's places until it ends, with which it may take all of its Limits.MemoryBytes; so no call
// waits for memory while it holds some of it. There are places for half of the processors: what takes so much memory
// also keeps the garbage collector busy, and the rest is for whoever does not.
type MemoryGate struct{ places chan struct{} }

// NewMemoryGate makes a gate with so many places.
func NewMemoryGate(places int) *MemoryGate {
	return &MemoryGate{places: make(chan struct{}, places)}
}

// Enter takes a place, and reports whether one was free before the deadline; the zero deadline is gateWaitMax from now.
func (g *MemoryGate) Enter(deadline time.Time) bool {
	select {
	case g.places <- struct{}{}:
		return true
	default:
	}
	wait := gateWaitMax
	if !deadline.IsZero() {
		wait = time.Until(deadline)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// Leave gives a place back.
func (g *MemoryGate) Leave() { <-g.places }
