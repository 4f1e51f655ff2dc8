package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seriatim.dev/go/seriatim"
)

const (
	endPatience   = 40 * time.Second
	breakPatience = 30 * time.Second
)

// session is what one request has opened and called so far. It belongs to one goroutine.
type session struct {
	target  string
	objects *seriatim.DurableObjects
	stubs   []*openedStub
	byName  map[string]*openedStub
	calls   []*madeCall
}

func (s *session) play(step *step) error {
	switch {
	case step.Open != nil:
		return s.open(step.Open)
	case step.Call != nil:
		for range max(1, step.Call.Times) {
			s.calls = append(s.calls, s.call(step.Call, len(s.calls)+1))
		}
	case step.Await != nil:
		last := step.Await.Last
		if last == 0 {
			last = len(s.calls)
		}
		for _, call := range s.calls[max(1, step.Await.First)-1 : last] {
			call.result()
		}
	case step.GiveUp != nil:
		s.calls[step.GiveUp.Call-1].cancel()
	case step.Close != nil:
		s.byName[step.Close.Stub].Close()
	case step.Cancel != nil:
		s.byName[step.Cancel.Stub].Cancel("the case says so")
	case step.AwaitEnd != nil:
		ctx, cancel := context.WithTimeout(context.Background(), endPatience)
		defer cancel()
		if err := s.byName[step.AwaitEnd.Stub].AwaitEnd(ctx); ctx.Err() != nil {
			return fmt.Errorf("stub '%s' never ended: %w", step.AwaitEnd.Stub, err)
		}
	case step.IDFromName != nil:
		s.calls = append(s.calls, s.id(step.IDFromName))
	default:
		return errors.New("a step that this driver doesn't know")
	}
	return nil
}

func (s *session) report() *driverResponse {
	response := &driverResponse{Results: []result{}, Stubs: []stubState{}, Features: features}
	for _, call := range s.calls {
		response.Results = append(response.Results, call.result())
		call.cancel()
	}
	for _, stub := range s.stubs {
		state := stubState{Stub: stub.name, Broken: stub.Stub != nil && stub.IsBroken()}
		if state.Broken {
			state.Reason = string(stub.BreakCause().Reason)
			select {
			case <-stub.first:
			case <-time.After(breakPatience):
			}
		}
		state.BreaksTold = stub.told.Load()
		state.Resumable = stub.Stub != nil && stub.IsResumable()
		response.Stubs = append(response.Stubs, state)
	}
	return response
}
