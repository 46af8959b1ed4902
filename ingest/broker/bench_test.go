package broker_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register/registertest"
)

type accept struct{}

func (accept) Submit(_ context.Context, _ ingest.Message, done func(error)) { done(nil) }

// BenchmarkAcknowledged measures acknowledged messages of 120 bytes through the
// broker with an Ingester that does nothing; the publishers run in the same
// process and take part of the time.
//
//	go test -run '^$' -bench Acknowledged -count 6 ./ingest/broker
func BenchmarkAcknowledged(b *testing.B) {
	for _, load := range []struct{ publishers, window int }{{1, 1}, {1, 50}, {100, 1}, {100, 20}} {
		b.Run(fmt.Sprintf("publishers=%d/window=%d", load.publishers, load.window), func(b *testing.B) {
			auth := tokens{}
			for i := range load.publishers {
				auth[reading.StationID(fmt.Sprint("s", i))] = "t"
			}
			br := start(b, accept{}, func(o *broker.Options) { o.Auth, o.MessagesPerSecond, o.Burst = auth, 1e9, 1e9 })
			clients := make([]paho.Client, load.publishers)
			for i := range clients {
				clients[i] = dial(b, pahoOptions(br, fmt.Sprint("s", i), "t", "kit"))
			}
			payload := make([]byte, 120)
			b.ResetTimer()
			var wg sync.WaitGroup
			for i, c := range clients {
				n := b.N / load.publishers
				if i < b.N%load.publishers {
					n++
				}
				wg.Go(func() { publish(b, c, topic.Readings(reading.StationID(fmt.Sprint("s", i))), payload, n, load.window) })
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acked/s")
			require.Equal(b, uint64(b.N), br.Stats().Committed)
		})
	}
}

func publish(b *testing.B, c paho.Client, name string, payload []byte, n, window int) {
	open := make(chan paho.Token, window)
	go func() {
		for range n {
			open <- c.Publish(name, 1, false, payload)
		}
		close(open)
	}()
	for tok := range open {
		<-tok.Done()
		if tok.Error() != nil {
			b.Error(tok.Error())
		}
	}
}

// BenchmarkLoginsBesideWrongOnes measures how long a right login takes, from the
// first byte of the connection to the answer, without and with 100,000 wrong ones
// from another address beside it, on a real register. The attackers run in the
// same process and send as fast as they can; what they use of the machine counts
// as slowing down too. ratio is the quotient of the medians; of the slowest
// hundredth the times are given, which a busy machine makes long without an
// attack too.
//
//	go test -run '^$' -bench LoginsBesideWrongOnes -benchtime 1x ./ingest/broker
func BenchmarkLoginsBesideWrongOnes(b *testing.B) {
	const wrong, attackers, quiet = 100_000, 400, 2000
	reg, _ := twoHandles(b)
	token, err := reg.AddStation(b.Context(), registertest.Station("noord-1"), reading.SecretPosition{}, "operator")
	require.NoError(b, err)
	for range b.N {
		br := start(b, accept{}, func(o *broker.Options) { o.Auth, o.Stations = reg, reg })
		right := func() time.Duration {
			began := time.Now()
			w := dialFrom(b, br, house)
			require.True(b, w.login("noord-1", token, "kit"))
			took := time.Since(began)
			_ = w.conn.Close()
			return took
		}
		var alone, beside []time.Duration
		for range quiet {
			alone = append(alone, right())
			time.Sleep(time.Millisecond)
		}
		var left atomic.Int64
		left.Store(wrong)
		var wg sync.WaitGroup
		attack := from(b, otherside)
		began := time.Now()
		for range attackers {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if conn, err := attack.Dial("tcp", br.Addr()); err == nil {
						wireOver(b, conn).login("noord-1", "guess", "kit")
						_ = conn.Close()
					}
				}
			})
		}
		for left.Load() > 0 {
			beside = append(beside, right())
			time.Sleep(time.Millisecond)
		}
		b.ReportMetric(wrong/time.Since(began).Seconds(), "wrong/s")
		wg.Wait()
		b.ReportMetric(quantile(alone, 0.5).Seconds()*1e3, "ms-alone")
		b.ReportMetric(quantile(beside, 0.5).Seconds()*1e3, "ms-beside")
		b.ReportMetric(float64(quantile(beside, 0.5))/float64(quantile(alone, 0.5)), "ratio")
		b.ReportMetric(quantile(alone, 0.99).Seconds()*1e3, "ms-p99-alone")
		b.ReportMetric(quantile(beside, 0.99).Seconds()*1e3, "ms-p99-beside")
		s := br.Stats()
		require.Equal(b, uint64(len(alone)+len(beside)), s.Logins)
		require.Equal(b, uint64(wrong), s.LoginsRefused+s.ConnectionsRefused)
		require.NoError(b, br.Close())
	}
}

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[int(q*float64(len(d)-1))]
}
