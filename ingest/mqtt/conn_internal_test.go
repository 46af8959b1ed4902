package mqtt

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting is a connection that counts the calls that would be system calls.
type counting struct {
	net.Conn
	reads, writes atomic.Int64
}

func (c *counting) Read(p []byte) (int, error)  { c.reads.Add(1); return c.Conn.Read(p) }
func (c *counting) Write(p []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(p) }

func pair(t *testing.T) (*gathering, *counting, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	dialled, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	far, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = far.Close() })
	near := &counting{Conn: dialled}
	g := newGathering(near)
	t.Cleanup(func() { _ = g.Close() })
	return g, near, far
}

func TestSmallWritesGoOutTogetherAndInOrder(t *testing.T) {
	g, near, far := pair(t)
	var want []byte
	const n = 20_000
	for i := range n {
		p := []byte{0x40, 2, byte(i >> 8), byte(i)}
		want = append(want, p...)
		_, err := g.Write(p)
		require.NoError(t, err)
	}
	got := make([]byte, len(want))
	_, err := io.ReadFull(far, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	assert.Less(t, near.writes.Load(), int64(n/10))
}

func TestSmallReadsAreFewCalls(t *testing.T) {
	g, near, far := pair(t)
	_, err := far.Write(make([]byte, 30_000))
	require.NoError(t, err)
	one := make([]byte, 1)
	for range 30_000 {
		_, err := io.ReadFull(g, one)
		require.NoError(t, err)
	}
	assert.Less(t, near.reads.Load(), int64(3000))
}

func TestCloseSendsWhatIsLeft(t *testing.T) {
	g, _, far := pair(t)
	_, err := g.Write([]byte("goodbye"))
	require.NoError(t, err)
	require.NoError(t, g.Close())
	got, err := io.ReadAll(far)
	require.NoError(t, err)
	assert.Equal(t, "goodbye", string(got))
	_, err = g.Write([]byte("more"))
	require.ErrorIs(t, err, net.ErrClosed)
	_ = g.Close() // twice is harmless
}

// TestAWriterIsHeldUpAndLetGo: nothing grows while the other side does not read,
// and whoever waits is told when the connection ends.
func TestAWriterIsHeldUpAndLetGo(t *testing.T) {
	g, _, far := pair(t)
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := g.Write(make([]byte, 4096)); err != nil {
				ended <- err
				return
			}
		}
	}()
	require.Eventually(t, func() bool { // until the buffers of the system are full too
		before := held(g)
		time.Sleep(50 * time.Millisecond)
		return before > maxUnsent && held(g) == before
	}, 20*time.Second, time.Millisecond)
	assert.LessOrEqual(t, held(g), maxUnsent+4096)
	require.NoError(t, far.Close())
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("the writer is held for ever")
	}
	_, err := g.Read(make([]byte, 1))
	require.Error(t, err)
}

func held(g *gathering) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.unsent)
}
