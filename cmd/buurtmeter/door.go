package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"buurtmeter/ingest/door"
)

// doorConfig says where kits that cannot speak MQTT send their readings.
type doorConfig struct {
	doorListen  string
	doorProxies string
	// doorOutside is the address of the door as kits reach it.
	doorOutside string
	// brokerSecret is the file with the secret of an external broker's questions.
	brokerSecret string
	// doorTLS encrypts the door with --tls-cert and --tls-key.
	doorTLS bool
	// doorChosen tells that the address was asked for and is not the default.
	doorChosen bool
}

// defaultDoor is where the HTTP door listens when nothing else is said. A second
// server on the same machine then does without.
const defaultDoor = "127.0.0.1:8081"

func (c *doorConfig) doorFlags(fs *flag.FlagSet) {
	fs.StringVar(&c.doorListen, "door-listen", "", "address of the HTTP door, where kits without MQTT send readings (default "+defaultDoor+" when it is free; - for none)")
	fs.BoolVar(&c.doorTLS, "door-tls", false, "encrypt the HTTP door, with --tls-cert and --tls-key; needs --door-listen")
	fs.StringVar(&c.doorProxies, "door-proxies", "", "addresses of proxies in front of the HTTP door, whose X-Forwarded-For is believed, e.g. 10.0.0.0/8,127.0.0.1")
	fs.StringVar(&c.doorOutside, "door-public-url", "", "address of the HTTP door as kits reach it from outside, e.g. https://meet.example.nl (default: the address that it listens on)")
	fs.StringVar(&c.brokerSecret, "broker-secret-file", "", "file with the secret by which an external broker (EMQX) asks the HTTP door who may log in and do what")
}

// startDoor opens the HTTP door.
func (s *server) startDoor(ctx context.Context) error {
	c := &s.config.doorConfig
	if c.doorListen == "-" {
		return nil
	}
	c.doorChosen = c.doorListen != ""
	if !c.doorChosen {
		c.doorListen = defaultDoor
	}
	proxies, err := parseProxies(c.doorProxies)
	if err != nil {
		return err
	}
	o := door.Options{Listen: c.doorListen, Auth: s.reg, Ingest: s.pipeline, Proxies: proxies, Now: s.now, Log: s.log}
	scheme := "http://"
	if c.doorTLS {
		scheme = "https://"
		if o.TLS, err = s.config.broker.serverTLS(s.log); err != nil {
			return err
		}
	} else if host, _, err := net.SplitHostPort(c.doorListen); err == nil && !isLoopback(host) && len(proxies) == 0 {
		s.log.WarnContext(ctx, "the HTTP door is open to the network without encryption: passwords of stations can be read on the way; use --door-tls, or put TLS in front of it and name that proxy with --door-proxies", slog.String("door_listen", c.doorListen))
	}
	if o.BrokerSecret, err = secret(c.brokerSecret); err != nil {
		return err
	}
	if o.BrokerSecret != "" {
		o.BrokerUser = s.config.mqttUser
		if o.BrokerPassword, err = secret(s.config.mqttSecret); err != nil {
			return err
		}
	}
	d, err := door.Start(ctx, o)
	switch {
	case err != nil && !c.doorChosen:
		s.log.WarnContext(ctx, "no HTTP door: its address is taken; choose another with --door-listen", slog.String("address", defaultDoor))
		return nil
	case err != nil:
		return hint(fmt.Errorf("HTTP door: %w", err), "choose a free address with --door-listen, e.g. --door-listen 127.0.0.1:8082")
	}
	s.door = d
	s.closer("HTTP door", d)
	s.doorAddr = scheme + d.Addr()
	return nil
}

// doorPublic is the address of the HTTP door that the site tells; empty for none.
func (s *server) doorPublic() string {
	return cmp.Or(s.config.doorOutside, s.doorAddr)
}

func parseProxies(s string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		p, err := netip.ParsePrefix(part)
		if a, e := netip.ParseAddr(part); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, hint(fmt.Errorf("--door-proxies: %q is no address or network", part), "give a list such as 10.0.0.0/8,127.0.0.1")
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
