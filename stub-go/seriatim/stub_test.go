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

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
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

// ---- the break -----------------------------------------------------------------------------------------

func TestThrowInTheMiddleTellsWhatRan(t *testing.T) {
	var ran []int64
	inWorld(t, nil, func(w *world) {
		var told []*seriatim.FailureCause
		w.stub.OnBreak(func(cause *seriatim.FailureCause) { told = append(told, cause) })
		futures := append(w.calls(2), w.call(w.t.Context(), 0), w.call(w.t.Context(), 4), w.call(w.t.Context(), 5))
		w.expect(futures, "1", "3", "OBJECT_EXCEPTION NOT_EXECUTED", "OBJECT_EXCEPTION NOT_EXECUTED",
			"OBJECT_EXCEPTION NOT_EXECUTED")
		if fmt.Sprint(ran) != "[1 2]" {
			t.Errorf("%v ran, expected [1 2]", ran)
		}

		// A later call never reaches the wire.
		_, err := w.counter.Get(w.t.Context(), &examplesv1.GetRequest{})
		failure, ok := errors.AsType[*seriatim.CallFailure](err)
		if !ok || failure.Fate != seriatim.FateNotExecuted || failure.Sequence != 0 || failure.FailedSequence != 3 {
			t.Errorf("got %+v", failure)
		}
		if !w.stub.IsBroken() || w.stub.BreakCause() != failure.FailureCause {
			t.Errorf("broken %v by %v, expected %v", w.stub.IsBroken(), w.stub.BreakCause(), failure.FailureCause)
		}
		synctest.Wait() // The first listener is told on another goroutine, after the calls.
		w.stub.OnBreak(func(cause *seriatim.FailureCause) { told = append(told, cause) })
		synctest.Wait()
		if len(told) != 2 || told[0] != failure.FailureCause || told[1] != told[0] {
			t.Errorf("the listeners were told %v", told)
		}
		if err := w.stub.AwaitEnd(w.t.Context()); err != failure.FailureCause {
			t.Errorf("ended with %v", err)
		}

		next := w.newStub()
		defer next.Close()
		value, err := examplesv1.NewCounterClient(next).Increment(w.t.Context(), &examplesv1.IncrementRequest{Amount: 7})
		if err != nil || value.GetValue() != 7 {
			t.Errorf("got %v, %v, expected 7", value, err)
		}
	}, counterScript(&ran))
}

func TestErrorsWorkWithStatusIsAndAs(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		_, err := w.counter.Get(w.t.Context(), &examplesv1.GetRequest{})
		err = fmt.Errorf("wrapped: %w", err)

		if !errors.Is(err, seriatim.ReasonObjectException) || errors.Is(err, seriatim.ReasonObjectReset) {
			t.Errorf("wrong reason in %v", err)
		}
		if !errors.Is(err, w.stub.BreakCause()) {
			t.Errorf("%v is not %v", err, w.stub.BreakCause())
		}
		told, ok := status.FromError(err)
		if !ok || told.Code() != codes.InvalidArgument || len(told.Details()) != 1 {
			t.Fatalf("status %v", told)
		}
		if info, ok := told.Details()[0].(*errdetails.ErrorInfo); !ok || info.GetReason() != "OBJECT_EXCEPTION" {
			t.Errorf("detail %v", told.Details()[0])
		}
		failure, _ := errors.AsType[*seriatim.CallFailure](err)
		if failure.Message != "as told" || failure.Metadata["object.reason"] != "TEAPOT" || !failure.Remote ||
			!failure.Retryable || !failure.Overloaded || failure.Code != codes.InvalidArgument ||
			failure.FailedSequence != 1 || failure.Sequence != 1 {
			t.Errorf("got %+v", failure.FailureCause)
		}
		want := "as told [OBJECT_EXCEPTION, call 1, NOT_EXECUTED]"
		if failure.Error() != want {
			t.Errorf("got %q, expected %q", failure, want)
		}
	}, func(p *play) {
		p.open()
		p.receive()
		told := broken(seriatim.ReasonObjectException, codes.InvalidArgument, 0)
		told.Remote, told.Retryable, told.Overloaded = true, true, true
		p.send(breaks(told))
	})
}

// ---- hosts that do what they must not ------------------------------------------------------------------

const (
	violated  = "HOST_VIOLATION UNKNOWN"
	lost      = "CONNECTION_LOST UNKNOWN"
	completed = "HOST_VIOLATION COMPLETED"
	reset     = "OBJECT_RESET NOT_EXECUTED"
)

