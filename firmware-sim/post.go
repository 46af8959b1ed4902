package firmwaresim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 10

// newClient makes the client of all devices that speak HTTP. Every message has a
// connection of its own: the firmware of small boards keeps none open, and a door
// must bear the handshakes.
func newClient(o Options) *http.Client {
	return &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: o.TLS, MaxIdleConns: 1},
		// A kit does not follow: where its secret goes is written in it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// doorAddress checks the address of the HTTP door.
func doorAddress(door string) (string, error) {
	u, err := url.Parse(door)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", errors.New("firmware-sim: Door must be an address such as http://127.0.0.1:8081")
	}
	return strings.TrimRight(door, "/"), nil
}

// post sends the payload over HTTP. A 2xx is the acknowledgement. The error wraps
// ErrRefused for an answer that another try cannot change: a wrong login, or a
// message that the door does not take.
func (l *link) post(ctx context.Context, payload []byte) error {
	f := l.fleet
	ctx, cancel := context.WithTimeout(ctx, f.options.AckTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.options.Door+f.forms[l.device.Kind].path, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.SetBasicAuth(l.device.ID, l.device.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "NRZ-2020-133")
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	// The answer may come in two parts: what it says is of no interest, its end is.
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)); err != nil {
		return err
	}
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		if !l.answered {
			l.answered = true
			f.connected.Add(1)
		}
		l.tries = 0
		return nil
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		return fmt.Errorf("the door answers %d: try later", code)
	default:
		return fmt.Errorf("%w: the door answers %d", ErrRefused, code)
	}
}
