package httpapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Token opens the API to clients that send its secret, or a ticket for it.
type Token struct {
	Name   string
	Secret string
}

// ParseTokens reads a file of tokens: name:secret on each line, except blank lines and those that begin with #. A name
// may appear several times, so that an old and a new secret work side by side. The error names all faults.
func ParseTokens(text []byte) (tokens []Token, err error) {
	var faults []error
	line := 0
	for row := range strings.Lines(string(text)) {
		line++
		if row = strings.TrimSpace(row); row == "" || row[0] == '#' {
			continue
		}
		name, secret, _ := strings.Cut(row, ":")
		t := Token{name, secret}
		if fault := t.fault(); fault != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", line, fault))
			continue
		}
		for _, known := range tokens {
			if known == t {
				faults = append(faults, fmt.Errorf("line %d: this token of %q stands there already", line, t.Name))
			}
		}
		tokens = append(tokens, t)
	}
	if len(tokens) > TokensMax {
		faults = append(faults, fmt.Errorf("%d tokens, more than %d", len(tokens), TokensMax))
	}
	if len(faults) == 0 && len(tokens) == 0 {
		faults = append(faults, errors.New("there is no token: a line such as router:SECRET is expected"))
	}
	return tokens, errors.Join(faults...)
}

// fault is what is wrong with a token. It quotes neither part: the text gets into logs, and name and secret may be
// swapped.
func (t *Token) fault() error {
	switch {
	case t.Secret == "":
		return errors.New("name:secret is expected")
	case t.Name == "" || len(t.Name) > tokenNameBytesMax || !isVisible(t.Name):
		return fmt.Errorf("the name is 1 to %d visible ASCII characters without a colon", tokenNameBytesMax)
	case len(t.Secret) < tokenSecretBytesMin || len(t.Secret) > tokenSecretBytesMax || !isVisible(t.Secret):
		return fmt.Errorf("the secret is %d to %d visible ASCII characters", tokenSecretBytesMin, tokenSecretBytesMax)
	}
	return nil
}

func isVisible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// access decides who may use the API; nil opens it to everybody. Secrets are compared by their hashes, and always with
// all of them, so that the time tells nothing about them.
type access struct {
	tokens  []Token
	digests [][sha256.Size]byte
}

func newAccess(tokens []Token) (*access, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	a := &access{tokens: tokens}
	for i := range tokens {
		if fault := tokens[i].fault(); fault != nil {
			return nil, fmt.Errorf("httpapi: Config.Tokens[%d]: %w", i, fault)
		}
		a.digests = append(a.digests, sha256.Sum256([]byte(tokens[i].Secret)))
	}
	return a, nil
}

// authorized reports whether the request may be answered; if not, it answers. A forwarded request has its client's
// header and is checked again: the connection between nodes is no proof.
func (req *request) authorized() bool {
	a := req.server.access
	if a == nil || req.route.open || a.opens(req.ctx.Request.Header.Peek("Authorization"), time.Now()) {
		return true
	}
	if ticket := req.sessionTicket(); ticket != "" && a.acceptsTicket(ticket, time.Now()) {
		if req.fromConsole() {
			return true
		}
		req.fail(http.StatusUnauthorized, codeUnauthorized, "a write with a session of the console needs the "+
			"header "+headerConsole+": 1, which a page of another site cannot send", headerConsole, "")
		return false
	}
	req.ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
	req.fail(http.StatusUnauthorized, codeUnauthorized, "a token of this server is expected, as Authorization: Bearer "+
		"SECRET", "Authorization", "")
	return false
}

// opens reports whether an Authorization header has a secret or a ticket.
func (a *access) opens(header []byte, now time.Time) bool {
	scheme, presented, ok := bytes.Cut(header, []byte(" "))
	if !ok || !bytes.EqualFold(scheme, []byte("Bearer")) {
		return false
	}
	return a.knows(presented) || a.acceptsTicket(string(presented), now)
}

func (a *access) knows(secret []byte) bool {
	digest := sha256.Sum256(secret)
	found := 0
	for i := range a.digests {
		found |= subtle.ConstantTimeCompare(digest[:], a.digests[i][:])
	}
	return found == 1
}

// A ticket stands for a token for some time: "apt1." and the token's name, the end in Unix seconds, and an HMAC-SHA256
// of both keyed with the secret, joined by dots. No node stores tickets: any node with the same tokens can check them.
const (
	ticketPrefix = "apt1."

	// TicketLifetime is how long a ticket opens the API.
	TicketLifetime = time.Hour
)

// ticket gives a ticket for a token's name and secret.
func (a *access) ticket(name, secret string, now time.Time) (ticket string, ok bool) {
	digest := sha256.Sum256([]byte(secret))
	end := now.Add(TicketLifetime).Unix()
	for i := range a.tokens {
		if a.tokens[i].Name == name && subtle.ConstantTimeCompare(digest[:], a.digests[i][:]) == 1 {
			return a.tokens[i].sign(end), true
		}
	}
	return "", false
}

