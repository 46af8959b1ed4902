package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"
)

// TestTheStreamIsCutIntoPackets sends all kinds of packets in pieces of all sizes.
// What is served and what is passed on is together what was sent, in its order.
func TestTheStreamIsCutIntoPackets(t *testing.T) {
	const own = "buurtmeter/v1/noord-1/readings"
	rng := rand.New(rand.NewPCG(1, 2))
	for _, five := range []bool{false, true} {
		for round := range 30 {
			var sent bytes.Buffer
			var want []string
			for i := range 40 {
				pk, plain := anyPacket(rng, own, uint16(i+1), five)
				if plain {
					want = append(want, "served "+string(pk.Payload))
				}
				var one bytes.Buffer
				require.NoError(t, encodeAny(&pk, &one))
				if !plain {
					want = append(want, "passed "+one.String())
				}
				sent.Write(one.Bytes())
			}
			var in io.Reader = &pieces{r: &sent, rng: rng, most: 1 << rng.IntN(13)}
			if round%10 == 0 {
				in = iotest.OneByteReader(in)
			}
			require.Equal(t, want, cut(t, in, own, five))
		}
	}
}

// anyPacket returns a packet, and whether it is a plain publication.
func anyPacket(rng *rand.Rand, own string, id uint16, five bool) (pk packets.Packet, plain bool) {
	pk.ProtocolVersion = 4
	if five {
		pk.ProtocolVersion = 5
	}
	kind := rng.IntN(12)
	switch kind {
	case 0:
		pk.FixedHeader.Type = packets.Pingreq
		return pk, false
	case 1:
		pk.FixedHeader = packets.FixedHeader{Type: packets.Subscribe, Qos: 1}
		pk.PacketID, pk.Filters = id, packets.Subscriptions{{Filter: own + "/x", Qos: 1}}
		return pk, false
	}
	sizes := []int{0, 1, 100, 150, 150, 150, 300, readBuffer, 1000, largeBuffer - 100, largeBuffer, 3 * largeBuffer}
	payload := make([]byte, sizes[rng.IntN(len(sizes))])
	for i := range payload {
		payload[i] = byte(rng.Uint32())
	}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: 1, Dup: rng.IntN(3) == 0}
	pk.TopicName, pk.PacketID, pk.Payload = own, id, payload
	plain = len(payload) < largeBuffer-90
	switch kind {
	case 2:
		pk.FixedHeader.Qos, pk.FixedHeader.Dup, pk.PacketID, plain = 0, false, 0, false
	case 3:
		pk.FixedHeader.Retain, plain = true, false
	case 4:
		pk.TopicName, plain = own+"x", false
	case 5:
		pk.TopicName, plain = "buurtmeter/v1/noord-2/readings", false // of the same length
	case 6:
		if five {
			pk.Properties.User, plain = []packets.UserProperty{{Key: "a", Val: "b"}}, false
		}
	}
	return pk, plain
}

func encodeAny(pk *packets.Packet, to *bytes.Buffer) error {
	switch pk.FixedHeader.Type {
	case packets.Pingreq:
		return pk.PingreqEncode(to)
	case packets.Subscribe:
		return pk.SubscribeEncode(to)
	}
	return pk.PublishEncode(to)
}

// cut reads the stream as the protocol library does, and tells what became of it.
func cut(t *testing.T, in io.Reader, own string, five bool) (became []string) {
	t.Helper()
	small := make([]byte, readBuffer)
	c := &conn{stream: struct {
		io.Reader
		io.Writer
	}{in, io.Discard}, five: five}
	s := &c.packets
	s.small, s.buf, s.topic = small, small, own
	s.serve = func(context.Context) error {
		for {
			p, ok := s.next(five)
			if !ok {
				return nil
			}
			became = append(became, "served "+string(p.payload))
			s.r += p.size
		}
	}
	c.within = func(f func(context.Context) error) error { return f(t.Context()) }
	whole := []byte("passed ")
	for p := make([]byte, 700); ; {
		n, err := c.Read(p)
		if errors.Is(err, io.EOF) {
			require.Len(t, whole, len("passed "), "a packet is cut off")
			return became
		}
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.buf), largeBuffer)
		whole = append(whole, p[:n]...)
		if s.pass == 0 {
			became = append(became, string(whole))
			whole = whole[:len("passed ")]
		}
	}
}

// pieces gives what it reads in pieces of up to most bytes.
type pieces struct {
	r    io.Reader
	rng  *rand.Rand
	most int
}

func (p *pieces) Read(b []byte) (int, error) {
	return p.r.Read(b[:min(len(b), 1+p.rng.IntN(p.most))])
}

func TestABatchIsOverWhenAllHaveTheirOutcome(t *testing.T) {
	b := newBatch()
	fault := errors.New("no")
	for range 2 { // it is used again
		b.begin()
		var done []func(error)
		for id := range uint16(4) {
			done = append(done, b.add(id+1))
		}
		for i, err := range []error{3: nil, 2: nil, 1: fault, 0: nil} {
			done[i](err)
		}
		stored, err := b.wait(t.Context())
		require.Equal(t, 1, stored)
		require.ErrorIs(t, err, fault)
		require.Equal(t, []byte{0x40, 2, 0, 1}, b.acks(stored))
	}
	b.begin()
	stored, err := b.wait(t.Context())
	require.Zero(t, stored)
	require.NoError(t, err)

	b.begin()
	done := b.add(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stored, err = b.wait(ctx)
	require.Zero(t, stored)
	require.ErrorIs(t, err, context.Canceled)
	done(nil) // late, and nobody waits
}
