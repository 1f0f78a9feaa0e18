package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"apportion/cmd/apportion/servertest"
)

// authority makes certificates.
type authority struct {
	t           *testing.T
	dir         string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	file        string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotAfter: time.Now().Add(time.Hour),
		IsCA:     true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = a.newKey()
	a.certificate, a.file = a.sign(name, template, template, a.key), filepath.Join(a.dir, name+".crt")
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

// sign makes a certificate and writes it into a file.
func (a *authority) sign(name string, template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.writePEM(name+".crt", "CERTIFICATE", der)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate
}

func (a *authority) writePEM(name, kind string, der []byte) {
	a.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(filepath.Join(a.dir, name), text, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// flags returns the flags of a node with a certificate of this authority, which trusts the authority believes.
func (a *authority) flags(node string, believes *authority) []string {
	a.t.Helper()
	key := a.newKey()
	a.sign(node, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: node},
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a.certificate, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.writePEM(node+".key", "PRIVATE KEY", der)
	return []string{"--raft-cert", filepath.Join(a.dir, node+".crt"), "--raft-key", filepath.Join(a.dir, node+".key"),
		"--raft-ca", believes.file}
}

// Nodes check each other's certificates. A node without one, or with one of another authority, is refused, and refuses
// the cluster.
func TestClusterTLS(t *testing.T) {
	t.Parallel()
	own, other := newAuthority(t, "own"), newAuthority(t, "other")
	c := &cluster{t: t, dir: t.TempDir(), network: newNetwork(t)}
	t.Cleanup(c.showLogs)
	for _, name := range []string{"a", "b", "c"} {
		c.add(own.flags(name, own)...)
	}
	c.await("three voters", func() bool { return c.voters() == 3 })
	c.awaitReady()
	c.nodes[1].Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 10), http.StatusOK)
	f := func(name, says string, flags ...string) {
		t.Helper()
		stranger := c.make(flags...)
		stranger.args = append(stranger.args, "--join", c.nodes[0].raftAddress)
		stranger.start()
		c.await(name+": it is refused", func() bool { return strings.Count(stranger.Log.String(), says) > 1 })
		if strings.Contains(stranger.Log.String(), "has joined\"") {
			t.Errorf("%s: it was let in", name)
		}
		c.await(name+": there are three voters", func() bool { return c.voters() == 3 })
		if r, err := servertest.Send(lookClient, http.MethodGet, stranger.url+"/v1/inventory/W1/A?consistency=stale",
			"",
			""); err == nil && r.Status == http.StatusOK {
			t.Errorf("%s: it has the cluster's data", name)
		}
		stranger.kill()
	}
	f("no certificate", "this node has not joined yet")
	f("another authority's certificate", "this node has not joined yet", other.flags("d", own)...)
	f("it believes another authority", "certificate signed by unknown authority", own.flags("d", other)...)
	for _, flags := range [][]string{{"--raft-cert", "x"}, own.flags("x", own)[:4]} {
		status, _, stderr := servertest.Run(t, append([]string{"serve", "--data", c.dir + "/x", "--node-id", "x",
			"--raft-listen", "127.0.0.1:0", "--bootstrap"}, flags...)...)
		if status != 2 || !strings.Contains(stderr, "all three are expected") {
			t.Errorf("%q: status %d: %s", flags, status, stderr)
		}
	}
	c.finish()
}

// voters returns the number of voters that the first node knows, 0 without an answer.
func (c *cluster) voters() int {
	info, err := c.nodes[0].info()
	if err != nil {
		return 0
	}
	return info.Voters()
}

// Two clusters never mix, with any addresses. A node of one cluster cannot join the other. A node at the address of the
// other cluster's member is not mistaken for that member.
func TestClusterStrangers(t *testing.T) {
	one := newCluster(t, 3)
	one.nodes[0].Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 10), http.StatusOK)
	lost := one.others(one.leader())[0]
	lost.stop()

	// The other cluster's node has the name of the lost one.
	other := &cluster{t: t, dir: t.TempDir(), network: newNetwork(t)}
	t.Cleanup(other.showLogs)
	stranger := other.make()
	stranger.set("--node-id", lost.id)
	other.nodes = append(other.nodes, stranger)
	own := slices.Clone(stranger.args)
	stranger.args = append(stranger.args, "--bootstrap")
	stranger.start()
	other.awaitReady()
	stranger.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "B", 20), http.StatusOK)
	stranger.stop()

	// It listens at the address of that node.
	stranger.set("--raft-listen", lost.raftListen)
	stranger.start()
	other.await("the cluster is refused", func() bool {
		return strings.Contains(stranger.Log.String(), "of another cluster")
	})
	one.await("the cluster goes on", func() bool { return one.majorityWrites(one.leader()) })
	stranger.Call("GET", "/v1/inventory/W1/A?consistency=stale", "", http.StatusNotFound)
	stranger.stop()

	// It asks to be added.
	stranger.args = append(own, "--join", one.leader().raftAddress)
	stranger.start()
	other.await("it serves", func() bool { _, err := stranger.info(); return err == nil })
	other.awaitReady()
	members := func(n *node, want int) {
		t.Helper()
		info, err := n.info()
		one.await(n.id+" says who the members are", func() bool {
			if err != nil { // on a busy machine, the answer may be late
				info, err = n.info()
			}
			return err == nil
		})
		if len(info.Members) != want {
			t.Errorf("the members are %+v, want %d", info.Members, want)
		}
	}
	members(one.leader(), 3)
	members(stranger, 1)
	stranger.Call("GET", "/v1/inventory/W1/B", "", http.StatusOK)
	other.finish()
	lost.start()
	one.awaitReady()
	one.finish()
}

// set changes the value of a flag that the node has.
func (n *node) set(flag, value string) { n.args[slices.Index(n.args, flag)+1] = value }
