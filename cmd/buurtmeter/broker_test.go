package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/porttest"
)

// certificate writes a certificate for 127.0.0.1 and returns its files, and what
// a client must trust.
func certificate(t *testing.T) (cert, key string, trust *tls.Config) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"broker.example"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret)
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(cert, public, 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(public))
	return cert, key, &tls.Config{RootCAs: roots, ServerName: "broker.example", MinVersion: tls.VersionTLS12}
}

func TestServeTakesReadingsAtEveryAddressOfTheBroker(t *testing.T) {
	data := t.TempDir()
	cert, key, trust := certificate(t)
	tlsAddr, wsAddr, wssAddr := porttest.Addr(t), porttest.Addr(t), porttest.Addr(t)
	out, err := runCommand(t, "station", "add", "--data", data, "--id", "noord-1", "--title", "Meetpunt Oost")
	require.NoError(t, err, out)
	_, rest, _ := strings.Cut(out, "password ")
	token, _, _ := strings.Cut(rest, "\n")
	s := startServer(t, "--data", data, "--mqtt-listen", "", "--mqtt-tls-listen", tlsAddr, "--mqtt-ws-listen", wsAddr, "--mqtt-wss-listen", wssAddr,
		"--tls-cert", cert, "--tls-key", key, "--mqtt-max-connections", "2")
	assert.NotContains(t, s.log.String(), "open to the network")
	var clients []paho.Client
	for _, url := range []string{"ssl://" + tlsAddr, "ws://" + wsAddr + "/mqtt", "wss://" + wssAddr + "/mqtt"} {
		c := paho.NewClient(paho.NewClientOptions().AddBroker(url).SetTLSConfig(trust).SetAutoReconnect(false).
			SetClientID(url[:3]).SetUsername("noord-1").SetPassword(token).SetProtocolVersion(4).SetConnectTimeout(10 * time.Second))
		tok := c.Connect()
		require.True(t, tok.WaitTimeout(20*time.Second))
		if len(clients) == 2 {
			require.ErrorContains(t, tok.Error(), "Unavailable", "more than --mqtt-max-connections")
			clients[0].Disconnect(100)
			require.Eventually(t, func() bool { tok = c.Connect(); return tok.WaitTimeout(20*time.Second) && tok.Error() == nil }, time.Minute, 100*time.Millisecond)
		}
		require.NoError(t, tok.Error(), s.log.String())
		clients = append(clients, c)
		defer c.Disconnect(0)
		sent := c.Publish(topic.Readings("noord-1"), 1, false, "not a reading, but kept as a reject")
		require.True(t, sent.WaitTimeout(20*time.Second))
		require.NoError(t, sent.Error())
	}
}

func TestAnOpenBrokerWithoutEncryptionIsWarnedOf(t *testing.T) {
	for _, flag := range []string{"--mqtt-listen", "--mqtt-ws-listen"} {
		args := []string{"--data", t.TempDir(), flag, "0.0.0.0:0"}
		if flag != "--mqtt-listen" {
			args = append(args, "--mqtt-listen", "")
		}
		s := startServer(t, args...)
		assert.Contains(t, s.log.String(), "open to the network without encryption", flag)
		s.stop()
	}
}
