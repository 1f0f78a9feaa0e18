package engine

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"apportion/engine/mem"
)

// PutWebhook keeps where events are sent. A new webhook begins behind the last event; one that exists goes on where it
// is.
type PutWebhook struct {
	Name string `json:"name"`
	URL  string `json:"url"`

	EventFilter

	// Secret signs what is sent. Without one, an existing webhook keeps its own. A secret that is replaced goes on
	// signing beside the new one for WebhookSecretAgeMS, so that the receiver need not change at the same moment.
	Secret string `json:"secret"`

	// Disabled stops the webhook until it is put again.
	Disabled bool `json:"disabled"`
}

// DeleteWebhook takes a webhook away.
type DeleteWebhook struct {
	Name string `json:"name"`
}

// SetWebhookPosition says how far webhooks have come. A sender's report names the Revision that it saw, and is passed
// over if the webhook has another one now or is gone; so it never undoes what a client has done meanwhile.
type SetWebhookPosition struct {
	Items []WebhookPosition `json:"items"`
}

// WebhookPosition is the progress of one webhook.
type WebhookPosition struct {
	Name string `json:"name"`

	// Revision is Webhook.Revision as the sender saw it. 0 is a client's wish: the webhook goes on behind Position,
	// wherever it was.
	Revision uint64 `json:"revision"`

	// Position is the last event that is done with. A sender's report does not go back.
	Position EventID `json:"position"`

	// DisabledReason, if it is not empty, stops the webhook until it is put again.
	DisabledReason string `json:"disabledReason"`
}

// Webhook is where events are sent, and how far that has come.
type Webhook struct {
	Name string
	URL  string
	EventFilter
	Secret string

	// PreviousSecret signs too, up to PreviousUntilMS, Unix milliseconds.
	PreviousSecret  string
	PreviousUntilMS int64

	// Revision is the log index of the last change that was not a sender's report.
	Revision uint64

	Position       EventID // events up to this one are done with
	DisabledReason string  // why nothing is sent; "": it is
}

func (*PutWebhook) Kind() Kind         { return KindPutWebhook }
func (*DeleteWebhook) Kind() Kind      { return KindDeleteWebhook }
func (*SetWebhookPosition) Kind() Kind { return KindSetWebhookPosition }

// since: only since a later version can a webhook ask for the kinds of events that came with it.
func (c *PutWebhook) since() (form, meaning byte) {
	if n := len(c.Kinds); n > 0 && c.Kinds[n-1] >= EventRecordBlocked {
		return commandVersionBlocks, commandVersionBlocks
	}
	return commandVersionHooks, commandVersionHooks
}

func (*DeleteWebhook) since() (form, meaning byte) { return commandVersionHooks, commandVersionHooks }
func (*SetWebhookPosition) since() (form, meaning byte) {
	return commandVersionHooks, commandVersionHooks
}

func (c *PutWebhook) check() *Fault {
	if f := checkWebhookName(c.Name); f != nil {
		return f
	}
	if f := checkWebhookURL(c.URL); f != nil {
		return f
	}
	if f := c.EventFilter.check(); f != nil {
		return f
	}
	if c.Secret != "" && !isWebhookSecret(c.Secret) {
		return &Fault{"secret", "", fmt.Sprintf("%s and the base64 form of %d to %d random bytes are expected",
			webhookSecretPrefix, WebhookSecretBytesMin, WebhookSecretBytesMax)} // the value is nobody's business
	}
	return nil
}

func checkWebhookName(name string) *Fault {
	if !IsText(name, WebhookNameBytesMax) {
		return textFault("name", name, WebhookNameBytesMax)
	}
	return nil
}

// checkWebhookURL checks what must hold in every version of the program. Who takes a URL from a client parses it.
func checkWebhookURL(url string) *Fault {
	if !IsText(url, WebhookURLBytesMax) {
		return textFault("url", url, WebhookURLBytesMax)
	}
	rest, secure := strings.CutPrefix(url, "https://")
	if !secure {
		rest, secure = strings.CutPrefix(url, "http://")
	}
	if !secure || rest == "" || strings.ContainsRune(rest, ' ') {
		return &Fault{"url", shownText(url), "https:// or http://, a host and a path are expected"}
	}
	return nil
}

// webhookSecretPrefix begins each secret, as the Standard Webhooks specification has it.
const webhookSecretPrefix = "whsec_"