// A session of the console is a ticket in a cookie that its scripts cannot read and other sites cannot send. Roles,
// once there are any, come with the token whose ticket it is.
const (
	sessionCookie = "apportion-session"

	// SessionLifetime is how long a login of the console lasts.
	SessionLifetime = 12 * time.Hour

	// headerConsole comes with every write of the console: a page of another site cannot send it without being asked.
	headerConsole = "Apportion-Console"
)

// sessionTicket is the ticket of the request's cookie, unchecked, or empty.
func (req *request) sessionTicket() string {
	if req.server.access == nil {
		return ""
	}
	return string(req.ctx.Request.Header.Cookie(sessionCookie))
}

// fromConsole reports whether no page of another site has made the request: it only reads, or has the header.
func (req *request) fromConsole() bool {
	return req.method == methodGet || len(req.ctx.Request.Header.Peek(headerConsole)) > 0
}

// session is the answer about a login.
type session struct {
	TokenNeeded bool   `json:"tokenNeeded"` // by the server, to see anything
	Name        string `json:"name"`        // of the token that is logged in, or empty
}

// showSession reports whether the server wants a token, and whose session this is.
func (req *request) showSession() {
	a, s := req.server.access, session{}
	if s.TokenNeeded = a != nil; s.TokenNeeded {
		if ticket := req.sessionTicket(); a.acceptsTicket(ticket, time.Now()) {
			s.Name = ticketName(ticket)
		}
	}
	req.ctx.Response.Header.Set("Cache-Control", "no-store")
	req.reply(s)
}

// logIn makes a session of a token's secret.
func (req *request) logIn() {
	var body struct {
		Token string `json:"token"`
	}
	if !req.readBody(&body) {
		return
	}
	a := req.server.access
	if a == nil {
		req.reply(session{})
		return
	}
	t := a.find(body.Token)
	if t == nil || !req.fromConsole() {
		req.fail(http.StatusUnauthorized, codeUnauthorized, "the secret of a token of this server is expected",
			"token", "")
		return
	}
	req.setSession(t.sign(time.Now().Add(SessionLifetime).Unix()), SessionLifetime)
	req.reply(session{TokenNeeded: true, Name: t.Name})
}

// logOut ends the session in this browser.
func (req *request) logOut() {
	req.setSession("", -time.Second)
	req.reply(session{TokenNeeded: req.server.access != nil})
}

// setSession gives the browser the cookie, which lasts as long as the ticket.
func (req *request) setSession(ticket string, lifetime time.Duration) {
	value := sessionCookie + "=" + ticket + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
		strconv.Itoa(int(lifetime.Seconds()))
	if string(req.ctx.Request.Header.Peek("X-Forwarded-Proto")) == "https" {
		value += "; Secure"
	}
	req.ctx.Response.Header.Add("Set-Cookie", value)
	req.ctx.Response.Header.Set("Cache-Control", "no-store")
}

// find is the token with a secret, nil if there is none.
func (a *access) find(secret string) (found *Token) {
	digest := sha256.Sum256([]byte(secret))
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(digest[:], a.digests[i][:]) == 1 {
			found = &a.tokens[i]
		}
	}
	return found
}

// ticketName is the name of the token that a ticket is of.
func ticketName(ticket string) string {
	encoded, _, _ := strings.Cut(strings.TrimPrefix(ticket, ticketPrefix), ".")
	name, _ := base64.RawURLEncoding.DecodeString(encoded)
	return string(name)
}

// sign makes a ticket that ends at a time.
func (t *Token) sign(end int64) string {
	stated := ticketPrefix + base64.RawURLEncoding.EncodeToString([]byte(t.Name)) + "." + strconv.FormatInt(end, 10)
	mac := hmac.New(sha256.New, []byte(t.Secret))
	mac.Write([]byte(stated))
	return stated + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// acceptsTicket reports whether a text is a valid ticket that has not ended.
func (a *access) acceptsTicket(text string, now time.Time) bool {
	rest, isTicket := strings.CutPrefix(text, ticketPrefix)
	encoded, rest, _ := strings.Cut(rest, ".")
	stated, _, _ := strings.Cut(rest, ".")
	end, err := strconv.ParseInt(stated, 10, 64)
	name, badName := base64.RawURLEncoding.DecodeString(encoded)
	if !isTicket || err != nil || badName != nil || end <= now.Unix() {
		return false
	}
	found := 0
	for i := range a.tokens {
		if a.tokens[i].Name == string(name) {
			found |= subtle.ConstantTimeCompare([]byte(a.tokens[i].sign(end)), []byte(text))
		}
	}
	return found == 1
}
