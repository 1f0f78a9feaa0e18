package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"apportion/bench/rig"
)

// fileLocations is how many locations the rows of a file are of; each has the same UPCs.
const fileLocations = 10

// fileTimes are the times of the turns of one way to load or unload a file.
type fileTimes struct {
	what   string
	target time.Duration // 0: none
	times  []time.Duration
}

// compareFiles loads and unloads a file of stock with the commands import and export and with COPY of PostgreSQL, in
// turns, each time into an empty table.
func (c *comparison) compareFiles(ctx context.Context, stdout io.Writer) error {
	file := filepath.Join(c.dir, "stock.csv")
	if err := writeFile(file, c.files); err != nil {
		return err
	}
	dir, err := c.subdir("postgres")
	if err != nil {
		return err
	}
	p, err := startPostgres(c.tools.postgres, dir)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, p.stop)
	all := []*fileTimes{{what: "apportion import", target: 5 * time.Second}, {what: "PostgreSQL, COPY FROM"},
		{what: "apportion export stock", target: 3 * time.Second}, {what: "PostgreSQL, COPY TO"}}
	for turn := range c.turns {
		fmt.Fprintf(c.stderr, "turn %d of %d\n", turn+1, c.turns)
		if err := c.ourFileTurn(ctx, turn, file, all[0], all[2]); err != nil {
			return err
		}
		if err := p.fileTurn(ctx, file, all[1], all[3]); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "%s, %s; %s.\n", c.started.Format("2006-01-02 15:04"), machine(),
		strings.Join(c.tools.versions, "; "))
	fmt.Fprintf(stdout, "%d rows, %d turns, load average %s before.\n\n", c.files, c.turns, c.loadBefore)
	fmt.Fprint(stdout, "| what | median s | fastest, slowest | rows/s | target s |\n|---|---|---|---|---|\n")
	for _, f := range all {
		slices.Sort(f.times)
		median, target := f.times[len(f.times)/2], "-"
		if f.target > 0 {
			target = fmt.Sprintf("%.0f", f.target.Seconds())
		}
		fmt.Fprintf(stdout, "| %s | %.2f | %.2f, %.2f | %.0f | %s |\n", f.what, median.Seconds(), f.times[0].Seconds(),
			f.times[len(f.times)-1].Seconds(), float64(c.files)/median.Seconds(), target)
	}
	return nil
}

// writeFile writes a file of stock.
func writeFile(name string, rows int) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "upc,location,quantity")
	for i := range rows {
		fmt.Fprintf(w, "UPC-%08d,LOC-%02d,%d\n", i/fileLocations, i%fileLocations, i%1000)
	}
	return errors.Join(w.Flush(), file.Close())
}

// timed adds the time of a piece of work.
func (f *fileTimes) timed(do func() error) error {
	begin := time.Now()
	err := do()
	f.times = append(f.times, time.Since(begin))
	return err
}

// ourFileTurn loads a file into a new server and unloads it.
func (c *comparison) ourFileTurn(ctx context.Context, turn int, file string, in, out *fileTimes) error {
	server, err := rig.StartServer(c.server, filepath.Join(c.dir, fmt.Sprintf("files-%d", turn)))
	if err != nil {
		return err
	}
	command := func(args ...string) error {
		cmd := exec.CommandContext(ctx, c.server, append(args, "--server", server.URL())...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w\n%s", args, err, text)
		}
		return nil
	}
	err = in.timed(func() error { return command("import", file) })
	if err == nil {
		err = out.timed(func() error { return command("export", "stock", "--out", file+".out.csv") })
	}
	return errors.Join(err, stopping(server)())
}

// fileTurn loads a file into an empty table with a key, and unloads it.
func (p *postgres) fileTurn(ctx context.Context, name string, in, out *fileTimes) error {
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `DROP TABLE IF EXISTS file; CREATE TABLE file (upc text, location text,
		quantity bigint NOT NULL, PRIMARY KEY (location, upc))`); err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := in.timed(func() error {
		_, err := conn.PgConn().CopyFrom(ctx, file, "COPY file FROM STDIN (FORMAT csv, HEADER)")
		return err
	}); err != nil {
		return err
	}
	to, err := os.Create(name + ".out.csv")
	if err != nil {
		return err
	}
	err = out.timed(func() error {
		_, err := conn.PgConn().CopyTo(ctx, to, "COPY file TO STDOUT (FORMAT csv, HEADER)")
		return errors.Join(err, to.Sync())
	})
	return errors.Join(err, to.Close())
}
