package servertest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Reply is an HTTP reply with its whole body.
type Reply struct {
	Status   int
	Body     []byte
	Replayed bool
}

// Object decodes the body as a JSON object.
func (r *Reply) Object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.Body, &object); err != nil {
		t.Fatalf("status %d, no JSON object: %v: %s", r.Status, err, r.Body)
	}
	return object
}

// Send sends one request, once. key may be empty.
func Send(client *http.Client, method, url, key, body string) (*Reply, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	// Without this, the transport repeats requests with a key, but the caller counts its attempts.
	request.GetBody = nil
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &Reply{response.StatusCode, text, response.Header.Get("Idempotency-Replayed") == "true"}, nil
}

// Call sends a request and demands a status. The leader of a cluster may change at any time. There, Call adds a key,
// and sends the request again while it cannot be done or its outcome is unknown.
func (s *Server) Call(method, path, body string, wantStatus int) *Reply {
	s.T.Helper()
	key := ""
	if s.OneOfSeveral && method != http.MethodGet {
		key = rand.Text()
	}
	var r *Reply
	for deadline := time.Now().Add(ClusterPatience); ; <-time.After(RetryPause) {
		var err error
		if r, err = Send(http.DefaultClient, method, s.URL+path, key, body); err != nil {
			s.T.Fatalf("%s %s: %v\n%s", method, path, err, s.Log)
		}
		if !s.OneOfSeveral || r.Status != http.StatusServiceUnavailable || wantStatus == r.Status || time.Now().
			After(deadline) {
			break
		}
	}
	if r.Status != wantStatus {
		s.T.Fatalf("%s %s: status %d, want %d: %s", method, path, r.Status, wantStatus, r.Body)
	}
	return r
}

// InventoryReply is the answer to a read of records.
type InventoryReply struct {
	AsOf    uint64       `json:"asOf"`
	Records []RecordRead `json:"records"`
}

// FiguresRead are the figures of a record or of a segment.
type FiguresRead struct {
	OnHand      int64 `json:"onHand"`
	Allocated   int64 `json:"allocated"`
	Pending     int64 `json:"pending"`
	SafetyStock int64 `json:"safetyStock"`
	Available   int64 `json:"available"`
}

// RecordRead is a record and its segments.
type RecordRead struct {
	FiguresRead
	Segments []struct {
		FiguresRead
		Tags map[string]string `json:"tags"`
	} `json:"segments"`
}

// Figures reads the units on hand and allocated of a record, over all its segments.
func (s *Server) Figures(location, upc string) (onHand, allocated int64) {
	s.T.Helper()
	var records InventoryReply
	r := s.Call("GET", "/v1/inventory/"+location+"/"+upc, "", http.StatusOK)
	if err := json.Unmarshal(r.Body, &records); err != nil || len(records.Records) != 1 {
		s.T.Fatalf("no single record in %s (%v)", r.Body, err)
	}
	return records.Records[0].OnHand, records.Records[0].Allocated
}

// RetryPause is the pause before a client sends a request again.
const RetryPause = 50 * time.Millisecond

// RefreshBody is a refresh of one product.
func RefreshBody(location, upc string, quantity int64) string {
	return fmt.Sprintf(`{"location":%q,"items":[{"upc":%q,"quantity":%d}]}`, location, upc, quantity)
}
