package seriatim_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

func TestAStubForWhichThereIsNoStreamSaysWhichLimitItMet(t *testing.T) {
	if seriatim.OnLanes() {
		t.Skip("has a stream for each stub")
	}
	limited := []grpc.ServerOption{grpc.MaxConcurrentStreams(2)}
	inWorldOf(t, nil, limited, func(w *world) {
		w.expect(w.calls(1), "1")
		second := w.newStub()
		defer second.Close()
		if _, err := w.counterOn(second).Get(w.t.Context(), &examplesv1.GetRequest{}); err != nil {
			t.Error(err)
		}

		start := time.Now()
		third := w.newStub()
		_, err := w.counterOn(third).Get(w.t.Context(), &examplesv1.GetRequest{})
		if got := word(err); got != "OPEN_OVERDUE NOT_EXECUTED" || status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v", err)
		}
		for _, expected := range []string{"within 10s", "MAX_CONCURRENT_STREAMS", "2 stubs of this client are open"} {
			if !strings.Contains(err.Error(), expected) {
				t.Errorf("got %v, expected %q in it", err, expected)
			}
		}
		if cause := third.BreakCause(); cause == nil || cause.Retryable || !cause.Overloaded {
			t.Errorf("got %+v", cause)
		}
		if passed := time.Since(start); passed != 10*time.Second {
			t.Errorf("after %v, expected 10s", passed)
		}

		// Once one of them has ended, there is room again.
		fourth := w.newStub()
		defer fourth.Close()
		waiting := seriatim.Call(w.t.Context(), w.counterOn(fourth).Get, &examplesv1.GetRequest{})
		synctest.Wait()
		second.Close()
		if _, err := waiting.Get(); err != nil {
			t.Error(err)
		}
	}, answersOne)
}

func TestAHostThatDoesNotOpenAStubIsLeft(t *testing.T) {
	inWorld(t, &seriatim.Options{OpenTimeout: 3 * time.Second, MaxUnansweredFrames: 1}, func(w *world) {
		start := time.Now()
		first := w.calls(1)
		synctest.Wait()
		w.expect(append(first, w.calls(1)...), "OPEN_OVERDUE UNKNOWN", "OPEN_OVERDUE NOT_EXECUTED")
		if passed := time.Since(start); passed != 3*time.Second {
			t.Errorf("after %v, expected 3s", passed)
		}
	}, func(p *play) { p.untilGone() })
}

func TestAHostThatCanNotBeReachedIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, err := grpc.NewClient("passthrough:///host",
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				<-ctx.Done() // As if every packet was lost.
				return nil, ctx.Err()
			}))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		objects, err := seriatim.On(conn, asCarried(nil))
		if err != nil {
			t.Fatal(err)
		}
		stub, err := objects.Namespace("COUNTER").GetByName("foo")
		if err != nil {
			t.Fatal(err)
		}
		_, err = examplesv1.NewCounterClient(stub).Get(t.Context(), &examplesv1.GetRequest{})
		if word(err) != "OPEN_OVERDUE NOT_EXECUTED" || status.Code(err) != codes.Unavailable ||
			!strings.Contains(err.Error(), "there was no connection to the host within 10s") {
			t.Errorf("got %v", err)
		}
	})
}
