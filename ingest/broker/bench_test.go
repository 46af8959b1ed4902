package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
)

type accept struct{}

func (accept) Ingest(context.Context, ingest.Message) error { return nil }

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
			br := start(b, accept{}, func(o *broker.Options) { o.Auth = auth })
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
