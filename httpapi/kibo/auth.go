package kibo

import (
	"net/http"
	"strconv"
)

// ticketReply is the ticket that a client of that API asks for before its first call. With the refresh token the client
// sends the name and the secret again, and only those count.
type ticketReply struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
}

// ticket gives a ticket for a token's name and secret: a first one, or one in place of an old one.
func ticket(r *Request) (Reply, error) {
	var body struct {
		ClientID text `json:"client_id"`
		Secret   text `json:"client_secret"`
	}
	if len(r.Body) > ticketBytesMax { // the client has no token yet
		return Reply{}, badRequest("", "", "the body has %d bytes, at most %d are expected", len(r.Body),
			ticketBytesMax)
	}
	if len(r.Body) > 0 {
		if err := decode(r, r.Body, &body); err != nil {
			return Reply{}, err
		}
	}
	t, ok := r.Host.Ticket(string(body.ClientID), string(body.Secret))
	if !ok {
		return Reply{}, &Fault{Status: http.StatusUnauthorized, Code: "unauthorized", Field: "client_id",
			Value:   string(body.ClientID),
			Message: "no token of this server has this client_id as its name and this client_secret as its secret"}
	}
	return Reply{Value: ticketReply{AccessToken: t.Access, TokenType: "bearer", ExpiresIn: t.Seconds,
		RefreshToken: t.Refresh}}, nil
}

const ticketBytesMax = 4096

// tenantReply tells a client that authenticates where the tenant's calls go.
type tenantReply struct {
	ID     int64    `json:"id"`
	Name   string   `json:"name"`
	Domain string   `json:"domain"`
	Sites  []string `json:"sites"`
}

// tenant answers that the calls of every tenant come here.
func tenant(r *Request) (Reply, error) {
	id, err := strconv.ParseInt(r.Path[0], 10, 64)
	if err != nil {
		return Reply{}, badRequest("tenantId", r.Path[0], "tenantId: %q is no number", r.Path[0])
	}
	return Reply{Value: tenantReply{ID: id, Name: r.Path[0], Domain: r.Domain, Sites: []string{}}}, nil
}
