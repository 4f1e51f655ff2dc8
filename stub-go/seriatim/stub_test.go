package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// ---- order and frames ----------------------------------------------------------------------------------

func TestGeneratedClientCallsInOrder(t *testing.T) {
	var ran []int64
	inWorld(t, nil, func(w *world) {
		value, err := w.counter.Increment(w.t.Context(), &examplesv1.IncrementRequest{Amount: 5})
		if err != nil || value.GetValue() != 5 {
			t.Errorf("got %v, %v, expected 5", value, err)
		}
		w.expect(w.calls(3), "6", "8", "11")
	}, counterScript(&ran))
	if fmt.Sprint(ran) != "[5 1 2 3]" {
		t.Errorf("%v ran, expected [5 1 2 3]", ran)
	}
}

func TestFirstFrameOpensAndOthersDoNot(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.expect(w.calls(1), "1")
		w.expect(w.calls(1), "2")
	}, func(p *play) {
		p.open()
		for n := uint64(1); n <= 2; n++ {
			frame := p.receive()
			if open := frame.GetOpen(); (open != nil) != (n == 1) {
				t.Errorf("frame %d has open %v", n, open)
			} else if n == 1 && (open.GetNamespace() != "COUNTER" || open.GetName() != "foo") {
				t.Errorf("opened %v", open)
			}
			if method := frame.GetInvocations()[0].GetMethod(); method != "seriatim.examples.v1.Counter/Increment" {
				t.Errorf("method %q", method)
			}
			p.send(outcomes(n))
		}
		p.receive()
	})
}

func TestFramesAreSelfClocked(t *testing.T) {
	var sizes []int
	options := &seriatim.Options{MaxUnansweredFrames: 2, MaxFrameInvocations: 4}
	inWorld(t, options, func(w *world) {
		var futures []*seriatim.Future[examplesv1.CounterValue]
		for range 9 {
			futures = append(futures, w.calls(1)...)
			synctest.Wait() // The frame leaves, if it may.
		}
		w.expect(futures, "1", "2", "3", "4", "5", "6", "7", "8", "9")
	}, func(p *play) {
		p.open()
		var last uint64
		for range 2 {
			frame := p.receive()
			sizes = append(sizes, len(frame.GetInvocations()))
			last += uint64(len(frame.GetInvocations()))
		}
		time.Sleep(time.Second) // In the bubble: until all calls have been made.
		for n := uint64(1); n <= last; n++ {
			p.send(outcomes(n))
		}
		for frame := p.receive(); frame != nil; frame = p.receive() {
			sizes = append(sizes, len(frame.GetInvocations()))
			for _, invocation := range frame.GetInvocations() {
				p.send(outcomes(invocation.GetSequence()))
			}
		}
	})
	if fmt.Sprint(sizes) != "[1 1 4 3]" {
		t.Errorf("frames of %v, expected [1 1 4 3]", sizes)
	}
}

func TestFramesAreBoundedByBytes(t *testing.T) {
	var sizes []int
	options := &seriatim.Options{MaxUnansweredFrames: 1, MaxFrameBytes: 1000}
	inWorld(t, options, func(w *world) {
		journal := examplesv1.NewJournalClient(w.stub)
		var futures []*seriatim.Future[examplesv1.AppendResponse]
		for _, length := range []int{1, 300, 300, 300, 5000, 1} {
			futures = append(futures, seriatim.Call(w.t.Context(), journal.Append,
				&examplesv1.AppendRequest{Line: strings.Repeat("x", length)}))
			synctest.Wait()
		}
		w.stub.Close()
		for i, future := range futures {
			if response, err := future.Get(); err != nil || response.GetIndex() != int64(i+1) {
				t.Errorf("append %d: %v, %v", i, response, err)
			}
		}
	}, func(p *play) {
		p.open()
		for frame := p.receive(); frame != nil; frame = p.receive() {
			sizes = append(sizes, len(frame.GetInvocations()))
			if len(sizes) == 1 {
				time.Sleep(time.Second) // In the bubble: until all calls have been made.
			}
			for _, invocation := range frame.GetInvocations() {
				p.send(outcomes(invocation.GetSequence()))
			}
		}
	})
	if fmt.Sprint(sizes) != "[1 2 1 1 1]" {
		t.Errorf("frames of %v, expected [1 2 1 1 1]", sizes)
	}
}

func TestManyGoroutinesLoseAndDoubleNothing(t *testing.T) {
	var ran []int64
	inWorld(t, nil, func(w *world) {
		const goroutines, each = 16, 200
		var group sync.WaitGroup
		for g := range goroutines {
			group.Go(func() {
				last := int64(0)
				for i := range each {
					value, err := w.counter.Increment(w.t.Context(), &examplesv1.IncrementRequest{Amount: int64(g*each + i + 1)})
					if err != nil {
						t.Error(err)
						return
					}
					if value.GetValue() <= last {
						t.Errorf("value %d after %d", value.GetValue(), last)
					}
					last = value.GetValue()
				}
			})
		}
		group.Wait()
		slices.Sort(ran)
		for i, amount := range ran {
			if amount != int64(i+1) {
				t.Fatalf("amount %d ran at %d", amount, i)
			}
		}
		if len(ran) != goroutines*each {
			t.Errorf("%d calls ran, expected %d", len(ran), goroutines*each)
		}
	}, counterScript(&ran))
}

// ---- contexts ------------------------------------------------------------------------------------------

