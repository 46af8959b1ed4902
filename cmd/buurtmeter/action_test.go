package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Commands with actions list all of them, and name them all when a call names
// none or another one.
func TestCommandsNameTheirActions(t *testing.T) {
	for command, actions := range map[string][]action{"station": stationActions(), "tube": tubeActions(), "calibration": calibrationActions()} {
		help, err := runCommand(t, command, "help")
		require.NoError(t, err)
		var names []string
		for _, a := range actions {
			require.True(t, a.usage == a.name || strings.HasPrefix(a.usage, a.name+" "), a.usage)
			require.Contains(t, help, "  "+command+" "+a.usage)
			require.Contains(t, help, "  "+a.short+"\n")
			names = append(names, a.name)
		}
		all := "Try:   use one of " + strings.Join(names, ", ") + ";"
		for said, args := range map[string][]string{
			" wants an action first":   {command},
			" has no action \"fly\"":   {command, "fly", "--id", "x"},
			" wants an action first\n": {command, "--id", "x"},
		} {
			out, err := runCommand(t, args...)
			require.Error(t, err)
			require.Contains(t, out, "Error: "+command+said)
			require.Contains(t, out, all)
		}
	}
}
