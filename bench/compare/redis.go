package main

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"apportion/bench/rig"
)

// reserveScript takes units of a record and stores the reservation, or answers that there are too few units.
const reserveScript = `local have = tonumber(redis.call('HGET', KEYS[1], 'available'))
local want = tonumber(ARGV[1])
if not have or have < want then return 0 end
redis.call('HINCRBY', KEYS[1], 'available', -want)
redis.call('HINCRBY', KEYS[1], 'allocated', want)
redis.call('HSET', KEYS[2], 'upc', ARGV[2], 'location', ARGV[3], 'quantity', want)
return 1`

// redis is a server of this run. Its configuration is the package's default but for what durability asks for;
// io-threads are for machines of four cores and more (redis.conf), and pages of 2 MB are off by default.
type redis struct {
	fsync   string // always or everysec
	address string
	cmd     *exec.Cmd
	sha     string
}

func startRedis(binary, dir, fsync string) (*redis, error) {
	addresses, err := rig.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(reserveScript))
	r := &redis{fsync: fsync, address: addresses[0], sha: hex.EncodeToString(sum[:])}
	r.cmd = exec.Command(binary, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no", "--loglevel",
		"warning",
		"--save", "", "--appendonly", "yes", "--appendfsync", fsync)
	r.cmd.Stdout = io.Discard
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	if err := await("redis", func() error { return r.loadScript() }); err != nil {
		return nil, fmt.Errorf("%w (%v)", err, r.stop())
	}
	return r, nil
}

// await tries until it works.
func await(what string, try func() error) (err error) {
	deadline := time.After(rig.StartTimeout)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if err = try(); err == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-deadline:
			return fmt.Errorf("%s was not ready in %s: %w", what, rig.StartTimeout, err)
		}
	}
}

func (r *redis) loadScript() error {
	c, err := dialRESP(r.address)
	if err != nil {
		return err
	}
	defer c.close()
	c.begin(3)
	for _, a := range []string{"SCRIPT", "LOAD", reserveScript} {
		c.argument([]byte(a))
	}
	if err := c.flush(); err != nil {
		return err
	}
	if _, err := c.in.ReadString('\n'); err != nil { // $40
		return err
	}
	sha, err := c.in.ReadString('\n')
	if err == nil && sha != r.sha+"\r\n" {
		err = fmt.Errorf("redis says the script is %q", sha)
	}
	return err
}

func (r *redis) stop() error {
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	_ = r.cmd.Wait()                          // how it ends does not matter
	return nil
}

func (r *redis) cpu() time.Duration { return rig.CPUOf(r.cmd.Process.Pid) }

func recordKey(location string, record int) string { return "rec:" + location + ":" + upc(record) }

// contender loads stock and connects.
func (r *redis) contender(w work, connections int) (*peer, error) {
	c, err := dialRESP(r.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for i := range w.records {
		if _, err := c.call("HSET", recordKey(w.name, i), "onHand", strconv.Itoa(stockUnits), "available",
			strconv.Itoa(stockUnits), "allocated", "0"); err != nil {
			return nil, err
		}
	}
	p, err := newPeer(connections, r.cpu, func(number int) (client, error) {
		conn, err := dialRESP(r.address)
		return &redisClient{respConn: conn, redis: r, work: w, number: number,
			random: rand.New(rand.NewPCG(1, uint64(number)))}, err
	})
	if err != nil {
		return nil, err
	}
	p.verify = func(_ context.Context, acknowledged int64) error { return r.verify(w, acknowledged) }
	return p, nil
}

// verify sums what the records say.
func (r *redis) verify(w work, acknowledged int64) error {
	c, err := dialRESP(r.address)
	if err != nil {
		return err
	}
	defer c.close()
	sum := int64(0)
	for i := range w.records {
		allocated, err := c.call("HGET", recordKey(w.name, i), "allocated")
		if err != nil {
			return err
		}
		available, err := c.call("HGET", recordKey(w.name, i), "available")
		if err != nil {
			return err
		}
		if allocated+available != stockUnits {
			return fmt.Errorf("redis %s %s: %d allocated and %d available", w.name, upc(i), allocated, available)
		}
		sum += allocated
	}
	return differs("redis "+r.fsync+" "+w.name, sum, acknowledged)
}

// redisClient sends lines as commands of one pipeline.
type redisClient struct {
	*respConn
	redis   *redis
	work    work
	number  int
	random  *rand.Rand
	order   int64
	scratch []byte
}

func (c *redisClient) request(context.Context) (int, error) {
	c.order++
	for line := range c.work.lines {
		record := c.random.IntN(c.work.records)
		c.begin(8)
		c.argument([]byte("EVALSHA"))
		c.argument([]byte(c.redis.sha))
		c.argument([]byte("2"))
		c.argument(c.key("rec:", record))
		c.argument(c.reservation(line))
		c.argument([]byte("1"))
		c.argument(c.key("", record)[len(c.work.name)+1:])
		c.argument([]byte(c.work.name))
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	for range c.work.lines {
		if n, err := c.respConn.number(); err != nil || n != 1 {
			return 0, errors.Join(fmt.Errorf("redis: a reservation was answered with %d", n), err)
		}
	}
	return c.work.lines, nil
}

// key is a record's key, or without prefix its location and UPC.
func (c *redisClient) key(prefix string, record int) []byte {
	c.scratch = append(append(append(c.scratch[:0], prefix...), c.work.name...), ':')
	c.scratch = appendUPC(c.scratch, record)
	return c.scratch
}

// reservation names an order's line.
func (c *redisClient) reservation(line int) []byte {
	c.scratch = append(append(c.scratch[:0], "res:"...), c.work.name...)
	for _, n := range []int64{int64(c.number), c.order, int64(line)} {
		c.scratch = strconv.AppendInt(append(c.scratch, '-'), n, 10)
	}
	return c.scratch
}
