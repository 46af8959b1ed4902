package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
)

// ServerTLS returns the configuration of a server with the certificate (chain)
// and private key of two PEM files, for TLS 1.2 and later. When the files change
// the next connection gets the new certificate; a pair that does not fit, as in
// the middle of a renewal, is logged and the old one stays in use.
func ServerTLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if certFile == "" || keyFile == "" {
		return nil, errors.New("broker: TLS needs a file with the certificate and one with its private key")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	seen, err := c.look()
	if err == nil {
		c.pair, err = c.read()
	}
	if err != nil {
		return nil, fmt.Errorf("broker: certificate for TLS: %w", err)
	}
	c.seen = seen
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}, nil
}

// certificate is a pair of files, read again when one of them has changed. It
// looks at every handshake: two stats are nothing beside the handshake itself.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu   sync.Mutex
	seen [2]fs.FileInfo
	pair *tls.Certificate
}

func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.look() // before reading: a change after it is seen next time
	if err != nil || same(c.seen[0], now[0]) && same(c.seen[1], now[1]) {
		return c.pair // a file that is away for a moment is being replaced
	}
	c.seen = now // also when they cannot be used: once is enough in the log
	pair, err := c.read()
	if err != nil {
		c.log.Error("mqtt: the changed certificate cannot be used, the old one stays in use; check that certificate and key belong together",
			slog.String("certificate", c.certFile), slog.Any("error", err))
		return c.pair
	}
	c.pair = pair
	c.log.Info("mqtt: the changed certificate is in use", slog.String("certificate", c.certFile))
	return c.pair
}

func (c *certificate) look() (info [2]fs.FileInfo, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info[i], err = os.Stat(name); err != nil {
			return info, err
		}
	}
	return info, nil
}

func (c *certificate) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
