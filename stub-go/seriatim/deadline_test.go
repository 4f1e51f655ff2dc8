package seriatim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

func TestDeadlineTravelsAndTheHostsWordIsAwaited(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Second)
		defer cancel()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(ctx, 1), w.call(w.t.Context(), 2)},
			"INVOCATION_TIMED_OUT NOT_EXECUTED", "INVOCATION_TIMED_OUT NOT_EXECUTED")
	}, func(p *play) {
		p.open()
		calls := p.receiveCalls(2)
		if timeout := calls[0].GetTimeout().AsDuration(); timeout != 3*time.Second {
			t.Errorf("timeout %v, expected 3s", timeout)
		}
		if calls[1].GetTimeout() != nil {
			t.Errorf("timeout %v, expected none", calls[1].GetTimeout())
		}
		time.Sleep(3*time.Second + 500*time.Millisecond) // Half of the grace.
		p.send(breaks(broken(seriatim.ReasonInvocationTimedOut, codes.DeadlineExceeded, 0)))
	})
}

func TestDeadlineThatHasPassedIsStillToldToTheHost(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx, cancel := context.WithDeadline(w.t.Context(), time.Now().Add(-time.Hour))
		defer cancel()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(ctx, 1)}, "INVOCATION_TIMED_OUT NOT_EXECUTED")
	}, func(p *play) {
		p.open()
		if timeout := p.receiveCalls(1)[0].GetTimeout(); timeout == nil || timeout.AsDuration() != 0 {
			t.Errorf("timeout %v, expected 0", timeout)
		}
		p.send(breaks(broken(seriatim.ReasonInvocationTimedOut, codes.DeadlineExceeded, 0)))
	})
}

func TestDeadlinesOfAnsweredCallsDoNotMatter(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for range 3 {
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
			if _, err := w.counter.Get(ctx, &examplesv1.GetRequest{}); err != nil {
				t.Error(err)
			}
			cancel()
			time.Sleep(1500 * time.Millisecond)
		}
		if w.stub.IsBroken() {
			t.Errorf("broken by %v", w.stub.BreakCause())
		}
	}, func(p *play) {
		p.open()
		for frame := p.receive(); frame != nil; frame = p.receive() {
			p.send(outcomes(frame.GetInvocations()[0].GetSequence()))
		}
	})
}

// timed makes a call that has so much time; with 0, all that it wants.
func (w *world) timed(timeout time.Duration) *seriatim.Future[examplesv1.CounterValue] {
	if timeout == 0 {
		return w.call(w.t.Context(), 1)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	future := w.call(ctx, 1)
	context.AfterFunc(w.t.Context(), cancel)
	return future
}

// A host answers calls when its script says so, and at no other time. Every call is made at once, and has the timeout that
// is given. What became of each, and when, in seconds.
func TestACallEndsAloneWhenItsTimeRunsOut(t *testing.T) {
	type answer struct {
		after time.Duration // Since the call before it.
		last  uint64        // Outcomes up to this one.
	}
	const second = time.Second
	for _, test := range []struct {
		name     string
		timeouts []time.Duration
		answers  []answer
		expected []string
	}{
		{"behind one that has all the time", []time.Duration{0, second / 2, 0},
			[]answer{{3 * second, 3}},
			[]string{"1 at 3s", "ANSWER_OVERDUE UNKNOWN at 500ms", "3 at 3s"}},
		{"behind one that has more time", []time.Duration{2 * second, second, 0},
			[]answer{{3 * second / 2, 3}},
			[]string{"1 at 1.5s", "ANSWER_OVERDUE UNKNOWN at 1s", "3 at 1.5s"}},
		{"as the oldest, after the grace", []time.Duration{second, 0},
			[]answer{{5 * second, 2}},
			[]string{"ANSWER_OVERDUE UNKNOWN at 2s", "2 at 5s"}},
		{"as the oldest, and the answer comes within the grace", []time.Duration{second, 0},
			[]answer{{3 * second / 2, 2}},
			[]string{"1 at 1.5s", "2 at 1.5s"}},
		{"behind one whose time has run out, too", []time.Duration{second, 3 * second / 2, 0},
			[]answer{{5 * second, 3}},
			[]string{"ANSWER_OVERDUE UNKNOWN at 2s", "ANSWER_OVERDUE UNKNOWN at 2.5s", "3 at 5s"}},
		{"as soon as it stands behind one that has all the time", []time.Duration{second, 0, 5 * second / 4},
			[]answer{{3 * second / 2, 1}, {second, 3}},
			[]string{"1 at 1.5s", "2 at 2.5s", "ANSWER_OVERDUE UNKNOWN at 1.5s"}},
		{"with the grace that is left, once it is the oldest", []time.Duration{2 * second, 2 * second, 0},
			[]answer{{5 * second / 2, 1}, {5 * second, 3}},
			[]string{"1 at 2.5s", "ANSWER_OVERDUE UNKNOWN at 3s", "3 at 7.5s"}},
		{"behind one that has ended so itself", []time.Duration{second, 5 * second, 0},
			[]answer{{8 * second, 3}},
			[]string{"ANSWER_OVERDUE UNKNOWN at 2s", "ANSWER_OVERDUE UNKNOWN at 6s", "3 at 8s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				start := time.Now()
				got := make([]chan string, len(test.timeouts))
				for i, timeout := range test.timeouts {
					future := w.timed(timeout)
					got[i] = make(chan string)
					go func() { got[i] <- fmt.Sprintf("%s at %v", seen(future), time.Since(start)) }()
				}
				for i, expected := range test.expected {
					if told := <-got[i]; told != expected {
						t.Errorf("call %d: got %s, expected %s", i+1, told, expected)
					}
				}
				if w.stub.IsBroken() {
					t.Errorf("broken by %v", w.stub.BreakCause())
				}
				w.expect(w.calls(1), fmt.Sprint(len(test.timeouts)+1)) // The stub goes on.
			}, func(p *play) {
				p.open()
				p.receiveCalls(len(test.timeouts))
				next := uint64(1)
				for _, answer := range test.answers {
					time.Sleep(answer.after)
					for ; next <= answer.last; next++ {
						p.send(outcomes(next))
					}
				}
				p.receiveCalls(1)
				p.send(outcomes(next))
				p.receive()
			})
		})
	}
}

