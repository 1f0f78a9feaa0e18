package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
	"apportion/httpapi/webhook"
	"apportion/rules"
)

func webhookRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/webhooks", lead: true, serve: (*request).listWebhooks},
		{method: methodGet, pattern: "/v1/webhooks/{name}", lead: true, serve: (*request).readWebhook},
		{method: methodPut, pattern: "/v1/webhooks/{name}", body: bodyRequired, write: true,
			serve: (*request).putWebhook},
		{method: methodDelete, pattern: "/v1/webhooks/{name}", write: true, serve: (*request).deleteWebhook},
		{method: methodPost, pattern: "/v1/webhooks/{name}/test", lead: true, serve: (*request).testWebhook},
		{method: methodPost, pattern: "/v1/webhooks/{name}/replay", params: paramFrom, write: true,
			serve: (*request).replayWebhook},
	}
}

// newSender makes the worker that sends events to webhooks.
func (s *Server) newSender() *webhook.Sender {
	return webhook.New(webhook.Config{State: s.reader, Leads: s.store.Leads, Events: s.store.Events,
		Report: s.reportWebhooks, AllowPrivate: s.config.WebhookAllowPrivate, Metrics: s.config.Metrics, Log: s.log})
}

// reportWebhooks puts positions of webhooks into the log.
func (s *Server) reportWebhooks(items []engine.WebhookPosition) error {
	run := rules.Run{Batch: s.runner.NewBatch(), Deadline: time.Now().Add(webhook.ReportTimeout)}
	err := s.runner.Do(&run, []rules.Proposal{{Command: &engine.SetWebhookPosition{Items: items}}}, nil)
	if err == nil && run.Result.Code != engine.CodeOK {
		err = errors.New("refused: " + run.Result.Code.String())
	}
	return err
}

// StopWebhooks stops sending events, after a last report of the positions to the log. Close does so too; a node that is
// about to give its leadership away calls it before, so that the next leader sends nothing twice.
func (s *Server) StopWebhooks() { s.webhooks.Close() }

func (req *request) listWebhooks() {
	if !req.barrier() {
		return
	}
	reply := api.WebhookList{AsOf: req.server.store.AppliedIndex(), Webhooks: []api.Webhook{}}
	for _, w := range req.server.reader.Webhooks() {
		reply.Webhooks = append(reply.Webhooks, req.showWebhook(&w))
	}
	req.reply(reply)
}

func (req *request) readWebhook() {
	asOf := req.server.store.AppliedIndex()
	if w, ok := req.findWebhook(); ok {
		reply := req.showWebhook(&w)
		reply.AsOf = asOf
		req.reply(reply)
	}
}

// findWebhook finds the webhook in the path, or answers that there is none.
func (req *request) findWebhook() (engine.Webhook, bool) {
	if !req.barrier() {
		return engine.Webhook{}, false
	}
	w, ok := req.server.reader.Webhook(req.path[0])
	if !ok {
		code := engine.CodeUnknownWebhook
		req.fail(http.StatusNotFound, code.String(), codeDetails[code], "name", req.path[0])
	}
	return w, ok
}

func (req *request) showWebhook(w *engine.Webhook) api.Webhook {
	reply := api.Webhook{Name: w.Name, URL: w.URL, Types: []string{}, Locations: append([]string{}, w.Locations...),
		Tags: tagMap(w.Tags), Disabled: w.DisabledReason != "", DisabledReason: w.DisabledReason,
		Position: uint64(w.Position)}
	for _, kind := range w.Kinds {
		reply.Types = append(reply.Types, kind.String())
	}
	if w.PreviousUntilMS > time.Now().UnixMilli() {
		reply.PreviousSecretUntil = strictjson.FormatTime(w.PreviousUntilMS)
	}
	if st, ok := req.server.webhooks.Status(w.Name); ok {
		reply.Position = uint64(max(st.Position, w.Position))
		reply.Sent, reply.Missed, reply.Failures, reply.LastError = st.Sent, st.Missed, int64(st.Failures), st.LastError
		reply.LastErrorAt, reply.LastSuccessAt = timeOrNone(st.LastErrorMS), timeOrNone(st.LastSuccessMS)
		reply.NextTryAt = timeOrNone(st.NextTryMS)
	}
	reply.Lag = uint64(req.server.reader.LastEvent()) - reply.Position
	return reply
}

