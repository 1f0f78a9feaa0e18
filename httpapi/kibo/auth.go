package kibo

import (
	"crypto/rand"
	"encoding/json"
)

// ticketReply is what a client of that API asks for before its first call.
type ticketReply struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
}

const ticketSeconds = 3600

// ticket answers openly: the server knows no tokens for the API, so a ticket opens nothing and is asked for nowhere.
func ticket(r *Request) (Reply, error) {
	var body struct {
		ClientID string `json:"client_id"`
	}
	if len(r.Body) > 0 && json.Unmarshal(r.Body, &body) != nil {
		return Reply{}, badRequest("", "", "the body is no JSON")
	}
	return Reply{Value: ticketReply{AccessToken: rand.Text(), TokenType: "bearer", ExpiresIn: ticketSeconds, RefreshToken: rand.Text()}}, nil
}
