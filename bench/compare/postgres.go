package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"apportion/bench/rig"
)

// postgres is a server of this run.
type postgres struct {
	address string
	cmd     *exec.Cmd
}

// postgresSettings follow the documentation's advice for a busy server ("Resource Consumption", "WAL Configuration"):
// memory for the tables, and checkpoints far apart. What durability needs stays as it is by default, and is said once
// more.
var postgresSettings = []string{
	"synchronous_commit=on", "fsync=on", "full_page_writes=on",
	"shared_buffers=1GB", "max_connections=400", "huge_pages=try",
	"max_wal_size=8GB", "min_wal_size=2GB", "checkpoint_timeout=15min", "checkpoint_completion_target=0.9",
	"wal_buffers=16MB",
	"random_page_cost=1.1", "log_min_messages=fatal",
}

// startPostgres makes a cluster in a directory of its own. PostgreSQL refuses to run as root, so root runs it as
// postgres.
func startPostgres(bin, dir string) (*postgres, error) {
	credential, err := postgresUser()
	if err != nil {
		return nil, err
	}
	if credential != nil {
		if err := os.Chown(dir, int(credential.Uid), int(credential.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "--auth", "trust", "--encoding",
		"UTF8", "--locale", "C")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: credential}, dir
	if text, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, text)
	}
	addresses, err := rig.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return nil, err
	}
	p := &postgres{address: addresses[0]}
	args := []string{"-D", data, "-p", port, "-k", dir, "-h", "127.0.0.1"}
	for _, setting := range postgresSettings {
		args = append(args, "-c", setting)
	}
	p.cmd = exec.Command(filepath.Join(bin, "postgres"), args...)
	p.cmd.SysProcAttr, p.cmd.Dir, p.cmd.Stderr = &syscall.SysProcAttr{Credential: credential}, dir, io.Discard
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := await("postgres", p.writeTables); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// postgresUser is nobody if we are not root.
func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// stop is a fast shutdown.
func (p *postgres) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGINT) // fails only if it has ended
	_ = p.cmd.Wait()                         // how it ends does not matter
	return nil
}

// cpu counts the process of each connection too.
func (p *postgres) cpu() time.Duration { return rig.CPUOfChildren(p.cmd.Process.Pid) }

func (p *postgres) dial(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, "postgres://postgres@"+p.address+"/postgres?sslmode=disable")
}

// writeTables makes the tables. Room is left in the pages of stock, as the documentation advises for rows that are
// updated often: the new version of a row then needs no new entries in the index.
func (p *postgres) writeTables() error {
	ctx, cancel := context.WithTimeout(context.Background(), rig.StartTimeout)
	defer cancel()
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `
		CREATE TABLE stock (location text, upc text, on_hand bigint NOT NULL, allocated bigint NOT NULL,
			PRIMARY KEY (location, upc)) WITH (fillfactor = 50);
		CREATE TABLE reservation (order_id text, item_id int,
			location text NOT NULL, upc text NOT NULL, quantity bigint NOT NULL,
			PRIMARY KEY (order_id, item_id))`)
	return errors.Join(err, conn.Close(ctx))
}

// contender loads stock and connects: one connection for each client, which is what a pool comes to when all are busy.
func (p *postgres) contender(ctx context.Context, w work, connections int,
	way func(*pgClient, context.Context) (int, error)) (*peer, error) {
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	for i := range w.records {
		if _, err = conn.Exec(ctx, `INSERT INTO stock VALUES ($1, $2, $3, 0)`, w.name, upc(i), stockUnits); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
	}
	if err := conn.Close(ctx); err != nil {
		return nil, err
	}
	peer, err := newPeer(connections, p.cpu, func(number int) (client, error) {
		return p.newClient(ctx, w, number, way)
	})
	if err != nil {
		return nil, err
	}
	peer.verify = func(ctx context.Context, acknowledged int64) error { return p.verify(ctx, w, acknowledged) }
	return peer, nil
}

// verify holds the sums of both tables against what was acknowledged.
func (p *postgres) verify(ctx context.Context, w work, acknowledged int64) error {
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	var allocated, reserved int64
	err = conn.QueryRow(ctx,
		`SELECT (SELECT sum(allocated) FROM stock WHERE location = $1), (SELECT coalesce(sum(quantity), 0) FROM reservation WHERE location = $1)`,
		w.name).Scan(&allocated, &reserved)
	if err == nil {
		err = errors.Join(differs("postgres "+w.name+", stock", allocated, acknowledged),
			differs("postgres "+w.name+", reservations", reserved, acknowledged))
	}
	return errors.Join(err, conn.Close(ctx))
}
