package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/duckdb/duckdb-go/v2"

	"buurtmeter/ingest/reading"
)

// duck is DuckDB in this process, with the valid hours in a table in its memory:
// the number of the hour in the year as an integer, which is faster there than a
// time, and the value as FLOAT, as a table of measurements is made.
type duck struct {
	connector *duckdb.Connector
	db        *sql.DB
}

func openDuck(ctx context.Context, t *town) (*duck, error) {
	c, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	d := &duck{connector: c, db: sql.OpenDB(c)}
	if err := d.load(ctx, t); err != nil {
		_ = d.close()
		return nil, err
	}
	return d, nil
}

func (d *duck) close() error { return d.db.Close() }

func (d *duck) load(ctx context.Context, t *town) error {
	if _, err := d.db.ExecContext(ctx, `CREATE TABLE hours (station INTEGER, hour INTEGER, value FLOAT)`); err != nil {
		return fmt.Errorf("create the table: %w", err)
	}
	conn, err := d.connector.Connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	a, err := duckdb.NewAppenderFromConn(conn, "", "hours")
	if err != nil {
		return fmt.Errorf("open the appender: %w", err)
	}
	for i := range t.stations {
		for h, v := range t.values[i*hours : (i+1)*hours] {
			if v == reading.Missing {
				continue
			}
			if err := a.AppendRow(int32(i), int32(h), float32(v)/reading.HourScale); err != nil {
				_ = a.Close()
				return fmt.Errorf("append a row: %w", err)
			}
		}
	}
	if err := a.Close(); err != nil {
		return fmt.Errorf("close the appender: %w", err)
	}
	return nil
}

// The same year statistics as ours. The days are grouped once and serve mean,
// hours, days and maximum; the percentile needs the hours themselves.
const duckQuery = `
WITH days AS (
  SELECT station, hour // 24 AS day, count(*) AS n, sum(value) AS total, avg(value) AS mean, max(value) AS peak,
         count(*) FILTER (value > %d) AS above
  FROM hours GROUP BY ALL
), years AS (
  SELECT station, sum(total) / sum(n) AS mean, sum(n) AS valid, sum(above) AS above, max(peak) AS peak,
         count(*) FILTER (n >= 18) AS days,
         count(*) FILTER (n >= 18 AND mean > %d) AS low,
         count(*) FILTER (n >= 18 AND mean > %d) AS up
  FROM days GROUP BY station
), tops AS (
  SELECT station, quantile_cont(value, %g) AS percentile FROM hours GROUP BY station
)
SELECT sum(mean), sum(percentile), sum(peak::DOUBLE), sum(valid)::BIGINT, sum(days)::BIGINT, sum(above)::BIGINT, sum(low)::BIGINT, sum(up)::BIGINT
FROM years JOIN tops USING (station)`

func (d *duck) compute(ctx context.Context, threads int) (a answer, err error) {
	if _, err = d.db.ExecContext(ctx, fmt.Sprintf("SET threads = %d", threads)); err != nil {
		return a, fmt.Errorf("set the threads: %w", err)
	}
	q := fmt.Sprintf(duckQuery, hourLimit, dayLow, dayHigh, high/100)
	err = d.db.QueryRowContext(ctx, q).Scan(&a.means, &a.percentiles, &a.maxima, &a.valid, &a.validDays, &a.hoursAbove, &a.daysAboveLow, &a.daysAboveUp)
	if err != nil {
		return a, fmt.Errorf("query: %w", err)
	}
	return a, nil
}

func (d *duck) version(ctx context.Context) string {
	var v string
	if err := d.db.QueryRowContext(ctx, `SELECT version()`).Scan(&v); err != nil {
		return "of unknown version"
	}
	return v
}
