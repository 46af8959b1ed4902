package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"buurtmeter/ingest/register"
)

// TestOnlyThoseThatFillARegisterMakeOne: a wrong --data must not look like a
// platform without stations.
func TestOnlyThoseThatFillARegisterMakeOne(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "kits.csv")
	require.NoError(t, os.WriteFile(csv, []byte(onlyNO2+hoursOf("a", "52.44,4.82,%d", 2)), 0o600))
	for name, args := range map[string][]string{
		"list":         {"station", "list"},
		"token":        {"station", "token", "--id", "a"},
		"replay":       {"replay", "--kits", csv},
		"areas list":   {"areas", "list"},
		"areas remove": {"areas", "remove", "--year", "2016"},
	} {
		for how, where := range map[string]func(dir string) []string{
			"--data": func(dir string) []string { return []string{"--data", dir} },
			"--register": func(dir string) []string {
				return []string{"--register", "sqlite:" + filepath.Join(dir, "register.db")}
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "nodata")
				out, err := runCommand(t, append(args, where(dir)...)...)
				require.Error(t, err)
				assert.Contains(t, out, "there is no register at "+filepath.Join(dir, "register.db"))
				assert.Contains(t, out, "Try:   ")
				assert.NoDirExists(t, dir, "nothing is left behind")
			})
		}
	}

	areas := filepath.Join(t.TempDir(), "areas.geojson")
	require.NoError(t, os.WriteFile(areas, []byte(`{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"statcode":"BU04790001","statnaam":"Oost"},
		"geometry":{"type":"Polygon","coordinates":[[[4.8,52.4],[4.9,52.4],[4.9,52.5],[4.8,52.5],[4.8,52.4]]]}}]}`), 0o600))
	for name, args := range map[string][]string{
		"areas import": {"areas", "import", areas, "--year", "2016"},
		"station add":  {"station", "add", "--id", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "fresh")
			out, err := runCommand(t, append(args, "--data", dir)...)
			require.NoError(t, err, out)
			assert.Contains(t, out, "new register created in "+filepath.Join(dir, "register.db"))
			out, err = runCommand(t, "station", "list", "--data", dir)
			require.NoError(t, err, out)
			out, err = runCommand(t, "station", "add", "--id", "b", "--data", dir)
			require.NoError(t, err, out)
			assert.NotContains(t, out, "new register")
		})
	}
}

func TestAddingAStationSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	out, err := runCommand(t, "station", "add", "--id", "taken", "--data", dir)
	require.NoError(t, err, out)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no id":             {[]string{"add"}, "name the station with --id"},
		"bad id":            {[]string{"add", "--id", "Zaandam Oost"}, "use only a-z"},
		"unknown kind":      {[]string{"add", "--id", "a", "--kind", "toaster"}, "--kind sensor"},
		"id exists":         {[]string{"add", "--id", "taken"}, "'buurtmeter station token' for a new password"},
		"unknown station":   {[]string{"token", "--id", "nobody"}, "buurtmeter station list"},
		"only a longitude":  {[]string{"add", "--id", "a", "--lon", "4.812345"}, "--lon 4.82 --lat 52.44"},
		"only a latitude":   {[]string{"add", "--id", "a", "--lat", "52.412345"}, "--lon 4.82 --lat 52.44"},
		"swapped":           {[]string{"add", "--id", "a", "--lon", "52.412345", "--lat", "4.812345"}, "look swapped"},
		"no degrees":        {[]string{"add", "--id", "a", "--lon", "115812345", "--lat", "497812345"}, "--lon 4.82 --lat 52.44"},
		"zero, zero":        {[]string{"add", "--id", "a", "--lon", "0", "--lat", "0"}, "--lon 4.82 --lat 52.44"},
		"not a number":      {[]string{"add", "--id", "a", "--lon", "NaN", "--lat", "52.4"}, "--lon 4.82 --lat 52.44"},
		"unknown to remove": {[]string{"remove", "--id", "a"}, "use one of add, list, token"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runCommand(t, append(append([]string{"station"}, c.args...), "--data", dir)...)
			require.Error(t, err)
			assert.Contains(t, out, "Try:   ")
			assert.Contains(t, out, c.want)
			assert.NotContains(t, out, "812345", "no error repeats a place")
			out, err = runCommand(t, "station", "list", "--data", dir)
			require.NoError(t, err)
			assert.Regexp(t, `^taken\t[^\n]*\n$`, out, "nothing was registered")
		})
	}
}

