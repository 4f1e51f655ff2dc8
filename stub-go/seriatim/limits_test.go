package seriatim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// ---- limits --------------------------------------------------------------------------------------------

func TestFullBufferRefusesAndBreaksNothing(t *testing.T) {
	options := &seriatim.Options{MaxUnansweredFrames: 1, MaxBufferedInvocations: 2}
	inWorld(t, options, func(w *world) {
		first := w.calls(1)
		synctest.Wait()
		futures := w.calls(4)
		w.expect(futures[2:], "BUFFER_FULL NOT_EXECUTED", "BUFFER_FULL NOT_EXECUTED")
		err := errorOf(futures[2])
		var failure *seriatim.CallFailure
		_ = errors.As(err, &failure)
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
