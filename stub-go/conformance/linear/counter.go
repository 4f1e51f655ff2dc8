package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// add adds to a counter, and finds its value; it only reads if the amount is 0.
type add struct{ amount, value int64 }

func (a add) on(state int64) (next int64, fits bool) {
	next = state + a.amount
	return next, a.value == next
}

func (a add) changes() bool { return a.amount != 0 }

func (a add) shows() int64 { return 0 }

func (a add) writes() int64 { return 0 }

func (a add) String() string {
	if a.amount == 0 {
		return fmt.Sprint("reads ", a.value)
	}
	return fmt.Sprint("adds ", a.amount, ": ", a.value)
}

// counter is a counter as one caller has it: with a stub of its own.
type counter struct {
	name string
	stub *seriatim.Stub
}

func (c *counter) call(ctx context.Context, at host, reads bool) (action, fate, error) {
	var what add
	if !reads && rand.IntN(2) == 0 {
		what.amount = 1 + rand.Int64N(highest)
	}
	if c.stub == nil {
		stub, err := at.objects.Namespace("COUNTER").GetByName(c.name)
		if err != nil {
			return what, without, err
		}
		c.stub = stub
	}
	value, err := send(ctx, examplesv1.NewCounterClient(c.stub), what.amount)
	if err != nil {
		return what, fateOf(err), err
	}
	what.value = value.GetValue()
	return what, answered, nil
}

func send(ctx context.Context, counter examplesv1.CounterClient, amount int64) (*examplesv1.CounterValue, error) {
	if amount == 0 {
		return counter.Get(ctx, &examplesv1.GetRequest{})
	}
	return counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: amount})
}

// fateOf gives what became of a call through a stub that failed.
func fateOf(err error) fate {
	if failure := (*seriatim.CallFailure)(nil); errors.As(err, &failure) {
		switch failure.Fate {
		case seriatim.FateNotExecuted:
			return without
		case seriatim.FateCompleted:
			return completed
		}
	}
	return unknown
}

func (c *counter) leave() {
	if c.stub != nil {
		c.stub.Close()
		c.stub = nil
	}
}