func isWebhookSecret(secret string) bool {
	encoded, ok := strings.CutPrefix(secret, webhookSecretPrefix)
	if !ok || len(encoded) > base64.StdEncoding.EncodedLen(WebhookSecretBytesMax) || !isPlain(encoded) {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	return err == nil && len(key) >= WebhookSecretBytesMin && len(key) <= WebhookSecretBytesMax
}

// check checks the limits of a filter that is kept.
func (f *EventFilter) check() *Fault {
	if f := checkSize("types", len(f.Kinds), 0, int(eventKinds)-1); f != nil {
		return f
	}
	for i, kind := range f.Kinds {
		if kind == 0 || kind >= eventKinds || i > 0 && kind <= f.Kinds[i-1] {
			return &Fault{fmt.Sprintf("types[%d]", i), kind.String(),
				"known types are expected, each once, in the order of their numbers"}
		}
	}
	if f := checkSize("locations", len(f.Locations), 0, WebhookLocationsMax); f != nil {
		return f
	}
	for i, location := range f.Locations {
		field := fmt.Sprintf("locations[%d]", i)
		if !IsText(location, LocationBytesMax) {
			return textFault(field, location, LocationBytesMax)
		}
		if i > 0 && location <= f.Locations[i-1] {
			return &Fault{field, shownText(location), "locations are expected sorted, each once"}
		}
	}
	return checkTags("tags", f.Tags)
}

func (c *DeleteWebhook) check() *Fault { return checkWebhookName(c.Name) }

func (c *SetWebhookPosition) check() *Fault {
	if f := checkSize("items", len(c.Items), 1, WebhooksMax); f != nil {
		return f
	}
	for i := range c.Items {
		it := &c.Items[i]
		if f := checkWebhookName(it.Name); f != nil {
			return f.in("items", i)
		}
		if !isOptionalText(it.DisabledReason, WebhookReasonBytesMax) {
			return textFault("disabledReason", it.DisabledReason, WebhookReasonBytesMax).in("items", i)
		}
	}
	if i := repeatedName(c.Items); i >= 0 {
		return repeatedFault("name", c.Items[i].Name).in("items", i)
	}
	return nil
}

func (it *WebhookPosition) name() string { return it.Name }

const (
	webhookDisabled         = 1 << 0
	webhookPositionBytesMin = 2*textBytesMin + 2
)

// appendBody: name, URL, filter, secret, flags.
func (c *PutWebhook) appendBody(dst []byte) []byte {
	dst = c.EventFilter.append(appendText(appendText(dst, c.Name), c.URL))
	return append(appendText(dst, c.Secret), flagBit(c.Disabled, webhookDisabled))
}

func (c *PutWebhook) readBody(r *bodyReader) {
	c.Name, c.URL = r.text(), r.text()
	r.readEventFilter(&c.EventFilter)
	c.Secret = r.text()
	c.Disabled = r.flags(webhookDisabled) != 0
}

// append: kinds, locations, tags.
func (f *EventFilter) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(f.Kinds)))
	for _, kind := range f.Kinds {
		dst = append(dst, byte(kind))
	}
	return appendTags(appendTexts(dst, f.Locations), f.Tags)
}

func (r *bodyReader) readEventFilter(f *EventFilter) {
	f.Kinds = resize(f.Kinds, r.count(1))
	for i := range f.Kinds {
		f.Kinds[i] = EventKind(r.byte())
	}
	f.Locations = r.readTexts(f.Locations)
	f.Tags = r.readTags()
}

// appendBody: name.
func (c *DeleteWebhook) appendBody(dst []byte) []byte { return appendText(dst, c.Name) }

func (c *DeleteWebhook) readBody(r *bodyReader) { c.Name = r.text() }

// appendBody: items; each has name, revision, position, reason.
func (c *SetWebhookPosition) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Items)))
	for i := range c.Items {
		it := &c.Items[i]
		dst = binary.AppendUvarint(appendText(dst, it.Name), it.Revision)
		dst = appendText(binary.AppendUvarint(dst, uint64(it.Position)), it.DisabledReason)
	}
	return dst
}

