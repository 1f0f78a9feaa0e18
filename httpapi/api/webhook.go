package api

// WebhookList has all webhooks, by their names.
type WebhookList struct {
	AsOf     uint64    `json:"asOf"`
	Webhooks []Webhook `json:"webhooks"`
}

// Webhook is a URL that events are sent to, and how far that has come. Its secret is never shown. A list leaves out
// AsOf.
type Webhook struct {
	AsOf      uint64   `json:"asOf,omitempty"`
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Types     []string `json:"types"`
	Locations []string `json:"locations"`
	Tags      Tags     `json:"tags"`

	Disabled       bool   `json:"disabled"`
	DisabledReason string `json:"disabledReason,omitempty"`

	// PreviousSecretUntil is how long the secret that was replaced goes on signing.
	PreviousSecretUntil string `json:"previousSecretUntil,omitempty"`

	// Position is the last event that is done with, Lag how many there are behind it. Sent and Missed count events
	// since the leader began: those that were delivered, and those that were gone before they could be.
	Position uint64 `json:"position"`
	Lag      uint64 `json:"lag"`
	Sent     uint64 `json:"sent"`
	Missed   uint64 `json:"missed"`

	// Failures is how many attempts have failed in a row.
	Failures      int64  `json:"failures"`
	LastError     string `json:"lastError,omitempty"`
	LastErrorAt   string `json:"lastErrorAt,omitempty"`
	LastSuccessAt string `json:"lastSuccessAt,omitempty"`
	NextTryAt     string `json:"nextTryAt,omitempty"`
}

// PutWebhook is the body that creates a webhook or replaces its definition. A new one needs a secret. An empty list
// selects all events.
type PutWebhook struct {
	URL       string   `json:"url" required:"true"`
	Types     []string `json:"types,omitempty"`
	Locations []string `json:"locations,omitempty"`
	Tags      Tags     `json:"tags,omitempty"`
	Secret    string   `json:"secret,omitempty"`
	Disabled  bool     `json:"disabled,omitempty"`
}

// ChangedWebhook is the reply to a change of a webhook.
type ChangedWebhook struct {
	AsOf uint64 `json:"asOf"`
	Name string `json:"name"`
}

// ReplayedWebhook is the reply to a replay. From is the first event that is sent again.
type ReplayedWebhook struct {
	AsOf uint64 `json:"asOf"`
	Name string `json:"name"`
	From uint64 `json:"from"`
}

// TestedWebhook tells what became of a test message.
type TestedWebhook struct {
	Name            string  `json:"name"`
	Delivered       bool    `json:"delivered"`
	Status          int64   `json:"status,omitempty"` // of the answer, if there was one
	Error           string  `json:"error,omitempty"`
	DurationSeconds float64 `json:"durationSeconds"`
}
