package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// The statements. pgx prepares each on its first use on a connection.
const (
	takeOne = `UPDATE stock SET allocated = allocated + $3 WHERE location = $1 AND upc = $2 AND on_hand - allocated >= $3`

	reserveOne = `INSERT INTO reservation VALUES ($1, $2, $3, $4, $5)`

	// takeAndReserve is both in one statement, which is a transaction of its own.
	takeAndReserve = `WITH taken AS (` + takeOne + ` RETURNING upc)
		INSERT INTO reservation SELECT $4, $5, $1, upc, $3 FROM taken`

	// lockMany takes the rows' locks in one order, so that two orders do not wait for each other.
	lockMany = `SELECT 1 FROM stock WHERE location = $1 AND upc = ANY($2) ORDER BY upc FOR UPDATE`

	// takeMany does a whole order: one unit of each line. The same product may be in several.
	takeMany = `WITH line AS (SELECT upc, item FROM unnest($2::text[]) WITH ORDINALITY AS l(upc, item)),
		want AS (SELECT upc, count(*) AS units FROM line GROUP BY upc),
		taken AS (UPDATE stock s SET allocated = s.allocated + w.units FROM want w
			WHERE s.location = $1 AND s.upc = w.upc AND s.on_hand - s.allocated >= w.units RETURNING s.upc)
		INSERT INTO reservation SELECT $3, line.item, $1, line.upc, 1 FROM line JOIN taken USING (upc)`
)

// pgClient is one connection.
type pgClient struct {
	*pgx.Conn
	work   work
	way    func(*pgClient, context.Context) (int, error)
	prefix string
	random *rand.Rand
	order  int64
	upcs   []string // of one order
}

func (p *postgres) newClient(ctx context.Context, w work, number int,
	way func(*pgClient, context.Context) (int, error)) (client, error) {
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &pgClient{Conn: conn, work: w, way: way, prefix: w.name + "-" + strconv.Itoa(number) + "-",
		random: rand.New(rand.NewPCG(1, uint64(number)))}, nil
}

func (c *pgClient) close() error { return c.Conn.Close(context.Background()) }

func (c *pgClient) request(ctx context.Context) (int, error) { return c.way(c, ctx) }

func (c *pgClient) nextOrder() string {
	c.order++
	return c.prefix + strconv.FormatInt(c.order, 10)
}

// twoStatements is a transaction as most would write it, with no more round trips than it needs: the UPDATE goes with
// the BEGIN, and what follows from its outcome with the COMMIT.
func twoStatements(c *pgClient, ctx context.Context) (int, error) {
	record, order := upc(c.random.IntN(c.work.records)), c.nextOrder()
	var first, second pgx.Batch
	first.Queue(`BEGIN`)
	first.Queue(takeOne, c.work.name, record, 1)
	if taken, err := c.lastRows(ctx, &first, 2); err != nil || taken != 1 {
		return 0, errors.Join(fmt.Errorf("postgres: %d rows were taken", taken), err)
	}
	second.Queue(reserveOne, order, 1, c.work.name, record, 1)
	second.Queue(`COMMIT`)
	_, err := c.lastRows(ctx, &second, 2)
	return 1, err
}

// lastRows runs a batch and gives the rows that its last statement changed.
func (c *pgClient) lastRows(ctx context.Context, batch *pgx.Batch, statements int) (rows int64, err error) {
	results := c.SendBatch(ctx, batch)
	for range statements {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // the first error is the one to tell
			return 0, err
		}
		rows = tag.RowsAffected()
	}
	return rows, results.Close()
}

// oneStatement does the same in one round trip.
func oneStatement(c *pgClient, ctx context.Context) (int, error) {
	tag, err := c.Exec(ctx, takeAndReserve, c.work.name, upc(c.random.IntN(c.work.records)), 1, c.nextOrder(), 1)
	if err != nil || tag.RowsAffected() != 1 {
		return 0, errors.Join(fmt.Errorf("postgres: %d rows were reserved", tag.RowsAffected()), err)
	}
	return 1, nil
}

// manyRows does an order of many lines in one transaction and one round trip.
func manyRows(c *pgClient, ctx context.Context) (int, error) {
	c.upcs = c.upcs[:0]
	for range c.work.lines {
		c.upcs = append(c.upcs, upc(c.random.IntN(c.work.records)))
	}
	var batch pgx.Batch
	batch.Queue(`BEGIN`)
	batch.Queue(lockMany, c.work.name, c.upcs)
	batch.Queue(takeMany, c.work.name, c.upcs, c.nextOrder())
	batch.Queue(`COMMIT`)
	results := c.SendBatch(ctx, &batch)
	for step := range 4 {
		tag, err := results.Exec()
		if err == nil && step == 2 && tag.RowsAffected() != int64(c.work.lines) {
			err = fmt.Errorf("%d of %d lines were reserved", tag.RowsAffected(), c.work.lines)
		}
		if err != nil {
			_ = results.Close() // the first error is the one to tell
			return 0, fmt.Errorf("postgres: %w", err)
		}
	}
	return c.work.lines, results.Close()
}
