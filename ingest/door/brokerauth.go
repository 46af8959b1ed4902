package door

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/ingest/mqtt/topic"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
)

// An external broker such as EMQX asks over HTTP who may log in and who may do
// what, so that it needs no list of its own: a token that is replaced here is
// refused there at the next login. The questions and answers are those of EMQX 5
// (authentication and authorization by HTTP server, JSON bodies):
//
//	POST /broker/auth   {"username","password"}         -> {"result":"allow"|"deny","is_superuser":false}
//	POST /broker/acl    {"username","action","topic"}   -> {"result":"allow"|"deny"}
//
// Only who knows the secret may ask: the answers would let anyone try tokens.

// maxQuestion bounds the body of a question, in bytes.
const maxQuestion = 64 << 10

// brokerTimeout bounds one answer; a broker waits 5 s by default.
const brokerTimeout = 4 * time.Second

type brokerQuestion struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Action   string `json:"action"`
	Topic    string `json:"topic"`
}

type brokerAnswer struct {
	Result    string `json:"result"`
	Superuser bool   `json:"is_superuser"`
}

func answerBroker(c *fiber.Ctx, allow bool) error {
	a := brokerAnswer{Result: "deny"}
	if allow {
		a.Result = "allow"
	}
	return c.JSON(a)
}

// brokerRoutes adds the two questions when there is a secret.
func (d *Door) brokerRoutes(app *fiber.App) {
	if d.o.BrokerSecret == "" {
		return
	}
	app.Post("/broker/auth", d.brokerAuth)
	app.Post("/broker/acl", d.brokerACL)
}

// question reads a question of somebody who knows the secret.
func (d *Door) question(c *fiber.Ctx) (q brokerQuestion, err error) {
	secret, _ := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	got, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(d.o.BrokerSecret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		from := network(d.client(c))
		if wait, free := d.address.take(from); !free {
			return q, d.tooMany(wait, "Too many wrong secrets from this address. Wait as long as Retry-After says.")
		}
		d.address.charge(from, wrongLoginCost-1)
		d.counts.wrongLogins.Add(1)
		return q, &problem{
			Status: fiber.StatusUnauthorized, Title: "Not the broker",
			Detail: "Set the header Authorization of the broker's questions to 'Bearer SECRET', with the secret of --broker-secret-file.",
		}
	}
	if c.Request().Header.ContentLength() > maxQuestion {
		return q, fiber.ErrRequestEntityTooLarge
	}
	body, err := d.readBody(c)
	if err != nil {
		return q, err
	}
	if len(body) > maxQuestion {
		return q, fiber.ErrRequestEntityTooLarge
	}
	if json.Unmarshal(body, &q) != nil {
		return q, &problem{
			Status: fiber.StatusBadRequest, Title: "Not understood",
			Detail: `Let the broker ask with a JSON body: {"username":"${username}","password":"${password}"}, and for rights {"username":"${username}","action":"${action}","topic":"${topic}"}.`,
		}
	}
	return q, nil
}

func (d *Door) brokerAuth(c *fiber.Ctx) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	d.headers(c)
	if d.o.BrokerUser != "" && q.Username == d.o.BrokerUser {
		got, want := sha256.Sum256([]byte(q.Password)), sha256.Sum256([]byte(d.o.BrokerPassword))
		return answerBroker(c, d.o.BrokerPassword != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1)
	}
	ctx, cancel := d.within(brokerTimeout)
	defer cancel()
	err = d.o.Auth.Authenticate(ctx, reading.StationID(q.Username), q.Password)
	switch {
	case err == nil:
		return answerBroker(c, true)
	case errors.Is(err, register.ErrWrongCredentials):
		d.counts.wrongLogins.Add(1)
		return answerBroker(c, false)
	}
	// Not "deny": a kit that is refused may never come back.
	return d.notNow("The login could not be checked.", err)
}

// brokerACL lets a station publish on its own readings topics and subscribe
// inside its own subtree, and the ingest process read the readings of all.
func (d *Door) brokerACL(c *fiber.Ctx) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	d.headers(c)
	return answerBroker(c, d.mayDo(q))
}

func (d *Door) mayDo(q brokerQuestion) bool {
	if d.o.BrokerUser != "" && q.Username == d.o.BrokerUser {
		if q.Action == "publish" {
			return q.Topic == topic.Probe
		}
		filter := q.Topic
		if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
			_, filter, _ = strings.Cut(rest, "/")
		}
		return filter == topic.AllReadings || filter == topic.Probe
	}
	id, err := reading.ParseStationID(q.Username)
	if err != nil {
		return false
	}
	if q.Action == "publish" {
		_, err := topic.Own(id, q.Topic)
		return err == nil
	}
	return q.Action == "subscribe" && strings.HasPrefix(q.Topic, topic.Subtree(id))
}
