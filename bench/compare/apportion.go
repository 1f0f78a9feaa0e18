package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"apportion/bench/load"
	"apportion/bench/rig"
)

// manyLines of one order, where a request has many.
const manyLines = 500

// enterApportion starts our server and the handler that answers a constant.
func (c *comparison) enterApportion(ctx context.Context) error {
	server, err := rig.StartServer(c.server, filepath.Join(c.dir, "apportion"))
	if err != nil {
		return err
	}
	c.apportion = server
	c.closers = append(c.closers, stopping(server))
	constant, err := rig.StartSelf("-constant")
	if err != nil {
		return err
	}
	c.constant = constant
	c.closers = append(c.closers, stopping(constant))

	few, many := c.connections, c.connections/4
	const product, parse = "Apportion", "a handler that only parses"
	for _, e := range []struct {
		key, product, way, workload string
		hot                         bool
		connections, lines          int
	}{
		{"parse", parse, "1 line, a constant answer", "allocate", false, few, 1},
		{"one", product, "1 line, HTTP", "allocate", false, few, 1},
		{"one-hot", product, "1 line, HTTP", "allocate", true, few, 1},
		{"parse-refused", parse, "1 line, a constant refusal", "flash-sale", true, few, 1},
		{"refused", product, "1 line, 99 % refused (flash sale)", "flash-sale", true, few, 1},
		{"parse-read", parse, "read, a constant answer", "reads", false, few, 1},
		{"read", product, "read a record", "reads", false, few, 1},
		{"many", product, fmt.Sprintf("%d lines a request, HTTP", manyLines), "batch", false, many, manyLines},
		{"many-hot", product, fmt.Sprintf("%d lines a request, HTTP", manyLines), "batch", true, many, manyLines},
	} {
		o := load.Options{Target: server.URL(), Workload: e.workload, Connections: e.connections, Records: c.records,
			Lines: e.lines}
		if e.hot {
			o.Records = 1
		}
		cpu := server.CPU
		if e.product == parse {
			o.Target, o.Constant, cpu = constant.URL(), true, constant.CPU
		}
		l, err := newLoaded(ctx, o, cpu)
		if err := c.add(&entry{key: e.key, product: e.product, way: e.way, hot: e.hot, connections: e.connections,
			of: l}, err); err != nil {
			return err
		}
	}
	return nil
}

// enterOthersOfOurs starts a cluster of three nodes of ours and, if an older binary is given, the same of that one.
func (c *comparison) enterOthersOfOurs(ctx context.Context) error {
	const cluster = "1 line, HTTP, three nodes on this machine"
	err := c.enterNodes(ctx, "cluster", "Apportion", cluster, c.server, 3, "allocate")
	if err != nil || c.before == "" {
		return err
	}
	const product = "Apportion, the commit before"
	for _, e := range []struct {
		key, way, workload string
		nodes              int
	}{
		{"before-one", "1 line, HTTP", "allocate", 1},
		{"before-many", fmt.Sprintf("%d lines a request, HTTP", manyLines), "batch", 1},
		{"before-cluster", cluster, "allocate", 3},
	} {
		if err := c.enterNodes(ctx, e.key, product, e.way, c.before, e.nodes, e.workload); err != nil {
			return err
		}
	}
	return nil
}

// enterNodes starts a server of so many nodes for one contender, which talks to the leader. The processor time is that
// of all nodes.
func (c *comparison) enterNodes(ctx context.Context, key, product, way, binary string, nodes int,
	workload string) error {
	servers, err := rig.StartCluster(binary, filepath.Join(c.dir, key), nodes)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, func() error { servers.Stop(); return nil })
	o := load.Options{Target: servers[0].URL(), Workload: workload, Connections: c.connections, Records: c.records,
		Lines: 1}
	if workload == "batch" {
		o.Connections, o.Lines = c.connections/4, manyLines
	}
	l, err := newLoaded(ctx, o, func() (used time.Duration) {
		for _, p := range servers {
			used += p.CPU()
		}
		return used
	})
	return c.add(&entry{key: key, product: product, way: way, connections: o.Connections, of: l}, err)
}

// stopping ends a process.
func stopping(p *rig.Process) func() error {
	return func() error {
		p.Stop()
		return nil
	}
}

// enterRedis starts two servers, one that syncs always and one that does every second.
func (c *comparison) enterRedis(context.Context) error {
	few, many := c.connections, c.connections/4
	for _, fsync := range []string{"always", "everysec"} {
		dir, err := c.subdir("redis-" + fsync)
		if err != nil {
			return err
		}
		server, err := startRedis(c.tools.redis, dir, fsync)
		if err != nil {
			return err
		}
		c.closers = append(c.closers, server.stop)
		for _, pipeline := range []int{1, 16, 50} {
			for _, hot := range []bool{false, true} {
				connections, way := many, fmt.Sprintf("appendfsync %s, pipelines of %d", fsync, pipeline)
				if pipeline == 1 {
					connections, way = few, "appendfsync "+fsync
				}
				w := work{name: fmt.Sprintf("bench-%d-%v", pipeline, hot), records: c.recordsOf(hot), lines: pipeline}
				p, err := server.contender(w, connections)
				key := keyOf(fmt.Sprintf("redis-%s-%d", fsync, pipeline), hot)
				if err := c.add(&entry{key: key, product: "Redis", way: way, hot: hot, connections: connections, of: p},
					err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// enterPostgres starts one server.
func (c *comparison) enterPostgres(ctx context.Context) error {
	dir, err := c.subdir("postgres")
	if err != nil {
		return err
	}
	server, err := startPostgres(c.tools.postgres, dir)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, server.stop)
	few, many := c.connections, c.connections/4
	for _, e := range []struct {
		key, way           string
		run                func(*pgClient, context.Context) (int, error)
		connections, lines int
	}{
		{"pg-two", "UPDATE and INSERT in a transaction", twoStatements, few, 1},
		{"pg-one", "both in one statement", oneStatement, few, 1},
		{"pg-many", fmt.Sprintf("%d rows a transaction", manyLines), manyRows, many, manyLines},
	} {
		for _, hot := range []bool{false, true} {
			key := keyOf(e.key, hot)
			p, err := server.contender(ctx, work{name: key, records: c.recordsOf(hot), lines: e.lines}, e.connections,
				e.run)
			if err := c.add(&entry{key: key, product: "PostgreSQL", way: e.way, hot: hot, connections: e.connections,
				of: p}, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *comparison) recordsOf(hot bool) int {
	if hot {
		return 1
	}
	return c.records
}

func keyOf(key string, hot bool) string {
	if hot {
		return key + "-hot"
	}
	return key
}