// Each of these hosts gets three calls. None may give a wrong result, a hang, a panic or a goroutine that is left.
func TestWrongAnswersFromAHost(t *testing.T) {
	withResult := func(result *seriatimv1.Outcome) *seriatimv1.ConnectResponse {
		return &seriatimv1.ConnectResponse{Outcomes: []*seriatimv1.Outcome{result}}
	}
	unknownFields := func(frame *seriatimv1.ConnectResponse) *seriatimv1.ConnectResponse {
		frame.ProtoReflect().SetUnknown([]byte{0xfa, 0x3f, 0x01, 'x'}) // Field 1023.
		for _, outcome := range frame.GetOutcomes() {
			outcome.ProtoReflect().SetUnknown([]byte{0xfa, 0x3f, 0x01, 'x'})
		}
		return frame
	}
	okBreak := broken(seriatim.ReasonObjectReset, codes.OK, 0)
	oddCode := broken("SOMETHING_NEW", 99, 0)
	noCause := &seriatimv1.Broken{}
	for _, test := range []struct {
		name     string
		frames   []*seriatimv1.ConnectResponse
		end      error
		goesOn   bool // The host doesn't end the call by itself.
		expected []string
	}{
		{name: "outcome skips", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1, 3)},
			expected: []string{"1", violated, violated}},
		{name: "outcome repeats", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1), outcomes(1)},
			expected: []string{"1", violated, violated}},
		{name: "outcomes in reverse", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(3, 2, 1)},
			expected: []string{violated, violated, violated}},
		{name: "outcome zero", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(0)},
			expected: []string{violated, violated, violated}},
		{name: "outcome of the largest number", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1<<64 - 1)},
			expected: []string{violated, violated, violated}},
		{name: "outcome never asked for", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1, 2, 3, 4)},
			expected: []string{"1", "2", "3"}},
		{name: "outcome before opened", frames: []*seriatimv1.ConnectResponse{outcomes(1)},
			expected: []string{violated, violated, violated}},
		{name: "empty frame before opened", frames: []*seriatimv1.ConnectResponse{{}, opened()},
			expected: []string{violated, violated, violated}},
		{name: "opened twice", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1), opened()},
			expected: []string{"1", violated, violated}},
		{name: "opened no id", frames: []*seriatimv1.ConnectResponse{{Opened: &seriatimv1.Opened{Id: "12"}}},
			expected: []string{violated, violated, violated}},
		{name: "opened another name", frames: []*seriatimv1.ConnectResponse{
			{Opened: &seriatimv1.Opened{Id: objectID, Name: new("bar")}}},
			expected: []string{violated, violated, violated}},
		{name: "no form", frames: []*seriatimv1.ConnectResponse{opened(), withResult(&seriatimv1.Outcome{Sequence: 1})},
			expected: []string{completed, violated, violated}},
		{name: "form of JSON", frames: []*seriatimv1.ConnectResponse{opened(),
			withResult(&seriatimv1.Outcome{Sequence: 1, Result: &seriatimv1.Outcome_Json{}})},
			expected: []string{completed, violated, violated}},
		{name: "bytes that don't parse", frames: []*seriatimv1.ConnectResponse{opened(),
			withResult(&seriatimv1.Outcome{Sequence: 1, Result: &seriatimv1.Outcome_Message{Message: []byte{0xff}}})},
			expected: []string{completed, violated, violated}},
		{name: "bytes that don't parse before some that do", frames: []*seriatimv1.ConnectResponse{opened(),
			{Outcomes: []*seriatimv1.Outcome{outcome(1),
				{Sequence: 2, Result: &seriatimv1.Outcome_Message{Message: []byte{0xff}}}, outcome(3)}}},
			expected: []string{"1", completed, violated}},
		{name: "OK while unanswered", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1)},
			expected: []string{"1", lost, lost}},
		{name: "OK and nothing else", expected: []string{lost, lost, lost}},
		{name: "status without broken", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1, 2)},
			end: status.Error(codes.DataLoss, "gone"), expected: []string{"1", "2", lost}},
		{name: "unknown code", frames: []*seriatimv1.ConnectResponse{opened()},
			end: status.Error(77, "gone"), expected: []string{lost, lost, lost}},
		{name: "broken with OK", frames: []*seriatimv1.ConnectResponse{opened(), breaks(okBreak)},
			expected: []string{violated, violated, violated}},
		{name: "broken without a cause", frames: []*seriatimv1.ConnectResponse{opened(), breaks(noCause)},
			expected: []string{violated, violated, violated}},
		{name: "broken with an unknown code", frames: []*seriatimv1.ConnectResponse{opened(), breaks(oddCode)},
			expected: []string{"SOMETHING_NEW NOT_EXECUTED", "SOMETHING_NEW NOT_EXECUTED", "SOMETHING_NEW NOT_EXECUTED"}},
		{name: "broken says more than it sent", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1),
			breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, 2))},
			expected: []string{"1", violated, violated}},
		{name: "broken says less than it sent", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1, 2),
			breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, 1))},
			expected: []string{"1", "2", violated}},
		{name: "broken and outcomes in one frame", frames: []*seriatimv1.ConnectResponse{opened(),
			{Outcomes: outcomes(1, 2).Outcomes, Broken: broken(seriatim.ReasonObjectReset, codes.Aborted, 2)}},
			expected: []string{"1", "2", reset}},
		{name: "broken at once", frames: []*seriatimv1.ConnectResponse{
			breaks(broken(seriatim.ReasonUnknownNamespace, codes.NotFound, 0))},
			expected: []string{"UNKNOWN_NAMESPACE NOT_EXECUTED", "UNKNOWN_NAMESPACE NOT_EXECUTED",
				"UNKNOWN_NAMESPACE NOT_EXECUTED"}},
		{name: "outcomes behind broken", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1),
			breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, 1)), outcomes(2, 3)},
			expected: []string{"1", reset, reset}},
		{name: "no end behind broken", frames: []*seriatimv1.ConnectResponse{opened(),
			breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, 0))}, goesOn: true,
			expected: []string{reset, reset, reset}},
		{name: "frames without end behind broken", frames: []*seriatimv1.ConnectResponse{opened(),
			breaks(broken(seriatim.ReasonObjectReset, codes.Aborted, 0)), {}, {}, outcomes(1)}, goesOn: true,
			expected: []string{reset, reset, reset}},
		{name: "unknown fields", frames: []*seriatimv1.ConnectResponse{unknownFields(opened()),
			unknownFields(outcomes(1, 2)), {}, unknownFields(outcomes(3))}, goesOn: true,
			expected: []string{"1", "2", "3"}},
		{name: "a frame that is too large", frames: []*seriatimv1.ConnectResponse{opened(),
			withResult(&seriatimv1.Outcome{Sequence: 1,
				Result: &seriatimv1.Outcome_Message{Message: make([]byte, 2<<20)}})},
			expected: []string{lost, lost, lost}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, &seriatim.Options{MaxInboundFrameBytes: 1 << 20}, func(w *world) {
				w.expect(w.calls(3), test.expected...)
				w.stub.Close()
				ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute) // Of the bubble.
				defer cancel()
				_ = w.stub.AwaitEnd(ctx)
				if ctx.Err() != nil {
					t.Error("the stub has not ended")
				}
				time.Sleep(time.Minute) // In the bubble: until the client has lost its patience.
			}, func(p *play) {
				p.receiveCalls(3)
				for _, frame := range test.frames {
					p.send(frame)
				}
				if test.goesOn {
					p.untilGone()
				}
				p.end = test.end
			})
		})
	}
}

