package register_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/register/registertest"
)

// onBoth runs test with the address of a new database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, registertest.Postgres(t)) })
}

func open(t testing.TB, dsn string, o register.Options) *register.Register {
	t.Helper()
	r, err := register.Open(t.Context(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func TestContractOnSQLite(t *testing.T) {
	registertest.Run(t, func(t *testing.T) *register.Register {
		return open(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{OnlyJudge: true})
	})
}

func TestContractOnPostgreSQL(t *testing.T) {
	registertest.Run(t, func(t *testing.T) *register.Register {
		return open(t, registertest.Postgres(t), register.Options{})
	})
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "text"), []byte(strings.Repeat("this is no database ", 100)), 0o600))
	for _, dsn := range []string{
		"", "register.db", "mysql://u:hunter2@h/d", "sqlite:", "sqlite::memory:", "sqlite:file::memory:?cache=shared",
		"sqlite:" + filepath.Join(folder, "no", "folder.db"), "sqlite:" + folder, "sqlite:" + filepath.Join(folder, "text"),
		"postgres://u:hunter2@127.0.0.1:1/d?connect_timeout=2", "postgres://u:hunter2@[", "postgres://u:hunter2@h:port/d",
	} {
		_, err := register.Open(t.Context(), dsn, register.Options{})
		require.Error(t, err, dsn)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestSQLiteFileIsForItsOwnerOnly(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a folder? with #odd%20 'signs'")
	require.NoError(t, os.Mkdir(folder, 0o700))
	path := filepath.Join(folder, "regi ster?.db")
	r := open(t, "sqlite:"+path, register.Options{})
	_, err := r.AddStation(t.Context(), registertest.Station("one"), reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	check := func() {
		for _, end := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + end)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), end)
		}
	}
	check()
	require.NoError(t, os.Chmod(path, 0o644))
	open(t, "sqlite:"+path, register.Options{})
	check()
}

func TestSQLiteConnectionsAreDurableAndChecked(t *testing.T) {
	r := open(t, "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		require.NoError(t, r.DB().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	_, err := r.ReadDB().ExecContext(t.Context(), `DELETE FROM station`)
	require.Error(t, err, "the reading side cannot write")
	_, err = r.DB().ExecContext(t.Context(), `INSERT INTO station_position VALUES ('nobody', 1, 2)`)
	require.Error(t, err)
}

func TestPostgreSQLOrdersByBytesWhateverTheLocale(t *testing.T) {
	r := open(t, registertest.Postgres(t), register.Options{})
	var keys, others int
	require.NoError(t, r.DB().QueryRowContext(t.Context(), `SELECT count(*) FILTER (WHERE collation_name = 'C'), count(*) FILTER (WHERE collation_name IS NULL)
		FROM information_schema.columns WHERE table_schema = 'public' AND column_name IN ('station', 'id', 'property', 'cause', 'hardware', 'reference') AND data_type = 'text'`).Scan(&keys, &others))
	require.Equal(t, 27, keys)
	require.Zero(t, others)
	var commit string
	require.NoError(t, r.DB().QueryRowContext(t.Context(), `SHOW synchronous_commit`).Scan(&commit))
	require.Equal(t, "on", commit)
}

func TestManyProcessesMayOpenAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				r, err := register.Open(t.Context(), dsn, register.Options{})
				if !assert.NoError(t, err) {
					return
				}
				_, err = r.AddStation(t.Context(), registertest.Station(reading.StationID(fmt.Sprintf("s%d", i))), reading.SecretPosition{}, "operator")
				assert.NoError(t, err)
				assert.NoError(t, r.Close())
			})
		}
		wg.Wait()
		r := open(t, dsn, register.Options{})
		all, err := r.Stations(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 6)
		var applied int
		require.NoError(t, r.ReadDB().QueryRowContext(t.Context(), `SELECT count(*) FROM goose_register WHERE version_id = 1`).Scan(&applied))
		require.Equal(t, 1, applied)
	})
}

func TestTwoHandlesWriteAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		handles := []*register.Register{open(t, dsn, register.Options{}), open(t, dsn, register.Options{})}
		var wg sync.WaitGroup
		for h, r := range handles {
			for w := range 3 {
				wg.Go(func() {
					for i := range 25 {
						hours := []reading.StationHour{{Station: "shared", Hour: 1}, {Station: reading.StationID(fmt.Sprintf("s-%d-%d", h, w)), Hour: reading.Hour(i)}}
						assert.NoError(t, r.MarkDirty(t.Context(), hours))
						_, err := r.DirtyHours(t.Context(), "", 10)
						assert.NoError(t, err)
						assert.NoError(t, r.PutRejects(t.Context(), []ingest.Reject{{Station: "shared", Cause: "json", Payload: []byte{byte(i)}}}))
					}
				})
			}
		}
		wg.Wait()
		n, err := handles[1].DirtyCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(2*3*25+1), n)
		counts, err := handles[0].RejectCounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []register.RejectCount{{Cause: "json", Distinct: 25, Arrivals: 150}}, counts)
	})
}

