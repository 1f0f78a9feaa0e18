package kibo

import (
	"fmt"
	"net/http"
	"net/url"

	"apportion/engine"
)

// Host is what the adapter needs of the server for one call. The adapter returns errors of its methods unchanged.
type Host interface {
	// Reader reads the state.
	Reader() *engine.Reader

	// Do takes commands through the log, in this order, and in one entry unless some are planned again. A command with
	// a key that was used before gets the first result. A refused command does not stop the others.
	Do(proposals []Proposal) ([]engine.Result, error)

	// Barrier returns when reads see everything acknowledged before it was called.
	Barrier() error

	// ReadOrder copies an order, from memory or from the archive.
	ReadOrder(orderID string, v *engine.OrderView) (found bool, err error)

	// Orders copies up to a number of the orders that hold units, after a cursor (0: from the first on), and gives the
	// next cursor, 0 at the end. Orders that change meanwhile may be missed.
	Orders(after uint32, limit int, dst []engine.OrderView) (orders []engine.OrderView, next uint32)

	// Job copies a kept job. Jobs appends kept jobs with numbers below one (0: the newest ones), newest first.
	Job(id engine.JobID, j *engine.Job) (found bool)
	Jobs(before engine.JobID, limit int, dst []engine.Job) []engine.Job

	// Overdue reports whether the call's deadline has passed. Long searches ask now and then, and give up.
	Overdue() bool

	// Stored reports whether the state has exactly this name.
	Stored(name string) bool

	// Ticket gives a ticket for later calls. ok is false if the server has tokens and this is none of them.
	Ticket(name, secret string) (t Ticket, ok bool)
}

// Ticket authenticates calls for a while.
type Ticket struct {
	Access  string
	Refresh string
	Seconds int // for which Access is valid
}

// Proposal is a command on its way into the log.
type Proposal struct {
	Command engine.Command
	Job     *engine.JobInfo // nil: no job is kept

	// Make, if it is not nil, makes the command, a PutTagCategory, from the present category, nil for none. It is
	// called again if the category has changed meanwhile. Do returns its error.
	Make     func(was *engine.Category) (*engine.PutTagCategory, error)
	Category string // the name of the category

	// Part distinguishes the idempotency keys of a call's commands, which all come from the client's one key.
	Part string
}

// Request is one call.
type Request struct {
	Host   Host
	Path   [2]string // the path's parameters
	Query  url.Values
	Body   []byte
	Tenant int64  // from the client; replies repeat it, and it selects nothing
	Domain string // the host that the client has called
}

// Reply is the answer to a call: Text with the media type Media if there is any, or else Value as JSON.
type Reply struct {
	Value any
	Text  []byte
	Media string
}

// Fault is an answer that tells what is wrong. Code, Field and Value are those of the native API.
type Fault struct {
	Status  int
	Code    string
	Message string
	Field   string
	Value   string

	Rows []RowFault // the bad rows of the body
}

// Error is the message.
func (f *Fault) Error() string { return f.Message }

// Operation is one method of one path, without /api.
type Operation struct {
	Method  string
	Pattern string
	Write   bool // proposes to the log, so the leader serves it
	Serve   func(*Request) (Reply, error)
}

const (
	v1 = "/commerce/inventory/v1/"
	v5 = "/commerce/inventory/v5/inventory"

	// TicketPattern is the path of the one operation that needs no token: it gives the ticket for the others.
	TicketPattern = "/platform/applications/authtickets/oauth"
)

// Operations gives all operations.
func Operations() []Operation {
	list := []Operation{
		{"GET", v1 + "tagCategory", false, listCategories},
		{"POST", v1 + "tagCategory", true, createCategory},
		{"GET", v1 + "tagCategory/{name}", false, readCategory},
		{"PUT", v1 + "tagCategory/{name}", true, putCategory},
		{"DELETE", v1 + "tagCategory/{name}", true, deleteCategory},
		{"POST", v1 + "tagCategory/{name}/tag", true, createTag},
		{"GET", v1 + "tagCategory/{name}/tag/{value}", false, readTag},
		{"PUT", v1 + "tagCategory/{name}/tag/{value}", true, putTag},
		{"DELETE", v1 + "tagCategory/{name}/tag/{value}", true, deleteTag},

		{"POST", v5 + "/refresh", true, refresh},
		{"POST", v5 + "/adjust", true, adjust},
		{"POST", v5 + "/smart-refresh", true, smartRefresh},
		{"POST", v5 + "/smart-adjust", true, smartAdjust},

		{"POST", v5, false, query},
		{"GET", v5, false, queryByParams},
		{"POST", v5 + "/aggregate", false, aggregate},

		{"GET", v1 + "queue", false, listJobs},
		{"GET", v1 + "queue/{jobID}", false, readJob},

		{"POST", v5 + "/allocate", true, allocate},
		{"POST", v5 + "/deallocate", true, deallocate},
		{"POST", v5 + "/fulfill", true, fulfill},
		{"POST", v5 + "/blockAssignment", true, blockAssignment},
		{"POST", v5 + "/transitionCart", true, transitionCart},
		{"POST", v5 + "/redistribute", true, redistribute},
		{"POST", v5 + "/delete", true, deleteOne},
		{"POST", v5 + "/deleteItems", true, deleteMany},
		{"POST", v5 + "/deleteFutureInventory", true, deleteFuture},
		{"PUT", "/adjustFutureDate/{futureInventoryID}", true, adjustFutureDate},
		{"POST", v5 + "/getOrderItemInformation", false, orderInfo},
		{"POST", v5 + "/shipmentInventoryAllocations", false, shipments},

		{"GET", v1 + "location", false, listLocations},
		{"POST", v1 + "location", true, saveLocation},
		{"GET", v1 + "location/{code}", false, readLocation},
		{"GET", v1 + "locationGroup", false, listGroups},
		{"POST", v1 + "locationGroup", true, saveGroup},
		{"GET", v1 + "locationGroup/{code}", false, readGroup},
		{"DELETE", v1 + "locationGroup/{code}", true, deleteGroup},
		{"GET", v1 + "export", false, export},

		{"POST", TicketPattern, false, ticket},
		{"GET", "/platform/tenants/{tenantId}", false, tenant},
	}
	return append(list, missing()...)
}

func badRequest(field, value, format string, args ...any) *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: engine.CodeInvalid.String(),
		Message: fmt.Sprintf(format, args...), Field: field, Value: value}
}

func notFound(code engine.Code, field, value, format string, args ...any) *Fault {
	return &Fault{Status: http.StatusNotFound, Code: code.String(), Message: fmt.Sprintf(format, args...), Field: field,
		Value: value}
}

// checked gives the fault of a command that exceeds the engine's limits.
func checked(c engine.Command) error {
	if f := engine.CheckCommand(c); f != nil {
		return badRequest(f.Field, f.Value, "%s: %q: %s", f.Field, f.Value, f.Reason)
	}
	return nil
}

// refusal is the fault of a command without a job that the engine has refused.
func refusal(r *engine.Result) *Fault {
	status := http.StatusConflict
	switch r.Code {
	case engine.CodeUnknownOrder, engine.CodeUnknownItem:
		status = http.StatusNotFound
	case engine.CodeInvalid, engine.CodeUnknownCategory, engine.CodeUnknownValue, engine.CodeDuplicate:
		status = http.StatusBadRequest
	case engine.CodeRetry:
		status = http.StatusServiceUnavailable
	}
	return &Fault{Status: status, Code: r.Code.String(), Message: message(r.Code, r.Field, r.Value), Field: r.Field,
		Value: r.Value}
}
