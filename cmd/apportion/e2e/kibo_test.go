package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

const kiboPath = "/api/commerce/inventory/"

// kiboJobs returns the list of jobs. It demands that all running nodes show the same list.
func (c *cluster) kiboJobs() (jobs []struct {
	JobID  uint64 `json:"jobID"`
	Type   string `json:"type"`
	Status string `json:"status"`
}) {
	c.t.Helper()
	var first []byte
	for _, n := range c.nodes {
		if !n.running {
			continue
		}
		list := n.Call("GET", kiboPath+"v1/queue", "", http.StatusOK).Body
		if first == nil {
			first = list
		} else if !bytes.Equal(list, first) {
			c.t.Errorf("%s shows the jobs\n%s\nand another node\n%s", n.id, list, first)
		}
	}
	if err := json.Unmarshal(first, &jobs); err != nil {
		c.t.Fatalf("%v: %s", err, first)
	}
	return jobs
}

// TestClusterKibo: a client of Kibo's API may use any node. Jobs and location groups are the same on each node, and
// survive the leader.
func TestClusterKibo(t *testing.T) {
	c := newCluster(t, 3)
	post := func(n *node, path, body, want string) {
		t.Helper()
		if r := n.Call("POST", kiboPath+path, body, http.StatusOK); !bytes.Contains(r.Body, []byte(want)) {
			t.Errorf("%s at %s: want %s in %s", path, n.id, want, r.Body)
		}
	}
	leader := c.leader()
	follower, other := c.others(leader)[0], c.others(leader)[1]
	follower.Call("PUT", kiboPath+"v1/tagCategory/Channel",
		`{"tags":[{"tagValue":"Web","isDefault":true},{"tagValue":"Store"}]}`, http.StatusOK)
	other.Call("PUT", kiboPath+"v1/tagCategory/Channel/tag/Store", `{"isDefault":false}`, http.StatusOK)
	post(follower, "v1/locationGroup", `{"locationGroupCode":"north","locationCodes":["11"]}`, `"north"`)
	post(follower, "v5/inventory/refresh", `{"locationCode":"11","items":[{"upc":"A","quantity":10}]}`, `"jobID":1`)
	post(leader, "v5/inventory/refresh", `{"locationCode":"12","items":[{"upc":"A","quantity":5}]}`, `"jobID":2`)
	item := func(order int64, quantity int) string {
		return fmt.Sprintf(
			`{"items":[{"orderID":%d,"orderItemID":1,"shipmentID":2,"upc":"A","locationCode":"11","quantity":%d}]}`,
			order, quantity)
	}
	const large = 9007199254740993 // the first integer that a float64 cannot hold
	post(other, "v5/inventory/allocate", item(large, 4), `"jobID":3`)
	post(follower, "v5/inventory/fulfill", item(large, 5), `"status":"FAILED"`)
	post(other, "v5/inventory/redistribute", ``, `"itemCount":1`)
	before := c.kiboJobs()
	if len(before) != 6 || before[0].JobID != 6 || before[2].Type != "FULFILL" || before[2].Status != "FAILED" {
		t.Errorf("the jobs are %+v", before)
	}

	leader.kill()
	c.leader()
	const sum = `{"items":[{"upc":"A"}],"locationGroupCode":"north"}`
	for _, n := range c.others(leader) {
		post(n, "v5/inventory/aggregate", sum, `"onHand":10,"available":6`)
		n.Call("GET", kiboPath+"v1/queue/4", "", http.StatusOK)
	}
	post(follower, "v5/inventory/fulfill", item(large, 4), `"jobID":7`)
	post(other, "v5/inventory/adjust", `{"locationCode":"11","items":[{"upc":"A","quantity":1}]}`, `"jobID":8`)
	leader.start()
	c.awaitReady()
	post(leader, "v5/inventory/aggregate", sum, `"onHand":7,"available":7`)
	if after := c.kiboJobs(); len(after) != len(before)+2 || after[2] != before[0] {
		t.Errorf("the jobs are %+v, they were %+v", after, before)
	}
	c.finish()
}