func TestChangesOfAnotherProcessTakeEffectWithinASecond(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		server := open(t, dsn, register.Options{Now: func() time.Time { return now }})
		command := open(t, dsn, register.Options{})
		login := func(token string) error { return server.Authenticate(t.Context(), "one", token) }

		require.ErrorIs(t, login("x"), register.ErrWrongCredentials)
		token, err := command.AddStation(t.Context(), registertest.Station("one"), reading.SecretPosition{}, "operator")
		require.NoError(t, err)
		now = now.Add(time.Second)
		require.NoError(t, login(token))
		require.NoError(t, command.SetPaused(t.Context(), "one", true, "operator", "stuk"))
		now = now.Add(time.Second)
		require.ErrorIs(t, login(token), register.ErrWrongCredentials)
		st, err := server.Station(t.Context(), "one")
		require.NoError(t, err)
		require.True(t, st.Paused)
		require.NoError(t, command.SetPaused(t.Context(), "one", false, "operator", "gemaakt"))
		fresh, err := command.RotateToken(t.Context(), "one", "keeper")
		require.NoError(t, err)
		now = now.Add(time.Second)
		require.ErrorIs(t, login(token), register.ErrWrongCredentials)
		require.NoError(t, login(fresh))
		now = now.Add(-time.Hour) // a clock that was set back is no reason to trust memory
		require.NoError(t, command.SetPaused(t.Context(), "one", true, "operator", ""))
		require.ErrorIs(t, login(fresh), register.ErrWrongCredentials)
	})
}

// A device that got its token from another process a moment ago must not be
// turned away: many never try again.
func TestTokenOfAnotherProcessIsTakenAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // stands still, so memory stays fresh
		server := open(t, dsn, register.Options{Now: func() time.Time { return now }})
		command := open(t, dsn, register.Options{})
		login := func(token string) error { return server.Authenticate(t.Context(), "one", token) }

		require.ErrorIs(t, login("x"), register.ErrWrongCredentials)
		token, err := command.AddStation(t.Context(), registertest.Station("one"), reading.SecretPosition{}, "operator")
		require.NoError(t, err)
		require.NoError(t, login(token), "a station that was unknown")
		for range 20 {
			fresh, err := command.RotateToken(t.Context(), "one", "keeper")
			require.NoError(t, err)
			require.NoError(t, login(fresh), "a token that was another")
			require.ErrorIs(t, login(token), register.ErrWrongCredentials)
			token = fresh
		}
		require.NoError(t, command.SetPaused(t.Context(), "one", true, "operator", "stuk"))
		require.ErrorIs(t, login("x"), register.ErrWrongCredentials)
		require.NoError(t, command.SetPaused(t.Context(), "one", false, "operator", "gemaakt"))
		require.NoError(t, login(token), "a pause that is over")

		// Many at once, while tokens change.
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					assert.ErrorIs(t, login("wrong"), register.ErrWrongCredentials)
				}
			})
		}
		for range 10 {
			fresh, err := command.RotateToken(t.Context(), "one", "keeper")
			require.NoError(t, err)
			require.NoError(t, login(fresh))
		}
		wg.Wait()
	})
}

func TestLoginsAreAnsweredFromMemory(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	r, err := register.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "register.db"), register.Options{Now: func() time.Time { return now }})
	require.NoError(t, err)
	token, err := r.AddStation(t.Context(), registertest.Station("one"), reading.SecretPosition{}, "operator")
	require.NoError(t, err)
	require.NoError(t, r.Authenticate(t.Context(), "one", token))
	require.ErrorIs(t, r.Authenticate(t.Context(), "two", token), register.ErrWrongCredentials)
	require.NoError(t, r.Close())

	// Without a database: what was asked a moment ago is known, nothing else is.
	require.NoError(t, r.Authenticate(t.Context(), "one", token))
	_, err = r.Station(t.Context(), "one")
	require.NoError(t, err)
	for id, token := range map[reading.StationID]string{"one": "wrong", "two": token, "three": token} {
		err = r.Authenticate(t.Context(), id, token)
		require.Error(t, err)
		require.NotErrorIs(t, err, register.ErrWrongCredentials, "cannot tell is not a refusal")
	}
	now = now.Add(time.Second)
	err = r.Authenticate(t.Context(), "one", token)
	require.Error(t, err)
	require.NotErrorIs(t, err, register.ErrWrongCredentials)
	require.Error(t, r.Ping(t.Context()))
}

func TestRejectsAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := open(t, dsn, register.Options{MaxRejects: 100, MaxRejectPayload: 16})
		start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		put := func(minute, payload int) ingest.Reject {
			return ingest.Reject{
				Station: "one", Cause: "json", Received: start.Add(time.Duration(minute) * time.Minute),
				Payload: fmt.Appendf(nil, "%016d the rest is cut", payload),
			}
		}
		for i := range 25 {
			require.NoError(t, r.PutRejects(t.Context(), []ingest.Reject{put(i, i)}))
		}
		require.NoError(t, r.PutRejects(t.Context(), []ingest.Reject{put(30, 15), put(30, 100), put(31, 101), put(31, 101)}))
		kept, err := r.Rejects(t.Context(), "one", 100)
		require.NoError(t, err)
		var got []string
		for _, k := range kept {
			got = append(got, strings.TrimLeft(string(k.Payload), "0"))
		}
		require.ElementsMatch(t, []string{"101", "100", "15", "24", "23", "22", "21", "20", "19", "18"}, got, "the ones that arrived longest ago made room")
		require.Equal(t, "101", got[0])

		var many []ingest.Reject
		for i := range 40 {
			many = append(many, put(100+i, 1000+i))
		}
		require.NoError(t, r.PutRejects(t.Context(), many))
		counts, err := r.RejectCounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []register.RejectCount{{Cause: "json", Distinct: 10, Arrivals: 10}}, counts)
	})
}

func TestOneStationCannotPushOutTheRejectsOfOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		r := open(t, dsn, register.Options{MaxRejects: 50})
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		put := func(station reading.StationID, from, n int) {
			var rejects []ingest.Reject
			for i := range n {
				rejects = append(rejects, ingest.Reject{Station: station, Cause: "json", Received: at.Add(time.Duration(from+i) * time.Second), Payload: fmt.Appendf(nil, "%d", from+i)})
			}
			require.NoError(t, r.PutRejects(t.Context(), rejects))
		}
		put("quiet", 0, 1)
		put("noisy", 100, 500)
		put("noisy", 1000, 500)
		kept, err := r.Rejects(t.Context(), "quiet", 10)
		require.NoError(t, err)
		require.Len(t, kept, 1)
		kept, err = r.Rejects(t.Context(), "noisy", 100)
		require.NoError(t, err)
		require.Len(t, kept, 5)
		require.Equal(t, "1499", string(kept[0].Payload))
		for i := range 30 { // together they are bounded too
			put(reading.StationID(fmt.Sprintf("s%02d", i)), 2000+10*i, 5)
		}
		counts, err := r.RejectCounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(50), counts[0].Distinct)
	})
}

func TestNothingSecretIsLogged(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		var log strings.Builder
		r := open(t, dsn, register.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		pos, err := reading.NewSecretPosition(4.912345, 52.371234)
		require.NoError(t, err)
		token, err := r.AddStation(t.Context(), registertest.Station("one"), pos, "operator")
		require.NoError(t, err)
		_, err = r.DB().ExecContext(t.Context(), `DROP TABLE station_position`)
		require.NoError(t, err)
		err = r.SetPosition(t.Context(), "one", pos, "keeper", "")
		require.Error(t, err)
		for _, secret := range []string{"4.9123", "52.3712", token} {
			require.NotContains(t, err.Error(), secret)
			require.NotContains(t, log.String(), secret)
		}
	})
}

const childDSN = "BUURTMETER_TEST_CHILD_DSN"

// TestMarksSurviveKill starts this test binary again as a child that marks
// hours, and kills it the moment it has said that a mark is stored.
func TestMarksSurviveKill(t *testing.T) {
	if dsn := os.Getenv(childDSN); dsn != "" {
		markForever(t, dsn)
		return
	}
	onBoth(t, func(t *testing.T, dsn string) {
		for round := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestMarksSurviveKill$")
			child.Env = append(os.Environ(), childDSN+"="+dsn)
			out, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			acknowledged := map[string]bool{}
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				if id, ok := strings.CutPrefix(lines.Text(), "marked "); ok {
					if acknowledged[id] = true; len(acknowledged) > 5*round {
						break
					}
				}
			}
			require.NoError(t, child.Process.Kill())
			for lines.Scan() { // what it still said before it died
				if id, ok := strings.CutPrefix(lines.Text(), "marked "); ok {
					acknowledged[id] = true
				}
			}
			require.ErrorContains(t, child.Wait(), "killed")
			cancel()
			require.NotEmpty(t, acknowledged)

			r := open(t, dsn, register.Options{})
			hours, err := r.DirtyHours(t.Context(), "", 100_000)
			require.NoError(t, err)
			marked := map[string]bool{}
			for _, h := range hours {
				marked[string(h.Station)] = true
			}
			for id := range acknowledged {
				require.True(t, marked[id], "the mark of %s was acknowledged and is lost", id)
			}
		}
	})
}

func markForever(t *testing.T, dsn string) {
	r, err := register.Open(t.Context(), dsn, register.Options{})
	require.NoError(t, err)
	for i := 0; ; i++ {
		id := fmt.Sprintf("s%d-%d", os.Getpid(), i)
		require.NoError(t, r.MarkDirty(t.Context(), []reading.StationHour{{Station: reading.StationID(id), Hour: 1}}))
		fmt.Println("marked " + id)
	}
}
