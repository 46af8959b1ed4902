package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"

	server "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"
)

// TestAKeptSessionKeepsNoAcknowledgement lets a connection end on an
// acknowledgement that could not be written.
func TestAKeptSessionKeepsNoAcknowledgement(t *testing.T) {
	for _, why := range []error{nil, io.EOF, errors.New("broken pipe")} {
		ours, theirs := net.Pipe()
		cl := server.New(nil).NewClient(ours, listenerID, "noord-1/kit", false)
		cl.State.Inflight.Set(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: 1})
		h := &hook{options: Options{Log: slog.New(slog.DiscardHandler)}, counters: new(counters)}
		h.OnDisconnect(cl, why, false)
		require.Zero(t, cl.State.Inflight.Len())
		require.NoError(t, theirs.Close())
	}
}
