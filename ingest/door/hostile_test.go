package door_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/door"
)

func dial(t *testing.T, r *rig) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr()) //nolint:noctx // closed by the test
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c
}

// heap is the memory in use after everything that can go has gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// TestHostileBytesLeaveTheDoorHealthy sends noise, half requests and bodies
// that never end, without and with a login.
func TestHostileBytesLeaveTheDoorHealthy(t *testing.T) {
	r := start(t, func(o *door.Options) { o.MaxBody = 1 << 20 })
	before := heap()
	rnd := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 1<<20)
	for range 64 {
		_, _ = rnd.Read(noise)
		c := dial(t, r)
		_, _ = c.Write(noise) // the door may hang up in the middle
		_ = c.Close()
	}
	head := "POST /readings HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic("one", r.one) + "\r\n"
	for _, bytes := range []string{
		"POST /readings HTTP/1.1\r\nHost: x\r\n",                                        // never ends
		"POST /k/one/" + r.one + "/readings HTTP/9.9\r\n\r\n",                           // no such version
		"POST  /readings\r\n\r\n", "\x16\x03\x01\x02\x00", strings.Repeat("A", 100_000), // no request
		head + "Content-Length: -1\r\n\r\nx", head + "Content-Length: 5\r\n\r\nxx", // a wrong and a short body
		head + "Content-Length: 99999999999999999999\r\n\r\n",                                // does not fit a number
		head + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nx",                   // nor does the chunk
		head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /x HTTP", // two lengths
		head + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",                           // waits for us
		strings.Repeat("POST /readings HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200),
	} {
		c := dial(t, r)
		_, err := c.Write([]byte(bytes))
		require.NoError(t, err)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	// A hundred megabytes with a right login: refused by its length, and again
	// without one by what arrives.
	for _, body := range []io.Reader{io.LimitReader(zeroes{}, 100<<20), io.MultiReader(io.LimitReader(zeroes{}, 100<<20))} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url("/readings"), body)
		require.NoError(t, err)
		req.Header.Set("Authorization", basic("one", r.one))
		res, err := http.DefaultClient.Do(req)
		if err == nil { // else it hung up while we were still sending
			assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
			_ = res.Body.Close()
		}
	}
	require.Eventually(t, func() bool { return r.Stats().Connections <= 4 }, time.Minute, 50*time.Millisecond, "connections are left behind")
	if after := heap(); after > before {
		assert.Less(t, after-before, uint64(32<<20), "memory is left behind")
	}
	res, body := r.post(t, "/readings", own, "Authorization", basic("one", r.one))
	require.Equal(t, http.StatusAccepted, res.StatusCode, body)
	for _, m := range r.journal.messages() {
		assert.LessOrEqual(t, len(m.Payload), 1<<20)
	}
	assert.NotContains(t, r.log.String(), r.one, "a token in a path that could not be read")
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSlowRequestsEnd(t *testing.T) {
	r := start(t, func(o *door.Options) { o.ReadTimeout, o.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond })
	for name, bytes := range map[string]string{
		"nothing":       "",
		"half a head":   "POST /readings HTTP/1.1\r\nHos",
		"a slow body":   "POST /readings HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic("one", r.one) + "\r\nContent-Length: 10\r\n\r\nab",
		"between two":   "POST /readings HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"slow in chunk": "POST /readings HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic("one", r.one) + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, r)
			_, err := c.Write([]byte(bytes))
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, c)
			require.NoError(t, err, "the door must hang up by itself")
		})
	}
	require.Empty(t, r.journal.messages(), "half a body is no message")
}

func TestConnectionsAreBounded(t *testing.T) {
	r := start(t, func(o *door.Options) { o.MaxConnections, o.MaxPerAddress = 10, 3 })
	for range 3 {
		c := dial(t, r)
		_, err := c.Write([]byte("POST /readings HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
		require.NoError(t, err)
		_, err = bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
	}
	c := dial(t, r)
	_, err := io.ReadAll(c)
	require.NoError(t, err, "the fourth is closed")
	assert.Equal(t, 3, r.Stats().Connections)
}

func TestOverTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	r := start(t, func(o *door.Options) {
		o.TLS = &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}
	})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://"+r.Addr()+"/k/one/"+r.one+"/airrohr", strings.NewReader(own))
	require.NoError(t, err)
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.NotEmpty(t, res.Header.Get("Strict-Transport-Security"))
	require.Len(t, r.journal.messages(), 1)
	res2, err := http.DefaultClient.Do(req.Clone(context.Background())) // does not know the certificate
	if err == nil {
		_ = res2.Body.Close()
	}
	require.Error(t, err)
}
