package broker

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// minPending is how many connections of one address may wait for their login
	// at least.
	minPending = 64
	// freeMistakes is how many wrong logins of one address are answered at once:
	// a house may have many devices, and their keeper a bad day.
	freeMistakes = 20
	// mistakeFades is the time in which one wrong login is forgotten.
	mistakeFades = 3 * time.Second
	// Each further wrong login is answered holdStep later, maxHold at most.
	holdStep = 250 * time.Millisecond
	maxHold  = 5 * time.Second
	// maxHeldSteps is the number of mistakes after which the hold grows no more.
	maxHeldSteps = maxHold / holdStep
	// slower is the part of the hold that a new connection of such an address
	// waits before anything is read from it: 250 ms at most. It leaves the machine
	// to the others, however fast wrong logins come, and a right login from the
	// same address is only that much later.
	slower = 20
	// maxHeld is how many late answers of one address may wait at once. Further
	// wrong logins get no answer, so that they hold no memory.
	maxHeld = 16
	// maxMarked bounds the addresses that are remembered without a connection
	// (some 150 bytes each).
	maxMarked = 1 << 16
)

// addressOf returns what counts as one network address: an IPv4 address, or the
// /64 of an IPv6 address, since that is the least that one subscriber gets.
func addressOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

// addresses bounds what one network address can take from the others:
// connections, connections before their login, and answers to wrong logins.
type addresses struct {
	limit, pending int
	// loopback tells that the bounds hold for this machine itself too. A proxy or
	// a simulated fleet may run there.
	loopback bool

	mu    sync.Mutex
	known map[netip.Addr]*address
	// room is the number of known addresses at which the forgotten ones are taken
	// out next.
	room int
}

// address counts what belongs to one network address. It stays while there is a
// connection or a wrong login that is not forgotten yet.
type address struct {
	open, waiting, held int
	// clean is when the last wrong login will be forgotten.
	clean time.Time
}

func newAddresses(limit, pending int, loopback bool) *addresses {
	return &addresses{limit: limit, pending: pending, loopback: loopback, known: map[netip.Addr]*address{}, room: 1024}
}

// enter counts a connection that waits for its login, and returns how long it
// must wait before it is served; false means that the address has too many.
func (a *addresses) enter(of netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.known[of]
	if x == nil {
		if len(a.known) >= a.room {
			a.sweep(now)
		}
		x = new(address)
		a.known[of] = x
	}
	bounded := a.loopback || !of.IsLoopback()
	if bounded && (x.open >= a.limit || x.waiting >= a.pending) {
		return 0, false
	}
	x.open++
	x.waiting++
	return x.hold(now) / slower, true
}

// hold is how long the answer to a wrong login must wait.
func (x *address) hold(now time.Time) time.Duration {
	// A mistake that has begun to fade still counts as a whole one.
	count := (x.clean.Sub(now) + mistakeFades - 1) / mistakeFades
	return min(max(0, count-freeMistakes)*holdStep, maxHold)
}

// leave takes one connection off. Each enter has one leave, after its settle.
func (a *addresses) leave(of netip.Addr, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.known[of]
	x.open--
	if x.open == 0 && !x.clean.After(now) {
		delete(a.known, of)
	}
}

// settle ends the wait of one connection for its login.
func (a *addresses) settle(of netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known[of].waiting--
}

// mistake counts a wrong login on an open connection. It returns how long the
// answer must wait, or false when there must be none. After the answer comes
// release.
func (a *addresses) mistake(of netip.Addr, now time.Time) (hold time.Duration, answer bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.known[of]
	if x.clean.Before(now) {
		x.clean = now
	}
	x.clean = x.clean.Add(mistakeFades)
	if last := now.Add((freeMistakes + maxHeldSteps) * mistakeFades); x.clean.After(last) {
		x.clean = last
	}
	hold = x.hold(now)
	if hold > 0 && x.held >= maxHeld {
		return 0, false
	}
	x.held++
	return hold, true
}

// release ends the wait of an answer.
func (a *addresses) release(of netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known[of].held--
}

// sweep forgets addresses without connection whose mistakes have faded, and
// others without connection when there are too many.
func (a *addresses) sweep(now time.Time) {
	for k, x := range a.known {
		if x.open == 0 && (!x.clean.After(now) || len(a.known) >= maxMarked) {
			delete(a.known, k)
		}
	}
	a.room = max(1024, 2*len(a.known))
}