func TestUnservedServiceNeverExecutes(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.server.Stop()
		w.expect(w.calls(2), "CONNECTION_LOST NOT_EXECUTED", "CONNECTION_LOST NOT_EXECUTED")
		if cause := w.stub.BreakCause(); cause.Code != codes.Unavailable || !cause.Retryable {
			t.Errorf("got %+v", cause)
		}
	}, func(*play) {})
}

func TestLostConnectionTellsEachCallsFate(t *testing.T) {
	inWorld(t, &seriatim.Options{MaxUnansweredFrames: 1, MaxFrameInvocations: 2}, func(w *world) {
		first := w.calls(1)
		synctest.Wait()
		rest := w.calls(4)
		w.expect(first, "1")
		synctest.Wait() // The host has 2 and 3.
		w.server.Stop()
		w.expect(rest, lost, lost, "CONNECTION_LOST NOT_EXECUTED", "CONNECTION_LOST NOT_EXECUTED")
	}, func(p *play) {
		p.open()
		p.receiveCalls(1)
		time.Sleep(time.Second)
		p.send(outcomes(1))
		p.receiveCalls(2)
		p.untilGone()
	})
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

// ---- limits --------------------------------------------------------------------------------------------

func TestFullBufferRefusesAndBreaksNothing(t *testing.T) {
	options := &seriatim.Options{MaxUnansweredFrames: 1, MaxBufferedInvocations: 2}
	inWorld(t, options, func(w *world) {
		first := w.calls(1)
		synctest.Wait()
		futures := w.calls(4)
		w.expect(futures[2:], "BUFFER_FULL NOT_EXECUTED", "BUFFER_FULL NOT_EXECUTED")
		err := errorOf(futures[2])
		failure, _ := errors.AsType[*seriatim.CallFailure](err)
		if !failure.Overloaded || failure.Retryable || failure.Sequence != 0 || status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %+v", failure)
		}
		if w.stub.IsBroken() {
			t.Errorf("broken by %v", w.stub.BreakCause())
		}
		w.expect(first, "1")
		w.expect(futures[:2], "2", "3")
		w.expect(w.calls(1), "4")
	}, func(p *play) {
		p.open()
		p.receiveCalls(1)
		time.Sleep(time.Second)
		p.send(outcomes(1))
		p.receiveCalls(2)
		p.send(outcomes(2, 3))
		p.receiveCalls(1)
		p.send(outcomes(4))
		p.receive()
	})
}