func (c *SetWebhookPosition) readBody(r *bodyReader) {
	c.Items = resize(c.Items, r.count(webhookPositionBytesMin))
	for i := range c.Items {
		c.Items[i] = WebhookPosition{Name: r.text(), Revision: r.uvarint(), Position: EventID(r.uvarint()),
			DisabledReason: r.text()}
	}
}

func (c *PutWebhook) digest(dst []byte) []byte {
	dst = digestText(digestText(dst, c.Name), c.URL)
	l := beginList(dst, len(c.Kinds))
	for _, kind := range c.Kinds {
		l.add(uint64(kind))
	}
	dst = digestTagList(digestTexts(l.end(), c.Locations), c.Tags)
	return digestBool(digestText(dst, c.Secret), c.Disabled)
}

func (c *DeleteWebhook) digest(dst []byte) []byte { return digestText(dst, c.Name) }

func (c *SetWebhookPosition) digest(dst []byte) []byte { return digestList(dst, c.Items) }

func (it *WebhookPosition) hash() uint64 {
	h := mem.HashJoin(mem.HashJoin(mem.HashText(it.Name), it.Revision), uint64(it.Position))
	return mem.HashJoin(h, mem.HashText(it.DisabledReason))
}

func (c *PutWebhook) apply(e *Engine, _ *Envelope, r *Result) {
	if _, _, code, wrong := e.Schema().key(c.Tags); code != CodeOK {
		r.refuse(code, "tags."+c.Tags[wrong].Category, c.Tags[wrong].Value)
		return
	}
	w, found := e.Webhook(c.Name)
	switch {
	case !found && c.Secret == "":
		r.refuse(CodeInvalid, "secret", "")
		return
	case !found && len(e.Webhooks()) >= WebhooksMax:
		r.refuse(CodeTooMany, "name", strconv.Itoa(WebhooksMax))
		return
	case !found:
		w = Webhook{Name: strings.Clone(c.Name), Secret: strings.Clone(c.Secret), Position: e.LastEvent()}
	case c.Secret != "" && c.Secret != w.Secret:
		w.PreviousSecret, w.PreviousUntilMS = w.Secret, e.nowMS.Load()+WebhookSecretAgeMS
		w.Secret = strings.Clone(c.Secret)
	}
	w.URL, w.EventFilter, w.Revision = strings.Clone(c.URL), c.EventFilter.clone(), e.appliedIndex.Load()
	if w.DisabledReason = ""; c.Disabled {
		w.DisabledReason = webhookPutDisabled
	}
	e.setWebhook(&w)
}

// webhookPutDisabled is the reason of a webhook that a client has disabled.
const webhookPutDisabled = "it was put as disabled"

func (c *DeleteWebhook) apply(e *Engine, _ *Envelope, r *Result) {
	at, found := findWebhook(e.Webhooks(), c.Name)
	if !found {
		r.refuse(CodeUnknownWebhook, "name", shownText(c.Name))
		return
	}
	now := slices.Delete(slices.Clone(e.Webhooks()), at, at+1)
	e.webhooks.Store(&now)
	e.changes.webhooks = true
}

func (c *SetWebhookPosition) apply(e *Engine, _ *Envelope, r *Result) {
	for i := range c.Items {
		it := &c.Items[i]
		field := "items[" + strconv.Itoa(i) + "]."
		if _, found := e.Webhook(it.Name); !found && it.Revision == 0 {
			r.refuse(CodeUnknownWebhook, field+"name", shownText(it.Name))
			return
		}
		if it.Position > e.LastEvent() {
			r.refuse(CodeInvalid, field+"position", strconv.FormatUint(uint64(it.Position), 10))
			return
		}
	}
	r.Stock.Items = int64(len(c.Items))
	for i := range c.Items {
		it := &c.Items[i]
		w, found := e.Webhook(it.Name)
		switch {
		case !found || it.Revision != 0 && it.Revision != w.Revision:
			continue
		case it.Revision == 0:
			w.Revision, w.Position = e.appliedIndex.Load(), it.Position
		default:
			w.Position = max(w.Position, it.Position)
		}
		if it.DisabledReason != "" {
			w.DisabledReason = strings.Clone(it.DisabledReason)
		}
		e.setWebhook(&w)
		r.Stock.Records++
	}
}

