package pdok

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"buurtmeter/deploy/conformance/conformancetest"
)

// A page as the software behind api.pdok.nl writes it in its own tests.
func TestScanPageOfTheServer(t *testing.T) {
	f, err := os.Open(conformancetest.Path(t, "geo", "sample_ogcapi_features_gokoala_testdata.json"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	facts, err := scanPage(f)
	require.NoError(t, err)
	require.Equal(t, []string{`"4285720b-1a60-50ce-b5fd-fc1c381bda0b"`, `"930503e2-500a-5e34-ba05-03473039873a"`}, facts.ids)
	require.Equal(t, 2, facts.returned)
	require.Equal(t, -1, facts.matched)

	// Its next link names a host that is not the one that was asked, and a cursor
	// with signs that must stay escaped.
	at, err := url.Parse("https://api.example.nl/x/ogc/v1/collections/dutch-addresses/items?f=json&limit=2")
	require.NoError(t, err)
	next, err := (&source{base: at}).next("dutch-addresses", at, at, facts, 2)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(next, "https://api.example.nl/x/ogc/v1/collections/dutch-addresses/items?crs="), next)
	u, err := url.Parse(next)
	require.NoError(t, err)
	require.Equal(t, "Aw|Oe_Qcw", u.Query().Get("cursor"))
	require.Equal(t, "json", u.Query().Get("f"))
}
