package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// Hosts that are mostly right and then wrong at random. Whatever they do: every call ends, none has another
// call's result, what succeeded is a prefix, and no goroutine is left.
func TestHostsThatAreWrongAtRandom(t *testing.T) {
	for _, seed := range seriatim.Seeds(300) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			options := &seriatim.Options{MaxUnansweredFrames: 1 + random.IntN(4), MaxFrameInvocations: 1 + random.IntN(8)}
			inWorld(t, options, func(w *world) {
				ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
				defer cancel()
				var futures []*seriatim.Future[examplesv1.CounterValue]
				for range 30 {
					futures = append(futures, w.call(ctx, 1))
				}
				checkPrefix(t, futures)
				w.stub.Close()
				_ = w.stub.AwaitEnd(w.t.Context())
				time.Sleep(time.Minute) // Of the bubble: until the client has lost its patience.
			}, func(p *play) { misbehave(p, random) })
		})
	}
}

func checkPrefix(t *testing.T, futures []*seriatim.Future[examplesv1.CounterValue]) {
	t.Helper()
	var cause *seriatim.FailureCause
	for i, future := range futures {
		value, err := future.Get()
		if err == nil {
			if cause != nil || value.GetValue() != int64(i+1) {
				t.Errorf("call %d: got %d, after %v", i+1, value.GetValue(), cause)
			}
			continue
		}
		if got := word(err); cause == nil && (got == "ANSWER_OVERDUE UNKNOWN" || got == "ANSWER_OVERDUE NOT_EXECUTED") {
			continue // That call alone.
		}
		var failure *seriatim.CallFailure
		ok := errors.As(err, &failure)
		if !ok || cause != nil && failure.FailureCause != cause || cause != nil && failure.Fate == seriatim.FateCompleted {
			t.Errorf("call %d: got %v, after %v", i+1, err, cause)
			continue
		}
		cause = failure.FailureCause
	}
}

// misbehave answers calls, each step with a chance to do something else.
func misbehave(p *play, random *rand.Rand) {
	if random.IntN(20) > 0 {
		p.open()
	}
	received, answered := uint64(0), uint64(0)
	for {
		if received == answered {
			frame := p.receive()
			if frame == nil {
				return
			}
			received += uint64(len(frame.GetInvocations()))
			continue
		}
		switch random.IntN(40) {
		case 0:
			p.send(outcomes(answered + 2))
		case 1:
			p.send(outcomes(answered))
		case 2:
			p.send(outcomes(received + 1))
		case 3:
			p.send(&seriatimv1.ConnectResponse{Outcomes: []*seriatimv1.Outcome{{Sequence: answered + 1,
				Result: &seriatimv1.Outcome_Message{Message: []byte{0xff}}}}})
		case 4:
			p.send(breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, answered)))
		case 5:
			p.send(breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, answered+random.Uint64N(3))))
			p.untilGone()
			return
		case 6:
			p.open()
		case 7:
			p.send(&seriatimv1.ConnectResponse{})
		case 8:
			p.end = status.Error(codes.Code(random.IntN(20)), "at random")
			return
		case 9:
			p.untilGone()
			return
		default:
			n := 1 + random.Uint64N(received-answered)
			frame := outcomes()
			for range n {
				answered++
				frame.Outcomes = append(frame.Outcomes, outcome(answered))
			}
			p.send(frame)
		}
	}
}