func TestCancelledContextAbandonsTheReplyOnly(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		waiting := make(chan error)
		go func() {
			_, err := w.counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 1})
			waiting <- err
		}()
		synctest.Wait()
		pipelined := w.call(ctx, 2)
		cancel()
		err := <-waiting
		if word(err) != "CALL_CANCELLED UNKNOWN" || status.Code(err) != codes.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{pipelined}, "CALL_CANCELLED UNKNOWN")

		// It takes no number, and is not made at all.
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(ctx, 3)}, "CALL_CANCELLED NOT_EXECUTED")
		// The stub goes on, and both calls have kept their place.
		w.expect(w.calls(1), "3")
		if w.stub.IsBroken() {
			t.Errorf("broken by %v", w.stub.BreakCause())
		}
	}, func(p *play) {
		p.open()
		p.receiveCalls(3)
		p.send(outcomes(1, 2, 3))
		p.receive()
	})
}

func TestMetadataTravels(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx := metadata.AppendToOutgoingContext(w.t.Context(),
			"Color", "blue", "color", "green", "key-bin", "\x00\xff", "empty", "")
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(ctx, 1)}, "1")

		for _, wrong := range [][]string{
			{"seriatim-object", "x"}, {"grpc-tags", "x"}, {"two-bin", "x", "two-bin", "y"}, {"color", "é"}, {"a b", "x"},
		} {
			err := word(errorOf(w.call(metadata.AppendToOutgoingContext(w.t.Context(), wrong...), 1)))
			if err != "CALL_REFUSED NOT_EXECUTED" {
				t.Errorf("%q: got %v", wrong, err)
			}
		}
		if w.stub.IsBroken() {
			t.Errorf("broken by %v", w.stub.BreakCause())
		}
	}, func(p *play) {
		p.open()
		got := p.receiveCalls(1)[0].GetMetadata()
		if fmt.Sprint(got) != "map[color:blue,green empty: key-bin:AP8=]" {
			t.Errorf("metadata %v", got)
		}
		p.send(outcomes(1))
		p.receive()
	})
}

func errorOf[T any](future *seriatim.Future[T]) error {
	_, err := future.Get()
	return err
}

// ---- the end -------------------------------------------------------------------------------------------

func TestCloseFinishesWhatWasSent(t *testing.T) {
	inWorld(t, &seriatim.Options{MaxUnansweredFrames: 1}, func(w *world) {
		w.stub.OnBreak(func(cause *seriatim.FailureCause) { t.Errorf("broken by %v", cause) })
		futures := w.calls(300) // More than one frame's worth wait.
		w.stub.Close()
		w.stub.Close()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(w.t.Context(), 1)}, "STUB_CLOSED NOT_EXECUTED")
		if err := w.stub.AwaitEnd(w.t.Context()); err != nil {
			t.Error(err)
		}
		for i, future := range futures {
			if got := seen(future); got != fmt.Sprint(i+1) {
				t.Fatalf("call %d saw %s", i+1, got)
			}
		}
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(w.t.Context(), 1)}, "STUB_CLOSED NOT_EXECUTED")
	}, func(p *play) {
		p.open()
		for frame := p.receive(); frame != nil; frame = p.receive() {
			for _, invocation := range frame.GetInvocations() {
				p.send(outcomes(invocation.GetSequence()))
			}
		}
	})
}

func TestUnusedStubEndsWithoutAStream(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if err := w.stub.AwaitEnd(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended before it was closed: %v", err)
		}
		other := w.newStub()
		other.Cancel("no need")
		if err := other.AwaitEnd(w.t.Context()); !errors.Is(err, seriatim.ReasonStubCancelled) {
			t.Errorf("ended with %v", err)
		}
	}, func(*play) { t.Error("the stub was opened") })
}

func TestCancelGivesUpWhatWasSent(t *testing.T) {
	inWorld(t, &seriatim.Options{MaxUnansweredFrames: 1}, func(w *world) {
		first := w.calls(1)
		synctest.Wait()
		rest := w.calls(1)
		w.stub.Cancel("had enough")
		w.expect(append(first, rest...), "STUB_CANCELLED UNKNOWN", "STUB_CANCELLED NOT_EXECUTED")
	}, func(p *play) { p.untilGone() })
}

func TestHostThatDoesNotEndAClosedStubIsHungUpOn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.expect(w.calls(1), "1")
		start := time.Now()
		w.stub.Close()
		if err := w.stub.AwaitEnd(w.t.Context()); !errors.Is(err, seriatim.ReasonAnswerOverdue) {
			t.Errorf("ended with %v", err)
		}
		if passed := time.Since(start); passed != 10*time.Second {
			t.Errorf("after %v, expected 10s", passed)
		}
	}, func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(outcomes(1))
		p.untilGone()
	})
}

// A host that reads nothing stalls its own stub, whose calls can then still be given up.
func TestStalledHostBoundsTheBufferAndCanBeLeft(t *testing.T) {
	options := &seriatim.Options{MaxBufferedBytes: 4 << 20, MaxUnansweredFrames: 16}
	inWorld(t, options, func(w *world) {
		journal := examplesv1.NewJournalClient(w.stub)
		var futures []*seriatim.Future[examplesv1.AppendResponse]
		for {
			future := seriatim.Call(w.t.Context(), journal.Append, &examplesv1.AppendRequest{Line: strings.Repeat("x", 1<<20)})
			synctest.Wait()
			futures = append(futures, future)
			select {
			case <-future.Done():
			default:
				continue
			}
			break
		}
		if got := word(errorOf(futures[len(futures)-1])); got != "BUFFER_FULL NOT_EXECUTED" {
			t.Errorf("got %s", got)
		}
		w.stub.Cancel("had enough")
		for _, future := range futures[:len(futures)-1] {
			if err := errorOf(future); !errors.Is(err, seriatim.ReasonStubCancelled) {
				t.Errorf("got %v", err)
			}
		}
	}, func(p *play) { p.untilGone() })
}
