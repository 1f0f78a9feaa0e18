package httpapi

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
)

func countRoutes() []*route {
	return []*route{
		{method: methodPost, pattern: "/v1/counts/{location}/start", body: bodyRequired, write: true,
			serve: (*request).startCount},
		{method: methodPost, pattern: "/v1/counts/{location}/close", body: bodyRequired, write: true,
			serve: (*request).closeCount},
	}
}

func (req *request) startCount() {
	cmd := &req.commands.startCount
	*cmd = engine.StartCount{Location: req.path[0], Count: req.body().count()}
	if req.parsed() && req.execute(cmd) {
		req.countDone(cmd.Location, cmd.Count)
	}
}

func (req *request) closeCount() {
	cmd := &req.commands.closeCount
	*cmd = engine.CloseCount{Location: req.path[0], Count: req.body().count()}
	if req.parsed() && req.execute(cmd) {
		req.countDone(cmd.Location, cmd.Count)
	}
}

func (req *request) countDone(location, count string) {
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.result().Index))
	req.out = strictjson.AppendText(req.out, `,"location":`, location)
	req.out = strictjson.AppendText(req.out, `,"count":`, count)
	req.out = append(req.out, '}')
}
