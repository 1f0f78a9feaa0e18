package e2e

import (
	"net/http"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// Members change while clients write, all by the commands of apportion cluster: a read replica joins and gets a vote,
// the leader is removed, and a voter whose disk is lost is replaced.
func TestClusterMembers(t *testing.T) {
	c := newCluster(t, 3)
	command := func(wantStatus int, args ...string) string {
		t.Helper()
		status, stdout, stderr := servertest.Run(t, append([]string{"cluster"}, args...)...)
		if status != wantStatus {
			t.Fatalf("cluster %q: status %d: %s%s", args, status, stdout, stderr)
		}
		return stdout + stderr
	}
	// change repeats a command while there is no leader, the outcome is unknown or a node has not started. It succeeds
	// if an earlier attempt has done the change.
	change := func(args ...string) {
		t.Helper()
		tries := 0
		c.await(strings.Join(args, " "), func() bool {
			tries++
			status, stdout, stderr := servertest.Run(t, append([]string{"cluster"}, args...)...)
			if again := strings.Contains(stderr, "not-leader") || strings.Contains(stderr, "is not known") ||
				strings.Contains(stderr, "timeout") ||
				strings.Contains(stderr, "member-not-there"); status != 0 && !again &&
				(tries == 1 || !strings.Contains(stderr, "unknown-member")) {
				t.Fatalf("cluster %q: status %d: %s%s", args, status, stdout, stderr)
			}
			return status == 0 || strings.Contains(stderr, "unknown-member")
		})
	}
	var gone []*node
	c.load(func() {
		replica := c.make("--non-voter")
		replica.start()
		at := c.others(c.leader())[0]
		change("add", replica.id, replica.raftAddress, "--non-voter", "--server", at.url)
		c.nodes = append(c.nodes, replica)
		c.await("the replica is ready", replica.isReady)
		c.await("it has no vote", func() bool { return c.voters() == 3 })
		change("add", replica.id, replica.raftAddress, "--server", at.url)
		c.await("it has a vote", func() bool { return c.voters() == 4 })
		c.awaitOrders(50)

		old := c.leader()
		other := c.others(old)[0]
		change("remove", old.id, "--server", other.url)
		c.await("another one leads", func() bool { leader := c.leaderAmong(c.others(old)); return leader != nil })
		old.stop()
		gone = append(gone, old)
		c.awaitOrders(50)

		// The disk of a voter is lost. It may have voted, and the others rely on its entries, so it must be removed
		// first.
		lost := c.others(old)[1]
		if leader := c.leaderAmong(c.others(old)); leader == lost {
			lost = c.others(old)[2]
		}
		lost.kill()
		servertest.Remove(t, lost.data)
		lost.args = withoutFlag(withoutFlag(lost.args, "--bootstrap"), "--non-voter") // it was a read replica
		lost.join(other)
		lost.start()
		c.await("it is refused", func() bool { return strings.Contains(lost.Log.String(), "remove it first") })
		c.await("the lost member is removed", func() bool {
			status, _, _ := servertest.Run(t, "cluster", "remove", lost.id, "--server", other.url)
			return status == 0
		})
		c.await(lost.id+" is ready", lost.isReady)
		c.await(lost.id+" has a vote again", func() bool {
			info, err := other.info()
			for _, m := range info.Members {
				if m.ID == lost.id && m.Voter {
					return err == nil
				}
			}
			return false
		})
		c.awaitOrders(50)
	})
	// The removed node does not come back, and keeps its data.
	verified(t, gone[0].data)
	c.nodes = c.others(gone[0])
	c.leader().Call("GET", "/v1/cluster", "", http.StatusOK)
	text := command(0, "status", "--server", c.nodes[0].url)
	if strings.Count(text, "yes") != 3 || strings.Contains(text, gone[0].raftAddress) {
		t.Errorf("the members are\n%s", text)
	}
	command(3, "remove", "nobody", "--server", c.nodes[0].url)
	c.finish()
}

// join makes a node ask another one to be added.
func (n *node) join(other *node) {
	n.args = append(withoutFlag(n.args, "--join", n.argument("--join")), "--join", other.raftAddress)
}

// argument is the value of a flag.
func (n *node) argument(flag string) string {
	for i, arg := range n.args[:len(n.args)-1] {
		if arg == flag {
			return n.args[i+1]
		}
	}
	return ""
}

// withoutFlag returns args without some words.
func withoutFlag(args []string, words ...string) (rest []string) {
	leave := strings.Join(words, "\x00")
	for _, arg := range args {
		if arg == "" || !strings.Contains("\x00"+leave+"\x00", "\x00"+arg+"\x00") {
			rest = append(rest, arg)
		}
	}
	return rest
}
