package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// action is one subcommand of a command such as "station".
type action struct {
	name, usage, short string
	run                func(*program, context.Context, []string) error
}

// widestUsage bounds the column of usages in a list of actions: what is wider
// pushes its own explanation aside and not those of all others.
const widestUsage = 48

// act runs the action that args begin with, or lists the actions of a command;
// more is what the list ends with.
func (p *program) act(ctx context.Context, command string, actions []action, more string, args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	names := make([]string, len(actions))
	for i, a := range actions {
		if a.name == name {
			return a.run(p, ctx, args[1:])
		}
		names[i] = a.name
	}
	switch {
	case name == "help", name == "-h", name == "-help", name == "--help":
		return p.listActions(command, actions, more)
	case name == "", strings.HasPrefix(name, "-"):
		return hint(errors.New(command+" wants an action first"), "use one of %s; 'buurtmeter %s help' tells more", strings.Join(names, ", "), command)
	default:
		return hint(fmt.Errorf("%s has no action %q", command, name), "use one of %s; 'buurtmeter %s help' tells more", strings.Join(names, ", "), command)
	}
}

func (p *program) listActions(command string, actions []action, more string) error {
	width := 0
	for _, a := range actions {
		if n := len(a.usage); n <= widestUsage {
			width = max(width, n)
		}
	}
	for _, a := range actions {
		if err := p.say("  %s %-*s  %s", command, width, a.usage, a.short); err != nil {
			return err
		}
	}
	return p.say("\nFlags of an action: buurtmeter %s ACTION -h. %s", command, more)
}