func TestLargeCallsAreRefusedAndBreakNothing(t *testing.T) {
	options := &seriatim.Options{MaxUnansweredFrames: 1, MaxInvocationBytes: 1000, MaxBufferedBytes: 1500}
	inWorld(t, options, func(w *world) {
		journal := examplesv1.NewJournalClient(w.stub)
		line := func(length int) *seriatim.Future[examplesv1.AppendResponse] {
			return seriatim.Call(w.t.Context(), journal.Append, &examplesv1.AppendRequest{Line: strings.Repeat("x", length)})
		}
		first := line(1)
		synctest.Wait()
		second, third := line(800), line(800)
		for _, refused := range []struct {
			err      error
			expected string
		}{
			{errorOf(line(1000)), "CALL_TOO_LARGE NOT_EXECUTED"},
			{errorOf(third), "BUFFER_FULL NOT_EXECUTED"},
		} {
			if word(refused.err) != refused.expected || status.Code(refused.err) != codes.ResourceExhausted {
				t.Errorf("got %v, expected %v", refused.err, refused.expected)
			}
		}
		for _, future := range []*seriatim.Future[examplesv1.AppendResponse]{first, second} {
			if err := errorOf(future); err != nil {
				t.Error(err)
			}
		}
	}, func(p *play) {
		p.open()
		for n := uint64(1); n <= 2; n++ {
			p.receiveCalls(1)
			time.Sleep(time.Second)
			p.send(outcomes(n))
		}
		p.receive()
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, wrong := range []struct {
		options seriatim.Options
		message string
	}{
		{seriatim.Options{MaxFrameBytes: -1}, "MaxFrameBytes -1, expected more than 0"},
		{seriatim.Options{DeadlineGrace: -time.Second}, "DeadlineGrace -1s, expected more than 0"},
		{seriatim.Options{MaxUnansweredFrames: 257}, "MaxUnansweredFrames 257 × MaxFrameInvocations 256, expected at most 65536"},
		{seriatim.Options{MaxFrameBytes: 17 << 20}, "expected at most 67108864"},
		{seriatim.Options{MaxBufferedBytes: 1}, "MaxBufferedBytes 1, expected at least MaxInvocationBytes"},
	} {
		if _, err := seriatim.On(nil, &wrong.options); err == nil || !strings.Contains(err.Error(), wrong.message) {
			t.Errorf("got %v, expected %q", err, wrong.message)
		}
	}
}

// ---- refusals ------------------------------------------------------------------------------------------

func TestWhatIsNotAUnaryCallOfMessagesIsRefused(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		_, err := w.stub.NewStream(w.t.Context(), &grpc.StreamDesc{}, "/a.B/C")
		if word(err) != "CALL_REFUSED NOT_EXECUTED" || status.Code(err) != codes.Unimplemented {
			t.Errorf("got %v", err)
		}
		err = w.stub.Invoke(w.t.Context(), "/a.B/C", "no message", &examplesv1.CounterValue{})
		if word(err) != "CALL_REFUSED NOT_EXECUTED" || status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
		err = w.stub.Invoke(w.t.Context(), "/a.B/C", &examplesv1.GetRequest{}, nil)
		if word(err) != "CALL_REFUSED NOT_EXECUTED" {
			t.Errorf("got %v", err)
		}
		_, err = w.counter.Get(w.t.Context(), &examplesv1.GetRequest{}, grpc.PerRPCCredentials(noCredentials{}))
		if word(err) != "CALL_REFUSED NOT_EXECUTED" || status.Code(err) != codes.Unimplemented {
			t.Errorf("got %v", err)
		}
	}, func(*play) { t.Error("the stub was opened") })
}

type noCredentials struct{}

func (noCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, nil
}

func (noCredentials) RequireTransportSecurity() bool { return false }

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
