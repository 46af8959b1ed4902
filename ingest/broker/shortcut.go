package broker

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"sync/atomic"
)

// maxLearned bounds the topic that a connection remembers, in bytes.
const maxLearned = 256

// shortcut is the incoming side of one connection. It cuts the stream into
// packets. A plain publication is served at once, every other packet goes to the
// protocol library. Plain is one with QoS 1, without properties, that fits
// largeBuffer, on the topic of the station's own on which library and rights have
// let a publication pass on this connection before. That is what stations send all
// day, and the way through the library cost more than to decode and store it
// (measured).
//
// What is in the buffer at one time is stored at one time, so that a station that
// has fallen behind waits for one commit and not for one for each message.
type shortcut struct {
	// small is the buffer of the connection, buf that or a large one; r and w bound
	// what is in it.
	small, buf []byte
	r, w       int
	// last is how many bytes came with the last read.
	last int
	// pass is how many bytes of the present packet the library has yet to get.
	pass int
	// topic and route are those of plain publications; topic is empty while there
	// was none.
	topic string
	route route
	// serve stores the publications at the begin of the buffer and acknowledges
	// them. It is nil before the login.
	serve func(context.Context) error
	under *batch
}

// header is the fixed header of a packet. size is its own length, length that of
// what follows it, in bytes.
type header struct {
	kind         byte
	size, length int
	// whole tells that all of it has come; endless that its length does not end
	// where it must.
	whole, endless bool
}

// header reads the fixed header at the begin of the buffer.
func (s *shortcut) header() (h header) {
	for i, b := range s.buf[s.r:min(s.w, s.r+5)] {
		if h.size++; i == 0 {
			h.kind = b
			continue
		}
		h.length |= int(b&0x7f) << (7 * (i - 1))
		h.whole = b&0x80 == 0
		if h.endless = i == 4 && !h.whole; h.whole {
			return h
		}
	}
	return h
}

// fill reads more. The buffer is a large one as long as the device sends more at
// a time than the small one holds.
func (s *shortcut) fill(stream io.Reader) error {
	kept, small := s.buf[s.r:s.w], len(s.buf) == len(s.small)
	switch {
	case small && (s.last > 0 && s.w == len(s.buf)):
		s.buf = make([]byte, largeBuffer)
	case !small && len(kept) == 0 && s.last <= len(s.small):
		s.buf, s.under = s.small, nil // it keeps nothing of the time when it sent a lot
	}
	if s.r > 0 || small != (len(s.buf) == len(s.small)) {
		s.r, s.w = 0, copy(s.buf, kept)
	}
	n, err := stream.Read(s.buf[s.w:])
	s.last = n
	s.w += n
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// read gives the library bytes of the present packet.
func (s *shortcut) read(stream io.Reader, p []byte) (n int, err error) {
	p = p[:min(len(p), s.pass)]
	if s.r < s.w {
		n = copy(p, s.buf[s.r:s.w])
		s.r += n
	} else {
		n, err = stream.Read(p)
	}
	s.pass -= n
	return n, err
}

// learn remembers the topic of a publication that was let pass.
func (s *shortcut) learn(name string, r route) {
	if !r.native && len(name) <= maxLearned && name != s.topic {
		s.topic, s.route = strings.Clone(name), r
	}
}

// likely tells whether a packet may be a plain publication, by its header.
func (s *shortcut) likely(h header) bool {
	const publish, dup = 0x32, 0x08 // QoS 1, not retained
	return h.kind&^dup == publish && h.size+h.length <= largeBuffer && s.topic != "" && s.serve != nil
}

// plain is a plain publication. payload lies in the buffer; size is that of the
// whole packet, in bytes.
type plain struct {
	packet  uint16
	payload []byte
	size    int
}

// next returns the packet at the begin of the buffer when it is a plain
// publication that has come whole. five tells that the connection speaks MQTT 5.
func (s *shortcut) next(five bool) (p plain, ok bool) {
	h := s.header()
	if !h.whole || !s.likely(h) || s.w-s.r < h.size+h.length {
		return p, false
	}
	body := s.buf[s.r+h.size : s.r+h.size+h.length]
	if len(body) < 2+len(s.topic)+2 || int(binary.BigEndian.Uint16(body)) != len(s.topic) || string(body[2:2+len(s.topic)]) != s.topic {
		return p, false
	}
	body = body[2+len(s.topic):]
	p.packet, p.payload, p.size = binary.BigEndian.Uint16(body), body[2:], h.size+h.length
	if p.packet == 0 {
		return p, false
	}
	if five {
		if len(p.payload) == 0 || p.payload[0] != 0 {
			return p, false
		}
		p.payload = p.payload[1:]
	}
	return p, true
}

// batch is the publications of one connection that are stored at the same time.
type batch struct {
	slots []*slot
	used  int
	// left counts those without an outcome, and one more while the batch is being
	// filled.
	left atomic.Int32
	all  chan struct{}
	out  []byte
}

// slot is one place in a batch, which is used again in the next one.
type slot struct {
	packet uint16
	err    error
	done   func(error)
}

func newBatch() *batch { return &batch{all: make(chan struct{}, 1)} }

// begin empties the batch.
func (b *batch) begin() {
	b.used = 0
	b.left.Store(1)
}

// add takes a publication in and returns the function that takes its outcome.
func (b *batch) add(packet uint16) (done func(error)) {
	if b.used == len(b.slots) {
		s := &slot{}
		s.done = func(err error) {
			s.err = err
			b.count()
		}
		b.slots = append(b.slots, s)
	}
	s := b.slots[b.used]
	s.packet = packet
	b.used++
	b.left.Add(1)
	return s.done
}

func (b *batch) count() {
	if b.left.Add(-1) == 0 {
		b.all <- struct{}{}
	}
}

// wait waits for all outcomes. It returns how many publications at the begin are
// stored, and the error of the one behind them. When ctx ends first none counts,
// and the batch must not be used again.
func (b *batch) wait(ctx context.Context) (stored int, err error) {
	b.count()
	select {
	case <-b.all:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for _, s := range b.slots[:b.used] {
		if s.err != nil {
			return stored, s.err
		}
		stored++
	}
	return stored, nil
}

// acks are the acknowledgements of the first n, in the order in which they came.
func (b *batch) acks(n int) []byte {
	const puback, length = 0x40, 2
	b.out = b.out[:0]
	for _, s := range b.slots[:n] {
		b.out = binary.BigEndian.AppendUint16(append(b.out, puback, length), s.packet)
	}
	return b.out
}