// clone is a copy with texts of its own.
func (f *EventFilter) clone() EventFilter {
	own := EventFilter{Kinds: slices.Clone(f.Kinds), Locations: slices.Clone(f.Locations), Tags: slices.Clone(f.Tags)}
	for i := range own.Locations {
		own.Locations[i] = strings.Clone(own.Locations[i])
	}
	for i, t := range own.Tags {
		own.Tags[i] = Tag{Category: strings.Clone(t.Category), Value: strings.Clone(t.Value)}
	}
	return own
}

// Webhooks gives all webhooks, by their names. The caller must not change them.
func (rd *Reader) Webhooks() []Webhook {
	if list := rd.webhooks.Load(); list != nil {
		return *list
	}
	return nil
}

// Webhook gives a webhook, whose lists the caller must not change.
func (rd *Reader) Webhook(name string) (Webhook, bool) {
	list := rd.Webhooks()
	if at, found := findWebhook(list, name); found {
		return list[at], true
	}
	return Webhook{}, false
}

func findWebhook(list []Webhook, name string) (at int, found bool) {
	return slices.BinarySearchFunc(list, name, func(w Webhook, name string) int { return cmp.Compare(w.Name, name) })
}

// setWebhook puts a webhook in the place of the one with its name. Readers may hold the list of before.
func (e *Engine) setWebhook(w *Webhook) {
	now := slices.Clone(e.Webhooks())
	at, found := findWebhook(now, w.Name)
	if !found {
		now = slices.Insert(now, at, Webhook{})
	}
	now[at] = *w
	e.webhooks.Store(&now)
	e.changes.webhooks = true
}

// appendWebhooks encodes all webhooks; nothing if there are none.
func (e *Engine) appendWebhooks(b []byte) []byte {
	list := e.Webhooks()
	if len(list) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		w := &list[i]
		b = w.EventFilter.append(appendText(appendText(b, w.Name), w.URL))
		b = appendText(appendText(b, w.Secret), w.PreviousSecret)
		b = appendUnits(b, w.PreviousUntilMS, int64(w.Revision), int64(w.Position))
		b = appendText(b, w.DisabledReason)
	}
	return b
}

const storedWebhookBytesMin = 5*textBytesMin + 6

// readWebhooksRow reads what appendWebhooks wrote: webhooks in order, each once and within the limits.
func (e *Engine) readWebhooksRow(b []byte) error {
	in := bodyReader{reader: reader{b: slices.Clone(b)}} // the webhooks keep the texts
	all := make([]Webhook, in.count(storedWebhookBytesMin))
	for i := range all {
		w := &all[i]
		w.Name, w.URL = in.text(), in.text()
		in.readEventFilter(&w.EventFilter)
		w.Secret, w.PreviousSecret = in.text(), in.text()
		w.PreviousUntilMS, w.Revision, w.Position = in.units(), uint64(in.units()), EventID(in.units())
		w.DisabledReason = in.text()
	}
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	if len(all) == 0 || len(all) > WebhooksMax {
		return fmt.Errorf("%w: %d webhooks", ErrCorrupt, len(all))
	}
	for i := range all {
		if all[i].check() != nil || i > 0 && all[i].Name <= all[i-1].Name {
			return fmt.Errorf("%w: a webhook out of order, or past its limits", ErrCorrupt)
		}
	}
	e.webhooks.Store(&all)
	return nil
}

// check finds what no command could have made.
func (w *Webhook) check() *Fault {
	put := PutWebhook{Name: w.Name, URL: w.URL, EventFilter: w.EventFilter, Secret: w.Secret}
	switch f := put.check(); {
	case f != nil:
		return f
	case w.Secret == "" || w.PreviousSecret != "" && !isWebhookSecret(w.PreviousSecret):
		return &Fault{Field: "secret"}
	case !isOptionalText(w.DisabledReason, WebhookReasonBytesMax):
		return textFault("disabledReason", w.DisabledReason, WebhookReasonBytesMax)
	}
	return nil
}

// verifyWebhooks checks that no webhook is ahead of the events or of the log.
func (e *Engine) verifyWebhooks(report func(string)) {
	for _, w := range e.Webhooks() {
		if w.Position > e.LastEvent() || w.Revision > e.appliedIndex.Load() {
			report(fmt.Sprintf("the webhook %s is at event %d as of index %d, but the last event is %d, the index %d",
				w.Name, w.Position, w.Revision, e.LastEvent(), e.appliedIndex.Load()))
		}
	}
}
