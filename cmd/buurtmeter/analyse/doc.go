// Package analyse reads the CSV files of journalists and residents and answers
// with the same engine as the server, without one: year statistics with
// verdicts, points in areas, tubes, and a sensor beside a reference. Files are
// streamed; what is kept in memory grows with the number of hours or points,
// never with the size of the file. Nothing is dropped in silence: what could not
// be used is counted and told, with line numbers.
package analyse

import (
	"context"
	"flag"
)

// Command is one kind of analysis.
type Command struct {
	// Name as on the command line, Usage with its arguments, Short in a line, and
	// Example, a whole call.
	Name, Usage, Short, Example string
	// New declares the command's flags and returns what to run once they are
	// read; files are the arguments that are no flags.
	New func(fs *flag.FlagSet) func(ctx context.Context, t *Terminal, files []string) error
}

// Commands returns the table of all analyses, in the order in which they are
// listed. The slice is the caller's own.
func Commands() []Command {
	return []Command{
		hoursCommand(),
		tubesCommand(),
		calibrateCommand(),
		pointsCommand(),
	}
}
