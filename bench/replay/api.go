package replay

import (
	"encoding/json"
	"fmt"
)

// The shapes of the requests and replies that the replay uses, as docs/api.md has them.

type tagMap map[string]string

// canonical is the JSON object with sorted keys, which encoding/json guarantees for maps.
func (t tagMap) canonical() string {
	text, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("BUG: replay: tags cannot be encoded: %v", err)) // strings always can
	}
	return string(text)
}

type tagValue struct {
	Value   string      `json:"value"`
	Percent json.Number `json:"percent,omitempty"`
	Default bool        `json:"default"`
}

type tagCategory struct {
	Name     string     `json:"name,omitempty"`
	Rounding string     `json:"rounding,omitempty"`
	Values   []tagValue `json:"values"`
}

type schemaReply struct {
	Categories []tagCategory `json:"categories"`
}

type stockItem struct {
	UPC      string `json:"upc"`
	Quantity int64  `json:"quantity"`
}

type refreshRequest struct {
	Location string      `json:"location"`
	Items    []stockItem `json:"items"`
}

type queryItem struct {
	UPC string `json:"upc"`
}

type queryRequest struct {
	Items     []queryItem `json:"items"`
	Locations []string    `json:"locations"`
	Type      string      `json:"type"`
	Limit     int         `json:"limit"`
}

type segmentFigures struct {
	Tags      tagMap `json:"tags"`
	OnHand    int64  `json:"onHand"`
	Allocated int64  `json:"allocated"`
	Pending   int64  `json:"pending"`
	Available int64  `json:"available"`
}

type queryReply struct {
	Next    *string `json:"next"`
	Records []struct {
		UPC      string           `json:"upc"`
		OnHand   int64            `json:"onHand"`
		Segments []segmentFigures `json:"segments"`
	} `json:"records"`
}

type allocateLine struct {
	ItemID   string `json:"itemId"`
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Quantity int64  `json:"quantity"`
	Tags     tagMap `json:"tags"`
}

type allocateRequest struct {
	Mode  string         `json:"mode"`
	Lines []allocateLine `json:"lines"`
}

type returnLine struct {
	ItemID   string `json:"itemId"`
	Quantity int64  `json:"quantity"`
	UPC      string `json:"upc,omitempty"`
	Location string `json:"location,omitempty"`
}

type returnRequest struct {
	Lines []returnLine `json:"lines"`
}

type orderReply struct {
	Lines []struct {
		ItemID    string `json:"itemId"`
		Outcome   string `json:"outcome"`
		Code      string `json:"code"`
		Allocated int64  `json:"allocated"` // replies to allocate
		Quantity  int64  `json:"quantity"`  // replies to fulfill and return
		Available int64  `json:"available"`
	} `json:"lines"`
}

// Problem is a refusal by the server (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Value  string `json:"value"`
}

// Error says what the server said.
func (p *Problem) Error() string {
	text := fmt.Sprintf("the server answered %d %s: %s", p.Status, p.Code, p.Detail)
	if p.Field != "" {
		text += fmt.Sprintf(" (%s %q)", p.Field, p.Value)
	}
	return text
}
