package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/render"
	"apportion/httpapi/strictjson"
)

// message is what is sent, the same in each attempt but for the time and so the signature.
type message struct {
	id   string
	body []byte
}

// eventMessage is the message of an event. Its id names the time too: a new cluster counts events from 1 again, and its
// receivers must not take them for those that they know.
func eventMessage(schema *engine.Schema, ev *engine.Event) message {
	m := message{id: "evt_" + strconv.FormatUint(uint64(ev.ID), 10) + "_" + strconv.FormatInt(ev.TimeMS, 10)}
	m.body = appendHead(nil, ev.Kind.String(), ev.TimeMS)
	m.body = append(render.AppendEvent(m.body, schema, ev), '}')
	return m
}

// testType is the type of a test message; no event has it.
const testType = "test"

// testMessage is what Test sends.
func testMessage(name string, now time.Time) message {
	m := message{id: "test_" + strconv.FormatInt(now.UnixNano(), 10)}
	m.body = appendHead(nil, testType, now.UnixMilli())
	m.body = strictjson.AppendText(m.body, `{"name":`, name)
	m.body = append(m.body, "}}"...)
	return m
}

// appendHead appends a body up to its data.
func appendHead(dst []byte, kind string, timeMS int64) []byte {
	dst = strictjson.AppendText(dst, `{"type":`, kind)
	dst = strictjson.AppendTime(dst, `,"timestamp":`, timeMS)
	return append(dst, `,"data":`...)
}

// The headers of the Standard Webhooks specification.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

// sign sets the headers of a message that is sent now. A secret that was replaced signs too while it is valid.
func (m *message) sign(header http.Header, w *engine.Webhook, now time.Time) {
	seconds := strconv.FormatInt(now.Unix(), 10)
	signatures := m.signature(w.Secret, seconds)
	if w.PreviousSecret != "" && now.UnixMilli() < w.PreviousUntilMS {
		signatures += " " + m.signature(w.PreviousSecret, seconds)
	}
	header.Set(headerID, m.id)
	header.Set(headerTimestamp, seconds)
	header.Set(headerSignature, signatures)
}

func (m *message) signature(secret, seconds string) string {
	// The engine has checked the secret.
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(m.id + "." + seconds + "."))
	mac.Write(m.body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
