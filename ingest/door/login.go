package door

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// wrongLoginCost is what a wrong login takes from its address, in requests.
const wrongLoginCost = 50

// credentials are what a request proves itself with.
type credentials struct {
	id    reading.StationID
	token string
}

// String hides the token.
func (credentials) String() string { return "[credentials]" }

// GoString hides the token from %#v too.
func (credentials) GoString() string { return "[credentials]" }

// credentialsOf reads the login of a request; ok is false when it has none that
// can be understood. named is the station in the path, for logins that consist
// of a token only.
func credentialsOf(c *fiber.Ctx, named string, bare bool) (cr credentials, ok bool) {
	if token := c.Params(paramToken); token != "" {
		return credentials{reading.StationID(c.Params(paramStation)), token}, true
	}
	header := strings.TrimSpace(c.Get(fiber.HeaderAuthorization))
	scheme, rest, spaced := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case header == "":
		return credentials{}, false
	case spaced && strings.EqualFold(scheme, "Basic"):
		plain, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return credentials{}, false
		}
		id, token, ok := strings.Cut(string(plain), ":")
		return credentials{reading.StationID(id), token}, ok && token != ""
	case spaced && strings.EqualFold(scheme, "Bearer"):
		if id, token, ok := strings.Cut(rest, ":"); ok {
			return credentials{reading.StationID(id), token}, token != ""
		}
		return credentials{reading.StationID(named), rest}, named != "" && rest != ""
	case bare && !spaced:
		return credentials{reading.StationID(named), header}, named != ""
	}
	return credentials{}, false
}

// admit finds out which station is speaking. A login that was good a while ago
// does not depend on what others do from the same address: only unknown ones
// are counted there.
func (d *Door) admit(c *fiber.Ctx, named string, bare bool) (reading.StationID, error) {
	from := network(d.client(c))
	cr, ok := credentialsOf(c, named, bare)
	print := d.logins.print(cr)
	known := ok && d.logins.has(print)
	if !known {
		if wait, free := d.address.take(from); !free {
			return "", d.tooMany(wait, "Too many logins from this address that are not right. Wait as long as Retry-After says, and check station and token.")
		}
	}
	if !ok {
		d.counts.wrongLogins.Add(1)
		return "", wrongLogin()
	}
	ctx, cancel := d.within(d.o.CommitTimeout)
	defer cancel()
	err := d.o.Auth.Authenticate(ctx, cr.id, cr.token)
	switch {
	case errors.Is(err, register.ErrWrongCredentials):
		d.logins.forget(print)
		d.address.charge(from, wrongLoginCost-1)
		d.counts.wrongLogins.Add(1)
		return "", wrongLogin()
	case err != nil:
		return "", d.notNow("The login could not be checked.", fmt.Errorf("check a login: %w", err))
	}
	if !known {
		d.address.giveBack(from)
		d.logins.add(print)
	}
	if named != "" && named != string(cr.id) {
		return "", &problem{
			Status: fiber.StatusForbidden, Title: "Another station",
			Detail: "This login is of another station than the one in the address: use the id of the station twice.",
		}
	}
	return cr.id, nil
}

// client is the address that the request comes from: the nearest one that is no
// proxy of ours.
func (d *Door) client(c *fiber.Ctx) netip.Addr {
	at := addrOf(c.Context().RemoteAddr())
	if len(d.o.Proxies) == 0 {
		return at
	}
	// Some proxies add a line of their own, others add to the line.
	var hops []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	for i := len(hops) - 1; i >= 0 && contains(d.o.Proxies, at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap().WithZone("")
	}
	return at
}

// fingerprint stands for a login without giving it away.
type fingerprint [sha256.Size]byte

// knownLogins remembers logins that were right. It forgets the oldest half when
// it is full. It never lets anyone in by itself.
type knownLogins struct {
	key [32]byte

	mu          sync.Mutex
	recent, old map[fingerprint]struct{}
}

// maxRecent bounds each half of the known logins.
const maxRecent = 20_000

func newKnownLogins() (*knownLogins, error) {
	k := &knownLogins{recent: map[fingerprint]struct{}{}}
	if _, err := rand.Read(k.key[:]); err != nil {
		return nil, fmt.Errorf("door: draw a key: %w", err)
	}
	return k, nil
}

// print makes the fingerprint of a login, which says nothing to anyone without
// the key of this process.
func (k *knownLogins) print(c credentials) fingerprint {
	b := make([]byte, 0, len(k.key)+len(c.id)+1+len(c.token))
	b = append(b, k.key[:]...)
	b = append(b, c.id...)
	b = append(b, 0)
	b = append(b, c.token...)
	return sha256.Sum256(b)
}

func (k *knownLogins) has(p fingerprint) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.recent[p]; ok {
		return true
	}
	if _, ok := k.old[p]; ok {
		k.keep(p)
		return true
	}
	return false
}

func (k *knownLogins) add(p fingerprint) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keep(p)
}

func (k *knownLogins) keep(p fingerprint) {
	if len(k.recent) >= maxRecent {
		k.old, k.recent = k.recent, map[fingerprint]struct{}{}
	}
	k.recent[p] = struct{}{}
}

func (k *knownLogins) forget(p fingerprint) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.recent, p)
	delete(k.old, p)
}
