package broker_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/reading"
)

// TestMain lets a test keep connections open from a process of its own, so that
// the memory of the clients is not counted: the test binary is that process when
// the variable is set.
func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv("BUURTMETER_TEST_IDLE")); len(args) == 3 {
		n, err := strconv.Atoi(args[2])
		if err == nil {
			err = beIdle(args[0], args[1], n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beIdle logs n stations in, says so, and keeps them until the standard input
// ends.
func beIdle(kind, addr string, n int) error {
	conns := make([]net.Conn, n)
	var g errgroup.Group
	g.SetLimit(16)
	for i := range conns {
		g.Go(func() (err error) {
			conns[i], err = idleConn(kind, addr, i)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(conns)
	return err
}

func idleConn(kind, addr string, i int) (conn net.Conn, err error) {
	insecure := &tls.Config{InsecureSkipVerify: true}
	frame := func(p []byte) []byte { return p }
	answer := 4
	switch kind {
	case "tcp":
		conn, err = net.Dial("tcp", addr)
	case "tls":
		conn, err = tls.Dial("tcp", addr, insecure)
	default:
		d := websocket.Dialer{Subprotocols: []string{"mqtt"}, TLSClientConfig: insecure}
		ws, resp, e := d.Dial(kind+"://"+addr+"/mqtt", nil)
		if e != nil {
			return nil, e
		}
		_ = resp.Body.Close()
		conn, frame, answer = ws.NetConn(), masked, 6
	}
	if err != nil {
		return nil, err
	}
	pk := connectPacket(fmt.Sprint("s", i), "geheim", 3600)
	pk.ProtocolVersion = 4
	var buf bytes.Buffer
	if err := pk.ConnectEncode(&buf); err != nil {
		return nil, err
	}
	if _, err := conn.Write(frame(buf.Bytes())); err != nil {
		return nil, err
	}
	ack := make([]byte, answer)
	if _, err := io.ReadFull(conn, ack); err != nil {
		return nil, fmt.Errorf("login of station %d: %w", i, err)
	}
	if ack[answer-1] != 0 {
		return nil, fmt.Errorf("login of station %d was refused", i)
	}
	return conn, nil
}

// idleStations returns what n idle stations at one kind of door cost this
// process, in bytes: heap and stacks in use, and resident memory (0 where the
// system does not tell).
func idleStations(t testing.TB, kind string, n int) (inUse, resident int64) {
	t.Helper()
	auth := tokens{}
	for i := range n {
		auth[reading.StationID(fmt.Sprint("s", i))] = "geheim"
	}
	b, _ := startAllDoors(t, accept{}, func(o *broker.Options) { o.Auth, o.MaxConnections, o.MaxPerAddress = auth, n+10, n+10 })
	door := map[string]int{"tcp": doorTCP, "tls": doorTLS, "ws": doorWS, "wss": doorWSS}[kind]
	exe, err := os.Executable()
	require.NoError(t, err)
	beforeUse, beforeResident := memory(t)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "BUURTMETER_TEST_IDLE="+kind+" "+b.Addrs()[door]+" "+strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	require.Equal(t, n, b.Stats().LoggedIn)
	time.Sleep(2 * time.Second) // a look at the logins, and the library's own rounds
	afterUse, afterResident := memory(t)
	require.Equal(t, n, b.Stats().LoggedIn, "idle stations were lost")
	require.NoError(t, stdin.Close())
	require.NoError(t, cmd.Wait())
	return afterUse - beforeUse, afterResident - beforeResident
}

// memory returns heap and stacks in use, and the resident memory, in bytes.
func memory(t testing.TB) (inUse, resident int64) {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
		require.NoError(t, err)
		resident = pages * int64(os.Getpagesize())
	}
	return int64(m.HeapInuse + m.StackInuse), resident
}

// perStation is what one idle station without TLS may cost, in bytes: 10,000 of
// them must fit in 400 MB.
const perStation = 40_000

func TestIdleStationsAreCheap(t *testing.T) {
	const n = 1000
	inUse, resident := idleStations(t, "tcp", n)
	t.Logf("%d idle stations: %d KiB of heap and stacks, %d KiB resident", n, inUse>>10, resident>>10)
	assert.Positive(t, inUse)
	assert.LessOrEqual(t, inUse, int64(n*perStation))
}

// BenchmarkIdle connects 10,000 stations from another process and reports the
// memory that they cost the server while nothing happens: heap and stacks in use
// (MB and KB for each), and resident memory.
//
//	go test -run '^$' -bench Idle -benchtime 1x ./ingest/broker
func BenchmarkIdle(b *testing.B) {
	const n = 10_000
	for _, kind := range []string{"tcp", "tls", "ws", "wss"} {
		b.Run(kind, func(b *testing.B) {
			var inUse, resident int64
			for range b.N {
				inUse, resident = idleStations(b, kind, n)
			}
			b.ReportMetric(float64(inUse)/1e6, "MB")
			b.ReportMetric(float64(inUse)/1e3/n, "KB/station")
			b.ReportMetric(float64(resident)/1e6, "MB-resident")
		})
	}
}
