package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"buurtmeter/firmware-sim/wire"
)

// messageBytes is the size of every message.
const messageBytes = 150

// begin is the time of the first reading.
func begin() time.Time { return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) }

func stationID(i int) string { return fmt.Sprintf("bench-%05d", i) }

func stationTopic(id string) string { return "buurtmeter/v1/" + id + "/readings" }

// appendMessage appends reading n of a station: five values, one a minute. Both
// consumers read the same bytes; the id in them is for the one that does not
// look at topics, and fw fills the message up to its size.
func appendMessage(dst []byte, id string, i, n int) []byte {
	start := len(dst)
	dst = append(dst, `{"id":"`...)
	dst = append(dst, id...)
	dst = append(dst, `","time":`...)
	dst = strconv.AppendInt(dst, begin().Unix()+60*int64(n), 10)
	dst = append(dst, `,"values":{`...)
	for k, v := range [...]struct {
		name string
		low  int
		span int
	}{{"no2", 80, 700}, {"pm25", 40, 200}, {"pm10", 250, 300}, {"temperature", -50, 300}, {"humidity", 300, 690}} {
		if k > 0 {
			dst = append(dst, ',')
		}
		tenths := v.low + (i*7919+n*131+k*977)%v.span
		dst = append(dst, '"')
		dst = append(dst, v.name...)
		dst = append(dst, `":`...)
		dst = strconv.AppendFloat(dst, float64(tenths)/10, 'f', 1, 64)
	}
	dst = append(dst, `},"fw":"`...)
	for len(dst)-start < messageBytes-2 {
		dst = append(dst, '0')
	}
	return append(dst, `"}`...)
}

// load is a set of messages on their way to a broker.
type load struct {
	url        string
	messages   int
	stations   int
	publishers int
	// window is how many messages one connection may have on their way.
	window int
	// rate is in messages per second of all together; 0 is as fast as it goes.
	rate float64
}

// publish sends all messages, each station's in order of time, and returns when
// every one is acknowledged by the broker.
func (l load) publish(ctx context.Context) error {
	errs := make(chan error, l.publishers)
	var wg sync.WaitGroup
	for p := range l.publishers {
		wg.Go(func() {
			if err := l.publisher(ctx, p); err != nil {
				errs <- fmt.Errorf("publisher %d: %w", p, err)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// publisher sends the messages of every station whose number is p modulo the
// number of publishers, one round of all stations after the other.
func (l load) publisher(ctx context.Context, p int) error {
	c, err := wire.Dial(ctx, wire.Options{Broker: l.url, ClientID: "bench-publisher-" + strconv.Itoa(p)})
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, c.Close)
	defer stop()
	var buf []byte
	under, start := 0, time.Now()
	acks := func(down int) error {
		if err := c.Flush(); err != nil {
			return err
		}
		for under > down {
			if _, err := c.Ack(); err != nil {
				return err
			}
			under--
		}
		return nil
	}
	for m := p; m < l.messages; m += l.publishers {
		i, n := m%l.stations, m/l.stations
		if l.rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(float64(m) / l.rate * float64(time.Second)))))
		}
		id := stationID(i)
		buf = appendMessage(buf[:0], id, i, n)
		if _, err := c.Publish(stationTopic(id), buf); err != nil {
			return err
		}
		// A half-empty window is filled in one write.
		if under++; under >= l.window || l.rate > 0 {
			if err := acks(l.window / 2); err != nil {
				return err
			}
		}
	}
	return acks(0)
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), ",")
}
