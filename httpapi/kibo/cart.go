package kibo

import (
	"time"

	"apportion/engine"
)

// cartHold is how long a cart's units are held. That API names no end; something must end a cart that nobody comes back to.
const cartHold = 24 * time.Hour

// cartEnd is when a cart's reservation ends, Unix milliseconds: when that of its first items does, so that items that are sent
// again are the same, or after cartHold.
func cartEnd(r *Request, id string) (int64, error) {
	now := max(time.Now().UnixMilli(), r.Host.Engine().NowMS())
	var v engine.OrderView
	if err := r.Host.Barrier(); err != nil {
		return 0, err
	}
	if _, err := r.Host.ReadOrder(id, &v); err != nil {
		return 0, err
	}
	for i := range v.Items {
		if end := v.Items[i].ExpiresAtMS; end > now {
			return end, nil
		}
	}
	return now + cartHold.Milliseconds(), nil
}
