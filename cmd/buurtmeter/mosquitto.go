package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"time"

	"buurtmeter/ingest/register"
)

type mosquittoConfig struct {
	stores
	out, user, secret string
	watch             bool
	reload            string
}

// runMosquitto writes the logins of all stations as a password file of
// Mosquitto, once or whenever they change.
func runMosquitto(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("mosquitto", flag.ContinueOnError)
	var c mosquittoConfig
	c.flags(fs)
	fs.StringVar(&c.out, "out", "", "password file to write, e.g. /etc/mosquitto/passwords")
	fs.StringVar(&c.user, "mqtt-user", "ingest", "user name of the ingest process at the broker")
	fs.StringVar(&c.secret, "mqtt-password-file", "", "file with the password of the ingest process at the broker; must be long and random")
	fs.BoolVar(&c.watch, "watch", false, "go on: write the file again within a second of every change")
	fs.StringVar(&c.reload, "reload", "", "program that makes Mosquitto read the file again, run after each write, e.g. /usr/local/bin/reload-mosquitto")
	rest, err := p.parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) != 0 || c.out == "" {
		return hint(errors.New("mosquitto wants a file to write"), "buurtmeter mosquitto --out /etc/mosquitto/passwords --mqtt-password-file FILE")
	}
	password, err := secret(c.secret)
	if err != nil {
		return err
	}
	reg, err := p.openRegister(ctx, c.stores)
	if err != nil {
		return err
	}
	defer func() { _ = reg.Close() }()
	last := int64(-1)
	for {
		version, err := reg.StationsVersion(ctx)
		if err == nil && version != last {
			err = p.writeLogins(ctx, reg, c, password)
		}
		switch {
		case err != nil && !c.watch:
			return err
		case err != nil: // a register that is away for a while changes nothing
			_, _ = fmt.Fprintf(p.stderr, "not written, trying again: %v\n", err)
		default:
			last = version
		}
		if !c.watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (p *program) writeLogins(ctx context.Context, reg *register.Register, c mosquittoConfig, password string) error {
	logins, without, err := reg.BrokerLogins(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if password != "" {
		hash, err := register.MosquittoHash(password)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&b, "%s:%s\n", c.user, hash)
	}
	for _, l := range logins {
		if string(l.Station) == c.user {
			return hint(fmt.Errorf("a station has the user name %q of the ingest process", c.user), "choose another with --mqtt-user")
		}
		_, _ = fmt.Fprintf(&b, "%s:%s\n", l.Station, l.Hash)
	}
	if err := replaceFile(c.out, b.Bytes()); err != nil {
		return hint(fmt.Errorf("password file: %w", err), "give a file in a folder that this user may write")
	}
	_, _ = fmt.Fprintf(p.stdout, "%s: the logins of %d stations\n", c.out, len(logins))
	if without > 0 {
		_, _ = fmt.Fprintf(p.stderr, "%d stations have a token from before Mosquitto was used: give them a new one with 'buurtmeter station token'\n", without)
	}
	if c.reload == "" {
		return nil
	}
	if out, err := exec.CommandContext(ctx, c.reload).CombinedOutput(); err != nil { //nolint:gosec // the operator names the program
		return hint(fmt.Errorf("%s: %w: %s", c.reload, err, bytes.TrimSpace(out)), "the file is written; let Mosquitto read it with: kill -HUP, or systemctl reload mosquitto")
	}
	return nil
}
