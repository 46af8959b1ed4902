package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"buurtmeter/ingest/broker"
)

// brokerConfig is what the embedded broker is started with, beside its plain
// address.
type brokerConfig struct {
	tlsListen, wsListen, wssListen string
	cert, key, origins             string
	connections, perAddress, rate  int
}

func (c *brokerConfig) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.tlsListen, "mqtt-tls-listen", "", "address of the embedded MQTT broker with TLS, e.g. :8883; needs --tls-cert and --tls-key")
	fs.StringVar(&c.wsListen, "mqtt-ws-listen", "", "address of the embedded MQTT broker over WebSocket (path /mqtt) without encryption, for a proxy that adds it")
	fs.StringVar(&c.wssListen, "mqtt-wss-listen", "", "address of the embedded MQTT broker over WebSocket (path /mqtt) with TLS; needs --tls-cert and --tls-key")
	fs.StringVar(&c.cert, "tls-cert", "", "PEM file with the certificate (chain) of the TLS addresses; read again when it changes")
	fs.StringVar(&c.key, "tls-key", "", "PEM file with the private key of --tls-cert")
	fs.StringVar(&c.origins, "mqtt-ws-origins", "", "sites whose pages may use the WebSocket addresses, e.g. https://kaart.example.org, separated by commas; pages of the same host always may")
	fs.IntVar(&c.connections, "mqtt-max-connections", 0, "stations that may be connected to the embedded broker at once (0: 16384)")
	fs.IntVar(&c.perAddress, "mqtt-max-per-address", 0, "connections to the embedded broker from one network address (0: a quarter of --mqtt-max-connections, and no bound for this machine itself); raise it when a proxy on another machine stands in front")
	fs.IntVar(&c.rate, "mqtt-station-rate", 0, "messages a second that one station may send to the embedded broker in the long run (0: 200); beyond it the station is read more slowly, and loses nothing")
}

// check finds addresses that cannot work. external tells that an external
// broker takes the place of the embedded one, doorTLS that the HTTP door needs
// the certificate too.
func (c *brokerConfig) check(external, doorTLS bool) error {
	own := c.tlsListen != "" || c.wssListen != ""
	encrypted := own || doorTLS
	switch {
	case external && (own || c.wsListen != ""):
		return hint(errors.New("the addresses of the embedded broker do not go with an external one"), "leave out --mqtt-url, or the --mqtt-…-listen flags")
	case encrypted && (c.cert == "" || c.key == ""):
		return hint(errors.New("an address with TLS needs a certificate"), "give the PEM files with --tls-cert and --tls-key")
	case !encrypted && (c.cert != "" || c.key != ""):
		return hint(errors.New("--tls-cert and --tls-key are for an address with TLS"), "give one with --mqtt-tls-listen, --mqtt-wss-listen or --door-tls")
	case c.connections < 0 || c.perAddress < 0 || c.rate < 0:
		return hint(errors.New("limits of the broker must not be negative"), "check --mqtt-max-connections, --mqtt-max-per-address and --mqtt-station-rate")
	}
	return nil
}

// listeners are the addresses beside the plain one.
func (c *brokerConfig) listeners(log *slog.Logger) ([]broker.Listener, error) {
	var all []broker.Listener
	var origins []string
	for _, o := range strings.Split(c.origins, ",") {
		if o = strings.TrimSpace(o); o != "" {
			origins = append(origins, o)
		}
	}
	if c.wsListen != "" {
		all = append(all, broker.Listener{Listen: c.wsListen, WebSocket: true, Origins: origins})
	}
	if c.tlsListen == "" && c.wssListen == "" {
		return all, nil
	}
	conf, err := c.serverTLS(log)
	if err != nil {
		return nil, err
	}
	if c.tlsListen != "" {
		all = append(all, broker.Listener{Listen: c.tlsListen, TLS: conf})
	}
	if c.wssListen != "" {
		all = append(all, broker.Listener{Listen: c.wssListen, TLS: conf, WebSocket: true, Origins: origins})
	}
	return all, nil
}

// serverTLS is what every address with TLS is served with.
func (c *brokerConfig) serverTLS(log *slog.Logger) (*tls.Config, error) {
	conf, err := broker.ServerTLS(c.cert, c.key, log)
	return conf, hint(err, "check --tls-cert and --tls-key: PEM files that belong together and that this program may read")
}

// startBroker opens the embedded broker when it has an address.
func (s *server) startBroker(ctx context.Context) error {
	c := s.config.broker
	listeners, err := c.listeners(s.log)
	if err != nil {
		return err
	}
	if s.config.mqttListen == "" && len(listeners) == 0 {
		return nil
	}
	for name, addr := range map[string]string{"mqtt_listen": s.config.mqttListen, "mqtt_ws_listen": c.wsListen} {
		if host, _, err := net.SplitHostPort(addr); err == nil && !isLoopback(host) {
			s.log.WarnContext(ctx, "the embedded broker is open to the network without encryption: passwords of stations can be read on the way; use --mqtt-tls-listen, or put TLS in front of it", slog.String(name, addr))
		}
	}
	b, err := broker.Start(ctx, broker.Options{
		Listen: s.config.mqttListen, Listeners: listeners, Auth: s.reg, LoginsVersion: s.reg.StationsVersion, Ingest: s.pipeline, Stations: s.reg, Now: s.now, Log: s.log,
		MaxConnections: c.connections, MaxPerAddress: c.perAddress, MessagesPerSecond: c.rate,
	})
	if err != nil {
		return hint(fmt.Errorf("embedded MQTT broker: %w", err), "choose a free address with --mqtt-listen, e.g. --mqtt-listen 127.0.0.1:1884")
	}
	s.closer("broker", b)
	s.broker = b
	s.mqttAddr = "tcp://" + b.Addr()
	if s.config.mqttListen == "" {
		s.mqttAddr = ""
	}
	s.log.InfoContext(ctx, "the embedded broker listens", slog.Any("addresses", b.Addrs()))
	return nil
}
