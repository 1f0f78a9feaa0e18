package main

import (
	"strings"
	"testing"

	"apportion/httpapi/api"
)

// The leader asks all members, so that one that it has not heard is silent; a follower knows of the leader only.
func TestClusterMarksSilentMembers(t *testing.T) {
	heard := func(seconds float64) *float64 { return &seconds }
	c := api.Cluster{Node: "a", Cluster: "x", Leader: "a", Members: []api.Member{
		{ID: "a", Leader: true, Voter: true, HeardSeconds: heard(0)}, {ID: "b", Voter: true, HeardSeconds: heard(0.1)},
		{ID: "c", Voter: true, HeardSeconds: heard(61)}, {ID: "d", Voter: true}}}
	f := func(row string, want bool) {
		t.Helper()
		var out strings.Builder
		printCluster(&out, &c)
		if strings.Contains(out.String(), row) != want {
			t.Errorf("%q is there: %v, want %v, in\n%s", row, !want, want, out.String())
		}
	}
	f("has not answered for 61 s", true)
	f("has not answered for 0", false)
	f("has not answered yet", true)
	c.Node, c.Leader = "b", "c"
	f("has not answered yet", false)
}
