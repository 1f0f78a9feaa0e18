// The time as the page shows it: one timer for all ages.

/** clock.now moves on every second. */
export const clock = $state({ now: Date.now() })

setInterval(() => (clock.now = Date.now()), 1000)
