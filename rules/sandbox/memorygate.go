package sandbox

import "time"

// MemoryGate bounds the memory of all calls together. The few calls that need more than memoryFree take a place at the
// gate first, and keep it until they end. With a place a call may use all of its Limits.MemoryBytes, so no call waits
// for memory while it holds some.
type MemoryGate struct{ places chan struct{} }

// NewMemoryGate makes a gate with a number of places.
func NewMemoryGate(places int) *MemoryGate {
	return &MemoryGate{places: make(chan struct{}, places)}
}

// Enter takes a place. It reports whether one was free before the deadline; the zero deadline is gateWaitMax from now.
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
