package seriatim_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// expectText holds what people read of a failure: as an error, as a status, and of the cause alone.
func expectText(t *testing.T, err error, expected, message string) {
	t.Helper()
	var failure *seriatim.CallFailure
	ok := errors.As(err, &failure)
	if !ok {
		t.Errorf("got %v, expected a CallFailure", err)
		return
	}
	if err.Error() != expected || status.Convert(err).Message() != expected {
		t.Errorf("got %q, and the status %q, expected %q", err, status.Convert(err).Message(), expected)
	}
	if failure.FailureCause.Message != message {
		t.Errorf("the cause says %q, expected %q", failure.FailureCause.Message, message)
	}
}

func TestAFailureSaysWhyAndWhichCallAndWhatBecameOfIt(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		calls := w.calls(3)
		expectText(t, errorOf(calls[1]), "as told [OBJECT_EXCEPTION, call 2, NOT_EXECUTED]", "as told")
		expectText(t, errorOf(calls[2]), "as told [OBJECT_EXCEPTION, call 3 behind 2, NOT_EXECUTED]", "as told")
		expectText(t, errorOf(w.calls(1)[0]), "as told [OBJECT_EXCEPTION, NOT_EXECUTED]", "as told")
		if text := w.stub.BreakCause().Error(); text != "as told [OBJECT_EXCEPTION]" {
			t.Errorf("the cause is %q", text)
		}
	}, func(p *play) {
		p.open()
		p.receiveCalls(3)
		p.send(outcomes(1))
		p.send(breaks(broken(seriatim.ReasonObjectException, codes.InvalidArgument, 1)))
	})
}

func TestAFailureWithoutReasonMessageOrOneToBlame(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		expectText(t, errorOf(w.calls(1)[0]), "no message [no reason, call 1, NOT_EXECUTED]", "")
	}, func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(breaks(&seriatimv1.Broken{Cause: &spb.Status{Code: int32(codes.Aborted)}}))
	})
	inWorld(t, nil, func(w *world) {
		expectText(t, errorOf(w.calls(2)[1]), "no message [CONNECTION_LOST, call 2, UNKNOWN]", "")
	}, func(p *play) {
		p.receiveCalls(2)
		p.end = status.Error(codes.DataLoss, "")
	})
	inWorld(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		const gone = "the caller's context was cancelled"
		expectText(t, errorOf(w.call(ctx, 1)), gone+" [CALL_CANCELLED, NOT_EXECUTED]", gone)
		w.stub.Close()
		expectText(t, errorOf(w.calls(1)[0]), "the stub is closed [STUB_CLOSED, NOT_EXECUTED]", "the stub is closed")
	}, func(*play) {})
}

// What the system knows of a connection that can't be made is told, down to the root.
func TestAConnectionThatIsRefusedSaysSo(t *testing.T) {
	target, _ := heldPort(t)
	objects, err := seriatim.Connect(target, insecure.NewCredentials(), asCarried(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	stub, err := objects.Namespace("COUNTER").GetByName("foo")
	if err != nil {
		t.Fatal(err)
	}
	_, err = examplesv1.NewCounterClient(stub).Get(t.Context(), &examplesv1.GetRequest{}, grpc.EmptyCallOption{})
	for _, expected := range []string{target, "connection refused", "[CONNECTION_LOST, call 1, NOT_EXECUTED]"} {
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("got %v, expected %q in it", err, expected)
		}
	}
}