// timeOrNone shows a time; 0 is none.
func timeOrNone(ms int64) string {
	if ms == 0 {
		return ""
	}
	return strictjson.FormatTime(ms)
}

func (req *request) putWebhook() {
	var body api.PutWebhook
	if !req.readBody(&body) {
		return
	}
	k := req.checker()
	if reason := req.server.webhooks.CheckURL(body.URL); reason != "" {
		k.fail(codeInvalid, reason, "url", body.URL)
	}
	cmd := &engine.PutWebhook{Name: req.path[0], URL: body.URL, EventFilter: k.eventFilter(&body), Secret: body.Secret,
		Disabled: body.Disabled}
	if req.sound(&k.fault) && req.execute(cmd) {
		req.reply(api.ChangedWebhook{AsOf: req.result().Index, Name: cmd.Name})
	}
}

// eventFilter gives the filter of a webhook, in the form in which it is kept.
func (k *bodyCheck) eventFilter(body *api.PutWebhook) (f engine.EventFilter) {
	for i, text := range body.Types {
		kind := engine.ParseEventKind(text)
		if kind == 0 {
			k.fail(codeInvalid, "a type of events is expected, such as floor-crossed", fmt.Sprintf("types[%d]", i),
				text)
		}
		f.Kinds = append(f.Kinds, kind)
	}
	for i, location := range body.Locations {
		f.Locations = append(f.Locations, k.name(fmt.Sprintf("locations[%d]", i), location))
	}
	slices.Sort(f.Kinds)
	slices.Sort(f.Locations)
	f.Kinds, f.Locations = slices.Compact(f.Kinds), slices.Compact(f.Locations)
	f.Tags = k.tags("tags", body.Tags)
	return f
}

func (req *request) deleteWebhook() {
	if req.execute(&engine.DeleteWebhook{Name: req.path[0]}) {
		req.reply(api.ChangedWebhook{AsOf: req.result().Index, Name: req.path[0]})
	}
}

// testWebhook sends a test message and answers what became of it.
func (req *request) testWebhook() {
	w, ok := req.findWebhook()
	if !ok {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), req.deadline)
	defer cancel()
	o, ok := req.server.webhooks.Test(ctx, &w)
	if !ok {
		req.fail(http.StatusServiceUnavailable, codeBusy, fmt.Sprintf("%d test messages are on their way: try again",
			webhook.TestsMax), "", "")
		return
	}
	req.reply(api.TestedWebhook{Name: w.Name, Delivered: o.Delivered, Status: int64(o.Status), Error: o.Error,
		DurationSeconds: o.Duration.Seconds()})
}

// replayWebhook moves a webhook back, so that events are sent again, or forward.
func (req *request) replayWebhook() {
	if req.from == 0 {
		req.fail(http.StatusBadRequest, codeMissingField, "the number of the first event to send again is expected",
			"from", "")
		return
	}
	w, ok := req.findWebhook()
	if !ok {
		return
	}
	if last := req.server.reader.LastEvent(); req.from > last+1 {
		req.fail(http.StatusBadRequest, codeInvalid, fmt.Sprintf("there is no such event yet: a number up to %d is "+
			"expected; that one leaves out all that there were", last+1), "from", fmt.Sprint(req.from))
		return
	}
	from := req.from
	if first := req.server.store.Events(from-1, 1, nil); len(first) > 0 {
		from = first[0].ID // those before it are gone
	}
	cmd := &engine.SetWebhookPosition{Items: []engine.WebhookPosition{{Name: w.Name, Position: from - 1}}}
	if req.execute(cmd) {
		req.reply(api.ReplayedWebhook{AsOf: req.result().Index, Name: w.Name, From: uint64(from)})
	}
}
