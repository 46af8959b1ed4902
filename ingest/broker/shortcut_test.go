package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/mqtt/topic"
)

// late is an Ingester that commits when it is told to.
type late struct {
	mu      sync.Mutex
	waiting []func(error)
	kept    []string
}

func (l *late) Submit(_ context.Context, m ingest.Message, done func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, string(m.Payload))
	l.waiting = append(l.waiting, done)
}

// take waits until n messages wait, and takes them.
func (l *late) take(t *testing.T, n int) (waiting []func(error)) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) >= n
	}, 30*time.Second, time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Len(t, l.waiting, n)
	waiting, l.waiting = l.waiting, nil
	return waiting
}

// sendSeveral sends n publications in one write, and a sign of life behind them.
func (w *wire) sendSeveral(version byte, first, n int) {
	w.t.Helper()
	var out bytes.Buffer
	for i := range n {
		pk := publishPacket(topic.Readings("noord-1"), 1, fmt.Sprint("m", first+i))
		pk.ProtocolVersion, pk.PacketID = version, uint16(first+i)
		require.NoError(w.t, pk.PublishEncode(&out))
	}
	out.Write([]byte{0xc0, 0})
	_, err := w.conn.Write(out.Bytes())
	require.NoError(w.t, err)
}

// expect reads acknowledgements, then what the broker says next.
func (w *wire) expect(first, n int, next ...byte) {
	w.t.Helper()
	var want []byte
	for i := range n {
		want = append(want, 0x40, 2, 0, byte(first+i))
	}
	want = append(want, next...)
	got := make([]byte, len(want))
	_, err := io.ReadFull(w.r, got)
	require.NoError(w.t, err)
	require.Equal(w.t, want, got)
}

// known logs in and makes the topic known with a first publication.
func known(t *testing.T, b *broker.Broker, version byte, l *late) *wire {
	t.Helper()
	w := open(t, b)
	login := connectPacket("noord-1", "geheim-1", 30)
	login.ProtocolVersion = version
	var out bytes.Buffer
	require.NoError(t, login.ConnectEncode(&out))
	_, err := w.conn.Write(out.Bytes())
	require.NoError(t, err)
	head := make([]byte, 2)
	_, err = io.ReadFull(w.r, head)
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, w.r, int64(head[1]))
	require.NoError(t, err)
	pk := publishPacket(topic.Readings("noord-1"), 1, "first")
	pk.ProtocolVersion = version
	out.Reset()
	require.NoError(t, pk.PublishEncode(&out))
	_, err = w.conn.Write(out.Bytes())
	require.NoError(t, err)
	l.take(t, 1)[0](nil)
	_, err = io.ReadFull(w.r, head)
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, w.r, int64(head[1]))
	require.NoError(t, err)
	return w
}

func TestWhatComesTogetherIsStoredTogetherAndAcknowledgedInOrder(t *testing.T) {
	for _, version := range []byte{4, 5} {
		l := &late{}
		b := start(t, l)
		w := known(t, b, version, l)
		w.sendSeveral(version, 1, 5)
		waiting := l.take(t, 5)
		slices.Reverse(waiting)
		for _, done := range waiting[:4] {
			done(nil)
		}
		require.NoError(t, w.conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		_, err := w.r.Peek(1)
		require.Error(t, err, "acknowledged before the first one was stored")
		require.NoError(t, w.conn.SetReadDeadline(time.Now().Add(30*time.Second)))
		assert.Equal(t, uint64(1), b.Stats().Committed)
		waiting[4](nil)
		w.expect(1, 5, 0xd0, 0) // the answer to the sign of life comes after them
		assert.Equal(t, []string{"first", "m1", "m2", "m3", "m4", "m5"}, l.kept)
		assert.Equal(t, uint64(6), b.Stats().Committed)
		assert.Equal(t, uint64(6), b.Stats().Received)

		// More than one window: the rest waits in the device's own buffers.
		w.sendSeveral(version, 1, 150)
		for left := 150; left > 0; {
			l.mu.Lock()
			waiting := l.waiting
			l.waiting = nil
			l.mu.Unlock()
			assert.LessOrEqual(t, len(waiting), 64)
			for _, done := range waiting {
				done(nil)
			}
			left -= len(waiting)
		}
		w.expect(1, 150, 0xd0, 0)
	}
}

func TestNothingBehindAFailureIsAcknowledged(t *testing.T) {
	l := &late{}
	b := start(t, l)
	w := known(t, b, 4, l)
	w.sendSeveral(4, 1, 4)
	for i, done := range l.take(t, 4) {
		done([]error{2: errors.New("disk full"), 3: nil}[i])
	}
	w.expect(1, 2)
	assert.True(t, w.closed())
	s := b.Stats()
	assert.Equal(t, [3]uint64{5, 3, 2}, [3]uint64{s.Received, s.Committed, s.Failed})

	w = known(t, b, 4, l)
	w.sendSeveral(4, 1, 3)
	l.take(t, 3)
	b.Disconnect("noord-1") // the token is withdrawn, say, while it is being stored
	assert.True(t, w.closed())
	require.Eventually(t, func() bool { return b.Stats().Failed == 5 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, uint64(4), b.Stats().Committed)
}

// TestAKnownTopicOpensNoOther: what is served without the library is what it let
// pass before, byte by byte.
func TestAKnownTopicOpensNoOther(t *testing.T) {
	for _, name := range []string{topic.Readings("noord-2"), topic.Readings("noord-1") + "x", topic.Readings("noord-1") + "/nonsense"} {
		l := &late{}
		b := start(t, l)
		w := known(t, b, 4, l)
		pk := publishPacket(name, 1, "x")
		pk.ProtocolVersion = 4
		var out bytes.Buffer
		require.NoError(t, pk.PublishEncode(&out))
		_, err := w.conn.Write(out.Bytes())
		require.NoError(t, err)
		assert.True(t, w.closed())
		assert.Equal(t, []string{"first"}, l.kept)
		assert.Equal(t, uint64(1), b.Stats().Refused)
	}
	l := &late{}
	b := start(t, l)
	w := known(t, b, 4, l)
	pk := publishPacket(topic.Readings("noord-1"), 1, "x")
	pk.ProtocolVersion, pk.PacketID = 4, 1
	var out bytes.Buffer
	require.NoError(t, pk.PublishEncode(&out))
	raw := out.Bytes()
	copy(raw[len(raw)-3:], []byte{0, 0, 'x'}) // no packet has the number 0
	_, err := w.conn.Write(raw)
	require.NoError(t, err)
	assert.True(t, w.closed())
	assert.Equal(t, []string{"first"}, l.kept)
}

func TestASilentDeviceIsCutAlsoAfterPlainPublications(t *testing.T) {
	l := &late{}
	b := start(t, l, func(o *broker.Options) { o.MaxKeepalive = time.Second })
	w := known(t, b, 4, l)
	for i := range 4 { // together longer than the patience, but never silent for so long
		time.Sleep(500 * time.Millisecond)
		w.sendSeveral(4, 1, 2)
		for _, done := range l.take(t, 2) {
			done(nil)
		}
		w.expect(1, 2, 0xd0, 0)
		require.Equal(t, uint64(3+2*i), b.Stats().Committed)
	}
	assert.True(t, w.closed())
	assert.Zero(t, b.Stats().Failed)
}
