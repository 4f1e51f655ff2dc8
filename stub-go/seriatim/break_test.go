package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

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
		var failure *seriatim.CallFailure
		ok := errors.As(err, &failure)
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
		var failure *seriatim.CallFailure
		_ = errors.As(err, &failure)
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
	unreadable := outcomes(2)
	unreadable.ProtoReflect().SetUnknown([]byte{0xff, 0xff, 0xff})
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
			{Opened: &seriatimv1.Opened{Id: objectID, Name: proto.String("bar")}}},
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
		{name: "a frame that can't be read", frames: []*seriatimv1.ConnectResponse{opened(), outcomes(1), unreadable},
			goesOn: true, expected: []string{"1", violated, violated}},
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