func TestACallThatEndedAloneSaysWhy(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.call(w.t.Context(), 1)
		err := errorOf(w.timed(time.Second))
		if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "its deadline passed behind call 1, which has no answer yet") {
			t.Errorf("got %v", err)
		}
	}, func(p *play) {
		p.open()
		p.receiveCalls(2)
		time.Sleep(5 * time.Second)
		p.send(breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, 0)))
	})
}

// The others have their fates from the host.
func TestAHostBreaksTheStubBehindACallThatHasEnded(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.timed(0), w.timed(time.Second), w.timed(0)},
			"1", "ANSWER_OVERDUE UNKNOWN", "INVOCATION_TIMED_OUT NOT_EXECUTED")
		if cause := w.stub.BreakCause(); cause.FailedSequence != 2 {
			t.Errorf("got %+v", cause)
		}
	}, func(p *play) {
		p.open()
		p.receiveCalls(3)
		time.Sleep(3 * time.Second)
		p.send(outcomes(1))
		p.send(breaks(broken(seriatim.ReasonInvocationTimedOut, codes.DeadlineExceeded, 1)))
	})
}

// A call that was never sent had no effect. It keeps its place: the host is told of it, with no time left.
func TestACallWhoseTimeRunsOutUnsentIsNotExecuted(t *testing.T) {
	inWorld(t, &seriatim.Options{MaxUnansweredFrames: 1}, func(w *world) {
		first := w.timed(0)
		synctest.Wait()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.timed(time.Second), first, w.timed(0)},
			"ANSWER_OVERDUE NOT_EXECUTED", "1", "INVOCATION_TIMED_OUT NOT_EXECUTED")
	}, func(p *play) {
		p.open()
		p.receiveCalls(1)
		time.Sleep(2 * time.Second)
		p.send(outcomes(1))
		calls := p.receiveCalls(2)
		if timeout := calls[0].GetTimeout(); timeout == nil || timeout.AsDuration() != 0 || calls[0].GetSequence() != 2 {
			t.Errorf("got %v, expected number 2 with timeout 0", calls[0])
		}
		p.send(breaks(broken(seriatim.ReasonInvocationTimedOut, codes.DeadlineExceeded, 1)))
	})
}

// Nobody waits for anything, and so the host has no longer for it than for the end of a stub that is answered.
func TestAClosedStubEndsAlsoIfItsCallsHaveEndedAlone(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		start := time.Now()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.timed(time.Second)}, "ANSWER_OVERDUE UNKNOWN")
		w.stub.Close()
		_ = w.stub.AwaitEnd(w.t.Context())
		if passed := time.Since(start); passed != 12*time.Second {
			t.Errorf("ended after %v, expected 1s and the grace and the time for the end, 12s", passed)
		}
	}, func(p *play) {
		p.open()
		p.untilGone()
	})
}
