package broker

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/reading"
)

func enters(a *addresses, of netip.Addr, now time.Time) bool {
	_, ok := a.enter(of, now)
	return ok
}

func TestWhatCountsAsOneAddress(t *testing.T) {
	of := func(s string) netip.Addr {
		return addressOf(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)))
	}
	assert.Equal(t, of("192.0.2.1:1"), of("192.0.2.1:2"))
	assert.Equal(t, of("192.0.2.1:1"), of("[::ffff:192.0.2.1]:2"))
	assert.NotEqual(t, of("192.0.2.1:1"), of("192.0.2.2:1"))
	assert.Equal(t, of("[2001:db8:0:1::1]:1"), of("[2001:db8:0:1:ffff:ffff:ffff:ffff]:2"))
	assert.NotEqual(t, of("[2001:db8:0:1::1]:1"), of("[2001:db8:0:2::1]:1"))
	assert.Equal(t, of("[fe80::1%eth0]:1"), of("[fe80::2%eth1]:1"))
	assert.NotPanics(t, func() { addressOf(&net.UnixAddr{}) })
}

func TestWrongLoginsAreAnsweredLaterAndLater(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	a := newAddresses(10, 10, true)
	require.True(t, enters(a, one, now))
	require.True(t, enters(a, other, now))
	wrong := func() time.Duration {
		hold, answer := a.mistake(one, now)
		require.True(t, answer)
		a.release(one)
		return hold
	}
	for range freeMistakes {
		require.Zero(t, wrong())
	}
	last := time.Duration(0)
	for range maxHeldSteps {
		hold := wrong()
		require.Equal(t, last+holdStep, hold)
		last = hold
	}
	for range 1000 {
		require.Equal(t, maxHold, wrong())
	}
	hold, answer := a.mistake(other, now)
	assert.True(t, answer)
	assert.Zero(t, hold, "the mistakes of one address are not those of another")
	a.release(other)

	wait, ok := a.enter(other, now)
	require.True(t, ok)
	assert.Zero(t, wait)
	a.settle(one)
	a.leave(one, now)
	wait, ok = a.enter(one, now)
	require.True(t, ok)
	assert.Equal(t, 250*time.Millisecond, wait, "mistakes outlive the connection, and make the next one slower")
	now = now.Add((maxHeldSteps + 1) * mistakeFades)
	assert.Zero(t, wrong(), "as many as there were holds have faded")
	assert.Equal(t, holdStep, wrong())
	now = now.Add(time.Hour)
	assert.Zero(t, wrong(), "and however many they were, not for long")
}

func TestOnlySoManyAnswersAreHeld(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	one := netip.MustParseAddr("192.0.2.1")
	a := newAddresses(10, 10, true)
	require.True(t, enters(a, one, now))
	for range freeMistakes {
		a.mistake(one, now)
		a.release(one)
	}
	for range maxHeld {
		hold, answer := a.mistake(one, now)
		require.True(t, answer)
		require.Positive(t, hold)
	}
	_, answer := a.mistake(one, now)
	require.False(t, answer)
	a.release(one)
	_, answer = a.mistake(one, now)
	require.True(t, answer)
}

func TestAddressesAreForgotten(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	a := newAddresses(2, 1, true)
	visit := func(i int, wrong bool) {
		addr := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(i))))
		require.True(t, enters(a, addr, now))
		if wrong {
			_, answer := a.mistake(addr, now)
			require.True(t, answer)
			a.release(addr)
		}
		a.settle(addr)
		a.leave(addr, now)
	}
	for i := range 1000 {
		visit(i, false)
	}
	require.Empty(t, a.known)
	for i := range 3 * maxMarked {
		visit(i, true)
	}
	assert.LessOrEqual(t, len(a.known), 2*maxMarked, "addresses that were wrong once fill the memory")
	now = now.Add(time.Minute)
	a.mu.Lock()
	a.sweep(now)
	a.mu.Unlock()
	assert.Empty(t, a.known)
}

func TestAddressesBoundConnectionsAndWaiting(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	one := netip.MustParseAddr("192.0.2.1")
	a := newAddresses(3, 2, true)
	require.True(t, enters(a, one, now))
	require.True(t, enters(a, one, now))
	require.False(t, enters(a, one, now), "two wait")
	a.settle(one)
	require.True(t, enters(a, one, now))
	a.settle(one)
	require.False(t, enters(a, one, now), "three are open")
	a.leave(one, now)
	require.True(t, enters(a, one, now))

	this := netip.MustParseAddr("127.0.0.1")
	byDefault := newAddresses(1, 1, false)
	for range 10 {
		require.True(t, enters(byDefault, this, now), "a proxy on this machine")
	}
	require.True(t, enters(byDefault, one, now))
	require.False(t, enters(byDefault, one, now))
}

func TestPaceHoldsTheRate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	p := newPace(10, 5)
	for range 5 {
		require.Zero(t, p.take("a", 100, now))
	}
	require.Equal(t, 100*time.Millisecond, p.take("a", 100, now))
	require.Equal(t, 200*time.Millisecond, p.take("a", pacedSize, now))
	require.Zero(t, p.take("b", 100, now), "each station has its own")
	now = now.Add(200 * time.Millisecond)
	require.Equal(t, 100*time.Millisecond, p.take("a", 0, now))
	p.giveBack("a", 0)
	require.Equal(t, 100*time.Millisecond, p.take("a", 0, now), "what did not come does not count")

	// Sent as soon as it may be, the rate is held to the message over any time.
	began, n := now, 0
	for now.Sub(began) < 100*time.Second {
		now = now.Add(p.take("c", 100, now))
		n++
	}
	assert.InDelta(t, 1000+5, n, 1)
}

func TestALargeMessageCostsMoreAndGetsThrough(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	p := newPace(10, 5)
	require.Zero(t, p.take("a", 100*pacedSize, now), "larger than the bucket, but the first")
	hold := p.take("a", 1, now)
	require.Equal(t, 9600*time.Millisecond, hold)
	// A device that gives up and comes back waits no longer for it.
	for range 10 {
		p.giveBack("a", 1)
		now = now.Add(time.Second)
		again := p.take("a", 1, now)
		require.Equal(t, max(0, hold-time.Second), again)
		hold = again
	}
	require.Zero(t, hold)
}

func TestPaceForgetsStationsThatRest(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	p := newPace(10, 5)
	for i := range 10_000 {
		now = now.Add(time.Second)
		p.take(reading.StationID(time.Duration(i).String()), 1, now)
	}
	assert.LessOrEqual(t, len(p.full), 1024)
}
