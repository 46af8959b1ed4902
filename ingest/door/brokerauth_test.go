package door_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/door"
)

func TestABrokerAsksWhoMayLogIn(t *testing.T) {
	r := start(t, func(o *door.Options) {
		o.BrokerSecret, o.BrokerUser, o.BrokerPassword = "broker-secret", "ingest", "ingest-password"
	})
	ask := func(user, password string) string {
		q, err := json.Marshal(map[string]string{"username": user, "password": password, "clientid": "any"})
		require.NoError(t, err)
		res, body := r.post(t, "/broker/auth", string(q), "Authorization", "Bearer broker-secret", "Content-Type", "application/json")
		require.Equal(t, http.StatusOK, res.StatusCode, body)
		require.Equal(t, "application/json", res.Header.Get("Content-Type"))
		var a struct {
			Result    string `json:"result"`
			Superuser *bool  `json:"is_superuser"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &a))
		require.False(t, *a.Superuser, "nobody is above the rules")
		return a.Result
	}
	assert.Equal(t, "allow", ask("one", r.one))
	assert.Equal(t, "deny", ask("one", r.other))
	assert.Equal(t, "deny", ask("nobody", r.one))
	assert.Equal(t, "deny", ask("", ""))
	assert.Equal(t, "deny", ask("\x00'--", r.one))
	assert.Equal(t, "allow", ask("ingest", "ingest-password"))
	assert.Equal(t, "deny", ask("ingest", ""))
	fresh, err := r.reg.RotateToken(t.Context(), "one", "keeper")
	require.NoError(t, err)
	assert.Equal(t, "deny", ask("one", r.one))
	assert.Equal(t, "allow", ask("one", fresh))

	for _, secret := range []string{"", "wrong", "broker-secret2"} {
		res, body := r.post(t, "/broker/auth", `{"username":"one","password":"`+fresh+`"}`, "Authorization", "Bearer "+secret)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode)
		problem(t, res, body)
	}
	for in, status := range map[string]int{"no JSON": 400, strings.Repeat(" ", 70<<10): 413} {
		res, _ := r.post(t, "/broker/auth", in, "Authorization", "Bearer broker-secret")
		assert.Equal(t, status, res.StatusCode)
	}
	require.NoError(t, r.reg.Close())
	res, body := r.post(t, "/broker/auth", `{"username":"one","password":"x"}`, "Authorization", "Bearer broker-secret")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode, "not knowing is no refusal: "+body)
	for _, secret := range []string{fresh, "broker-secret\"", "ingest-password"} {
		assert.NotContains(t, r.log.String(), secret)
	}
}

func TestABrokerAsksWhoMayDoWhat(t *testing.T) {
	r := start(t, func(o *door.Options) { o.BrokerSecret, o.BrokerUser, o.BrokerPassword = "s", "ingest", "p" })
	for _, c := range []struct{ user, action, topic, want string }{
		{"one", "publish", "buurtmeter/v1/one/readings", "allow"},
		{"one", "publish", "buurtmeter/v1/one/readings/senml", "allow"},
		{"one", "publish", "buurtmeter/v1/other/readings", "deny"},
		{"one", "publish", "buurtmeter/v1/one/state", "deny"},
		{"one", "publish", "buurtmeter/v1/doctor/probe", "deny"},
		{"one", "subscribe", "buurtmeter/v1/one/#", "allow"},
		{"one", "subscribe", "buurtmeter/v1/+/readings/#", "deny"},
		{"one", "subscribe", "$share/g/buurtmeter/v1/+/readings/#", "deny"},
		{"one", "subscribe", "#", "deny"},
		{"+", "publish", "buurtmeter/v1/+/readings", "deny"},
		{"", "publish", "buurtmeter/v1//readings", "deny"},
		{"one", "", "buurtmeter/v1/one/readings", "deny"},
		{"ingest", "subscribe", "buurtmeter/v1/+/readings/#", "allow"},
		{"ingest", "subscribe", "$share/buurtmeter/buurtmeter/v1/+/readings/#", "allow"},
		{"ingest", "subscribe", "#", "deny"},
		{"ingest", "publish", "buurtmeter/v1/one/readings", "deny"},
		{"ingest", "publish", "buurtmeter/v1/doctor/probe", "allow"},
	} {
		q, err := json.Marshal(map[string]string{"username": c.user, "action": c.action, "topic": c.topic})
		require.NoError(t, err)
		_, body := r.post(t, "/broker/acl", string(q), "Authorization", "Bearer s")
		assert.Contains(t, body, `"result":"`+c.want+`"`, c)
	}
	closed := start(t, nil)
	res, _ := closed.post(t, "/broker/auth", `{}`, "Authorization", "Bearer ")
	assert.Equal(t, http.StatusNotFound, res.StatusCode, "without a secret there is no such address")
}
