package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// call is a call to an object that may have had an effect, or has shown one.
type call struct {
	caller int
	what   action
	// known is whether it was answered, so that what it has found is known.
	known bool
	// began and ended are nanoseconds since the load began; ended is the end of time if nobody knows.
	began, ended int64
}

// action is what is asked of an object whose state is a number, and what was answered.
type action interface {
	// on gives the state behind it, and whether what was answered fits to the state before it.
	on(state int64) (next int64, fits bool)
	// changes is false if it only reads.
	changes() bool
	// shows gives what nobody but one call can have written, if it has found that; 0 if it hasn't.
	shows() int64
	// writes gives what nobody else writes; 0 if it can't be told from what others do.
	writes() int64
	String() string
}

// endOfTime is when a call ends that may run at any time yet, or never.
const endOfTime = math.MaxInt64

// fate is what became of a call.
type fate int

const (
	// unknown: it may have run, or may yet run, once.
	unknown fate = iota
	// answered: it ran, and what it found is known.
	answered
	// completed: it ran, and nobody knows what it found.
	completed
	// without is without effect.
	without
)

// kept gives what is to be kept of this call with this fate; false if it says nothing.
func (c call) kept(fate fate) (call, bool) {
	switch {
	case fate == answered:
		c.known = true
		return c, true
	case fate == without || !c.what.changes():
		return c, false
	case fate == unknown:
		c.ended = endOfTime
	}
	return c, true
}

// object is what any of the objects does.
var object = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, _ any) (bool, any) {
		c := input.(call)
		next, fits := c.what.on(state.(int64))
		return fits || !c.known, next
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprint(input.(call).what) },
}

// check looks for an order of these calls to one object.
func check(history []call, patience time.Duration) error {
	if err := search(seen(history), patience); !errors.Is(err, errFaulty) {
		return err // Calls that nobody has seen may stand behind all others.
	}
	return search(history, patience)
}

// seen gives the history without the calls of unknown fate of whose writes nothing was seen; the others of these ran before
// what they wrote was found. Each that is left open makes the search many times longer.
func seen(history []call) []call {
	found := map[int64]int64{} // When the first that has found it had ended.
	for _, c := range history {
		if value := c.what.shows(); c.known && value != 0 {
			if ended, is := found[value]; !is || c.ended < ended {
				found[value] = c.ended
			}
		}
	}
	var kept []call
	for _, c := range history {
		if value := c.what.writes(); c.ended == endOfTime && value != 0 {
			ended, is := found[value]
			if !is {
				continue
			}
			c.ended = max(ended, c.began)
		}
		kept = append(kept, c)
	}
	return kept
}

func search(history []call, patience time.Duration) error {
	operations := make([]porcupine.Operation, len(history))
	for i, c := range history {
		// A call whose fate is unknown may stand behind all others, where it has no effect that anybody sees.
		operations[i] = porcupine.Operation{ClientId: c.caller, Input: c, Call: c.began, Output: c, Return: c.ended}
	}
	switch porcupine.CheckOperationsTimeout(object, operations, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return errUndecided
	default:
		return errFaulty
	}
}

// counts is what became of calls.
type counts struct {
	answered, reads, unknown int
}

func (n *counts) add(history []call) {
	for _, c := range history {
		if !c.known {
			n.unknown++
			continue
		}
		n.answered++
		if !c.what.changes() {
			n.reads++
		}
	}
}

func (n counts) String() string {
	return fmt.Sprintf("%d calls were answered, %d of them reads; of %d it isn't known what became of them, or of their results",
		n.answered, n.reads, n.unknown)
}
