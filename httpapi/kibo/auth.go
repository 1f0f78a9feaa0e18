package kibo

import (
	"net/http"
	"strconv"
)

// ticketReply is what a client of that API asks for before its first call. Of the refresh token it sends the name and
// the secret along again, which is what counts.
type ticketReply struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
}

// ticket gives a ticket for a token's name and secret, whether it is the first one or takes another one's place.
func ticket(r *Request) (Reply, error) {
	var body struct {
		ClientID text `json:"client_id"`
		Secret   text `json:"client_secret"`
	}
	if len(r.Body) > ticketBytesMax { // whoever asks has no token yet
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

// tenantReply says where a tenant's calls go. A client that authenticates asks for it.
type tenantReply struct {
	ID     int64    `json:"id"`
	Name   string   `json:"name"`
	Domain string   `json:"domain"`
	Sites  []string `json:"sites"`
}

// tenant reports whether all calls come here, whatever the tenant.
func tenant(r *Request) (Reply, error) {
	id, err := strconv.ParseInt(r.Path[0], 10, 64)
	if err != nil {
		return Reply{}, badRequest("tenantId", r.Path[0], "tenantId: %q is no number", r.Path[0])
	}
	return Reply{Value: tenantReply{ID: id, Name: r.Path[0], Domain: r.Domain, Sites: []string{}}}, nil
}
