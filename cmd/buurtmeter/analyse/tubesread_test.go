package analyse

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const tubeHeading = "code,location,start_date,end_date,no2,period"

// A pair without a reference or without a result is left out whatever its share
// of missing hours; one that has both must tell it. A share of exactly
// --max-missing is left out.
func TestPairsThatLackSomething(t *testing.T) {
	tubes := written(t, tubeHeading+"\na,X,2021-02-01 12:00,2021-03-01 12:00,30,1\n")
	pairs := func(last string) string {
		return written(t, tubeHeading+",no2_reference,missing\n"+
			"b,P,2021-02-01 12:00,2021-03-01 12:00,20,1,21,0\nc,P,2021-03-01 12:00,2021-04-01 12:00,31,2,30,24.9\n"+
			"d,P,2021-04-01 12:00,2021-05-01 12:00,40,3,41,3\ne,P,2021-05-01 12:00,2021-06-01 12:00,90,4,10,25\n"+last)
	}
	for _, last := range []string{"", "f,P,2021-06-01 12:00,2021-07-01 12:00,40,5,,\n", "f,P,2021-06-01 12:00,2021-07-01 12:00,,5,40,\n"} {
		out, _, err := ask(t, "tubes", []string{tubes}, "-pairs", pairs(last), "-json")
		require.NoError(t, err, last)
		var got tubesAnswer
		require.NoError(t, json.Unmarshal([]byte(out), &got))
		require.Equal(t, 3, got.Calibration.N)
	}
	_, _, err := ask(t, "tubes", []string{tubes}, "-pairs", pairs("f,P,2021-06-01 12:00,2021-07-01 12:00,40,5,40,\n"))
	require.ErrorContains(t, err, `line 6, column "missing": it is not told how many reference hours are missing`)

	_, _, err = ask(t, "tubes", []string{written(t, tubeHeading+"\n")}, "-no-calibration")
	require.ErrorContains(t, err, "has no rows below its heading")
	_, _, err = ask(t, "tubes", []string{written(t, "code,location,start_date,no2\na,X,2021-02-01,30\n")}, "-no-calibration")
	require.ErrorContains(t, err, `has no column "end_date"`)
	_, _, err = ask(t, "tubes", []string{tubes}, "-pairs", written(t, "location,no2\nP,30\n"))
	require.ErrorContains(t, err, `has no column "no2_reference"`)
}
