package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"seriatim.dev/go/seriatim"
)

// call is a call to a counter that may have had an effect, or has shown one.
type call struct {
	caller int
	// amount is what it adds; 0 if it only reads.
	amount int64
	// value is the counter behind it, if known.
	value int64
	known bool
	// began and ended are nanoseconds since the load began; ended is the end of time if nobody knows.
	began, ended int64
}

// endOfTime is when a call ends that may run at any time yet, or never.
const endOfTime = math.MaxInt64

// failed gives what is to be kept of a call that failed; false if it had no effect.
func (c call) failed(err error) (call, bool) {
	fate := seriatim.FateUnknown
	if failure := (*seriatim.CallFailure)(nil); errors.As(err, &failure) {
		fate = failure.Fate
	}
	switch {
	case c.amount == 0 || fate == seriatim.FateNotExecuted:
		return c, false
	case fate == seriatim.FateUnknown:
		c.ended = endOfTime
	}
	return c, true
}

// counter is what a counter does: its state is its value, and what it is asked for and answers is a call.
var counter = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, _ any) (bool, any) {
		c := input.(call)
		next := state.(int64) + c.amount
		return !c.known || c.value == next, next
	},
	DescribeOperation: func(input, _ any) string {
		c := input.(call)
		what := "reads"
		if c.amount != 0 {
			what = fmt.Sprint("adds ", c.amount)
		}
		if c.known {
			return fmt.Sprint(what, ": ", c.value)
		}
		return what
	},
}

// check looks for an order of these calls to one counter.
func check(history []call, patience time.Duration) error {
	operations := make([]porcupine.Operation, len(history))
	for i, c := range history {
		// A call whose fate is unknown may stand behind all others, where it has no effect that anybody sees.
		operations[i] = porcupine.Operation{ClientId: c.caller, Input: c, Call: c.began, Output: c, Return: c.ended}
	}
	switch porcupine.CheckOperationsTimeout(counter, operations, patience) {
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
		switch {
		case !c.known:
			n.unknown++
		case c.amount == 0:
			n.reads++
			n.answered++
		default:
			n.answered++
		}
	}
}

func (n counts) String() string {
	return fmt.Sprintf("%d calls were answered, %d of them reads; of %d it isn't known what became of them, or of their results",
		n.answered, n.reads, n.unknown)
}