func TestStationAddTellsTheBuurt(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		place []string
		want  string
	}{
		"in":      {[]string{"--lon", "4.823791", "--lat", "52.441973"}, `buurt    .+ \(BU0479\d{4}\)\n$`},
		"outside": {[]string{"--lon", "5.823791", "--lat", "51.441973"}, `buurt    outside every buurt: check --lon and --lat\n$`},
		"unknown": {nil, `buurt    none: no position was given`},
	} {
		out, err := runCommand(t, append([]string{"station", "add", "--id", name, "--data", dir}, c.place...)...)
		require.NoError(t, err, out)
		assert.Regexp(t, c.want, out)
		assert.NotContains(t, out, "823791")
	}
}

// TestReplayLooksBeforeItRegisters: neither a broker that is not there nor one
// that belongs to another register costs more than a message.
func TestReplayLooksBeforeItRegisters(t *testing.T) {
	csv := onlyNO2 + hoursOf("a", "52.44,4.82,%d", 2) + hoursOf("b", "52.44,4.82,%d", 2) + hoursOf("c", "52.44,4.82,%d", 2)
	stations := func(data string) int {
		reg, err := register.Open(t.Context(), "sqlite:"+filepath.Join(data, "register.db"), register.Options{Now: time.Now})
		require.NoError(t, err)
		defer func() { _ = reg.Close() }()
		all, err := reg.Stations(t.Context())
		require.NoError(t, err)
		return len(all)
	}
	s := startServer(t, "--data", t.TempDir(), "--mqtt-listen", "127.0.0.1:0")
	other := t.TempDir()
	out, err := runCommand(t, "station", "add", "--id", "z", "--data", other)
	require.NoError(t, err, out)

	out, err = replayText(t, &running{addresses: addresses{MQTT: "tcp://127.0.0.1:1"}}, other, csv)
	require.Error(t, err)
	assert.Contains(t, out, "no MQTT broker answers")
	assert.Contains(t, out, "Try:   start the server first")
	assert.Equal(t, 1, stations(other), "nothing was registered")

	out, err = replayText(t, &running{addresses: addresses{MQTT: "tcp://" + s.HTTP}}, other, csv)
	require.Error(t, err)
	assert.Contains(t, out, "no MQTT broker answers", "the site is no broker")
	assert.Equal(t, 1, stations(other), "nothing was registered")

	out, err = replayText(t, s, other, csv)
	require.Error(t, err)
	assert.Contains(t, out, "Try:   is --data or --register the one of the server")
	assert.Equal(t, 2, stations(other), "the first kit tells; the others are left alone")

	passwords := filepath.Join(t.TempDir(), "passwords")
	require.NoError(t, os.WriteFile(passwords, []byte("a wrong\n"), 0o600))
	out, err = replayText(t, s, other, csv, "--passwords", passwords)
	require.Error(t, err)
	assert.Contains(t, out, "Try:   does "+passwords+" hold the password")
}

func TestABadEnvironmentValueSaysWhichOne(t *testing.T) {
	out := &syncBuffer{}
	env := func(name string) string { return map[string]string{"BUURTMETER_LIVE": "a minute"}[name] }
	require.Error(t, run(t.Context(), []string{"demo", "--data", t.TempDir()}, env, out, out))
	assert.Contains(t, out.String(), `Error: environment variable BUURTMETER_LIVE: "a minute"`)
	assert.Contains(t, out.String(), "Try:   correct or unset BUURTMETER_LIVE")
}
