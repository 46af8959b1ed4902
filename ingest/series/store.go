package series

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// DefaultDatabase is the database (2.x: bucket) that is used when Options
// names none.
const DefaultDatabase = "buurtmeter"

// shardDuration is the time that one shard of a database created by Open
// spans. InfluxDB's own choice for data without an end is a week; a shard costs
// open files and memory whether it is read or not, and years of readings are
// kept here. Measured with the engine just after a backfill of two years of 50
// stations (10 minutes, 5 values): weeks 964 open files and 1.2 GB of heap, 4
// weeks 313 and 0.3 GB, 13 weeks 153 and 0.07 GB. Ten years are 41 shards.
const shardDuration = "13w"

var _ ingest.RawStore = (*Store)(nil)

// Options say which InfluxDB is used.
type Options struct {
	// URL is the server's address, such as "http://127.0.0.1:8086".
	URL string
	// Token is the 2.x API token, or "user:password" for 1.8 with
	// authentication; empty for none.
	Token string
	// Org is the 2.x organisation; empty for 1.8.
	Org string
	// Database is the 1.x database or 2.x bucket; empty means DefaultDatabase.
	Database string
	// HTTPClient carries all traffic; nil means a client of the store's own.
	// The embedded engine is used by passing its client.
	HTTPClient *http.Client
	// Log receives what the store does on its own account (creating the
	// database); nil means silence.
	Log *slog.Logger
}

// Store is a raw store on one InfluxDB database. It is safe for concurrent
// use. Make it with Open.
type Store struct {
	base     *url.URL
	token    string
	database string
	http     *http.Client
	ownHTTP  bool
	client   influxdb2.Client
	write    api.WriteAPIBlocking
	columns  []column
}

// Open connects to the InfluxDB of o and creates the database with infinite
// retention when it is absent. On 2.x the bucket must exist; the error then
// says how to make it. ctx bounds the opening only. Close the store after use.
func Open(ctx context.Context, o Options) (*Store, error) {
	base, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("series: the InfluxDB address cannot be read, use a form such as http://127.0.0.1:8086: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("series: InfluxDB address %q: use a form such as http://127.0.0.1:8086", base.Redacted())
	}
	if o.Database == "" {
		o.Database = DefaultDatabase
	}
	if strings.ContainsAny(o.Database, "\"\\/\n") {
		return nil, fmt.Errorf("series: database name %q: leave out quotes, slashes and line ends", o.Database)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{base: base, token: o.Token, database: o.Database, http: o.HTTPClient, columns: columns()}
	if s.http == nil {
		s.http, s.ownHTTP = newHTTPClient(), true
	}
	s.client = influxdb2.NewClientWithOptions(o.URL, o.Token,
		influxdb2.DefaultOptions().SetHTTPClient(s.http).SetPrecision(time.Millisecond).SetApplicationName("buurtmeter"))
	s.write = s.client.WriteAPIBlocking(o.Org, o.Database)
	if err := s.prepare(ctx, o.Log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newHTTPClient returns a client that gives up on a server that cannot be
// reached or does not begin to answer. The length of an answer is bounded by
// the caller's context.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
	}}
}

// prepare checks that the server answers and has the database, and creates it
// on 1.x when it is absent.
func (s *Store) prepare(ctx context.Context, logger *slog.Logger) error {
	version, err := s.ping(ctx)
	if err != nil {
		return err
	}
	found, err := s.hasDatabase(ctx)
	if err != nil {
		return fmt.Errorf("series: list the databases of %s: %w", s.base.Redacted(), err)
	}
	if found {
		return nil
	}
	if major := strings.TrimPrefix(version, "v"); strings.HasPrefix(major, "2.") || strings.HasPrefix(major, "3.") {
		return fmt.Errorf("series: InfluxDB %s at %s has no bucket %q that answers InfluxQL: make it with "+
			"'influx bucket create --name %s --retention 0', map it with 'influx v1 dbrp create --db %[3]s --rp autogen --default --bucket-id ...' "+
			"and give the token read and write access to it", version, s.base.Redacted(), s.database, s.database)
	}
	create := "CREATE DATABASE " + quoteIdent(s.database) + " WITH DURATION INF REPLICATION 1 SHARD DURATION " + shardDuration + ` NAME "autogen"`
	if err := s.exec(ctx, create); err != nil {
		return fmt.Errorf("series: create database %q at %s (let an administrator run %s): %w", s.database, s.base.Redacted(), create, err)
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "raw store: database created", slog.String("database", s.database))
	return nil
}

func (s *Store) hasDatabase(ctx context.Context) (bool, error) {
	found := false
	err := s.query(ctx, "SHOW DATABASES", func(a answer) error {
		for _, row := range a.Values {
			name, err := stringCell(row, 0)
			if err != nil {
				return err
			}
			found = found || name == s.database
		}
		return nil
	})
	return found, err
}

// Ping reports whether the InfluxDB answers. It does not touch the data.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.ping(ctx)
	return err
}

func (s *Store) ping(ctx context.Context) (version string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath("ping").String(), nil)
	if err != nil {
		return "", fmt.Errorf("series: ping: %w", err)
	}
	s.authorize(req)
	resp, err := s.http.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return "", fmt.Errorf("series: InfluxDB at %s does not answer, check that it runs and that the address is right: %w", s.base.Redacted(), err)
	}
	defer drain(resp.Body)
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("series: %s answers ping with status %d, check that the address is that of an InfluxDB", s.base.Redacted(), resp.StatusCode)
	}
	return resp.Header.Get("X-Influxdb-Version"), nil
}

// authorize adds the token in the form that 1.8 ("user:password") and 2.x (API
// token) both take.
func (s *Store) authorize(req *http.Request) {
	if s.token != "" {
		req.Header.Set("Authorization", "Token "+s.token)
	}
}

// drain reads what is left, up to a bound, so that the connection can be used
// again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}

// Count returns the number of stored points: readings with different station,
// time or revision. It scans all data and is meant for tests and checks.
func (s *Store) Count(ctx context.Context) (int64, error) {
	var n int64
	err := s.query(ctx, `SELECT count("rx") FROM "reading"`, func(a answer) error {
		for _, row := range a.Values {
			k, _, err := intCell(row, 1)
			if err != nil {
				return err
			}
			n += k
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("series: count: %w", err)
	}
	return n, nil
}

// DeleteStation removes all readings of the station, every revision. Deleting
// a station without readings is no error. The readings are gone from every
// answer at once; their bytes leave the disk when the engine next compacts the
// files.
func (s *Store) DeleteStation(ctx context.Context, id reading.StationID) error {
	if err := s.exec(ctx, `DELETE FROM "reading" WHERE "station" = `+quoteString(string(id))); err != nil {
		return fmt.Errorf("series: delete station %q: %w", id, err)
	}
	return nil
}

// Close releases the store's connections. The HTTP client that was passed to
// Open stays usable.
func (s *Store) Close() error {
	s.client.Close()
	if s.ownHTTP {
		s.http.CloseIdleConnections()
	}
	return nil
}
