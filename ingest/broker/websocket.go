package broker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

const (
	webSocketPath     = "/mqtt"
	webSocketProtocol = "mqtt"
	// maxRequest bounds the HTTP request that opens a WebSocket, in bytes.
	maxRequest = 8 << 10
	// webSocketBuffer is the read buffer of one WebSocket, in bytes. Frames are
	// read in pieces, so that their size does not matter. With 256 or less the
	// library takes one of its own, of 4096.
	webSocketBuffer = 272
)

var (
	errRequest = errors.New("not a request for a WebSocket")
	errText    = errors.New("MQTT over WebSocket comes in binary messages")
)

// newUpgrader returns what turns HTTP connections of one door into WebSockets.
// Writing takes its buffer from a pool, so that an idle connection has none.
func newUpgrader(origins []string) *websocket.Upgrader {
	return &websocket.Upgrader{
		Subprotocols:    []string{webSocketProtocol},
		WriteBufferSize: 1024,
		WriteBufferPool: new(sync.Pool),
		CheckOrigin:     func(r *http.Request) bool { return originAllowed(r, origins) },
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			if h, ok := w.(*handshake); ok {
				h.status, h.detail = status, strings.TrimPrefix(reason.Error(), "websocket: ")
			}
		},
	}
}

// originAllowed tells whether a page of the request's origin may connect: one of
// the same host, whatever its port, or of a named site.
func originAllowed(r *http.Request, origins []string) bool {
	sent := r.Header.Values("Origin")
	if len(sent) == 0 {
		return true // not a browser
	}
	if len(sent) > 1 {
		return false
	}
	if slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, sent[0]) }) {
		return true
	}
	page, err := url.Parse(sent[0])
	own := (&url.URL{Host: r.Host}).Hostname()
	return err == nil && own != "" && strings.EqualFold(page.Hostname(), own)
}

// openWebSocket answers the HTTP request with which a WebSocket begins. What is
// no such request is refused with a reason that a person can read.
func openWebSocket(conn net.Conn, up *websocket.Upgrader) (io.ReadWriter, error) {
	r := bufio.NewReaderSize(io.LimitReader(conn, maxRequest), webSocketBuffer)
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	h := &handshake{conn: conn, buf: bufio.NewReadWriter(r, bufio.NewWriterSize(conn, 16)), header: http.Header{}}
	switch {
	case req.URL.Path != webSocketPath:
		h.status, h.detail = http.StatusNotFound, "MQTT over WebSocket is on the path "+webSocketPath
	case req.ContentLength != 0 || len(req.TransferEncoding) > 0:
		h.status, h.detail = http.StatusBadRequest, "a request for a WebSocket has no body"
	case !slices.Contains(websocket.Subprotocols(req), webSocketProtocol):
		h.status, h.detail = http.StatusBadRequest, "ask for the WebSocket subprotocol "+webSocketProtocol
	}
	var ws *websocket.Conn
	if h.status == 0 {
		ws, err = up.Upgrade(h, req, nil)
	}
	if h.status != 0 {
		return nil, h.refuse()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	return &webSocket{conn: ws}, nil
}

// handshake lends a bare connection to the library, which wants that of an HTTP
// server.
type handshake struct {
	conn   net.Conn
	buf    *bufio.ReadWriter
	header http.Header
	status int
	detail string
}

func (h *handshake) Header() http.Header         { return h.header }
func (h *handshake) Write(p []byte) (int, error) { return len(p), nil }
func (h *handshake) WriteHeader(int)             {}
func (h *handshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, h.buf, nil
}

// refuse answers with problem details and returns the refusal as an error.
func (h *handshake) refuse() error {
	body, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(h.status), h.status, h.detail})
	if err == nil {
		_, err = fmt.Fprintf(h.conn, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nSec-WebSocket-Version: 13\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			h.status, http.StatusText(h.status), len(body), body)
	}
	return errors.Join(fmt.Errorf("%w: %s", errRequest, h.detail), err)
}

// webSocket is the stream of bytes in the binary messages of a WebSocket. MQTT
// packets and messages need not begin or end together. A message is never held
// as a whole; what is bounded is the packets in it.
type webSocket struct {
	conn    *websocket.Conn
	message io.Reader
	// writing is held by the one who writes: acknowledgements and what the
	// protocol library says come from different goroutines.
	writing sync.Mutex
}

// Read reads on in the message, or in the next one.
func (w *webSocket) Read(p []byte) (int, error) {
	for {
		if w.message == nil {
			kind, r, err := w.conn.NextReader()
			switch {
			case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived):
				return 0, io.EOF
			case err != nil:
				return 0, err
			case kind != websocket.BinaryMessage:
				return 0, errText
			}
			w.message = r
		}
		n, err := w.message.Read(p)
		if errors.Is(err, io.EOF) {
			w.message, err = nil, nil
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Write sends one message. Answers to pings may come in between.
func (w *webSocket) Write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if err := w.conn.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
