// Package webhook sends events to the URLs that webhooks name, on the node that leads.
//
// It owns the requests that go out: their form and signature (Standard Webhooks), their order, when they are tried
// again, and which addresses they may go to. It reads events and webhooks of the state, and reports through the log how
// far each has come. It serves no route and keeps nothing that a new leader would need.
//
// # The promise
//
// Each event that a webhook's filter selects is sent until the receiver answers 2xx, and only then comes the next one.
// So a receiver gets every event at least once, and the first time of each in the order of the events. What repeats has
// the same webhook-id: after a lost answer, and after a new leader has begun at the last position in the log. An event
// that is dropped by age before it could be sent is counted as missed. A receiver that answers 410 gets nothing more.
//
// # Goroutines
//
// Sender.run looks every pollInterval whether this node leads, which webhooks there are, and what is new; it reads each
// new event once, into the tail. Each webhook has a worker, which waits for its own receiver alone. Sender.report puts
// the positions of all webhooks into one log entry, every reportInterval at most.
//
// # Reading order
//
// sender.go, worker.go, tail.go; message.go (what is sent), post.go (one attempt), target.go (where it may go).
package webhook
