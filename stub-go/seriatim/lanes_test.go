package seriatim_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// onShared are the options of a client with one shared call, of a test that is always about these.
func onShared(t *testing.T) *seriatim.Options {
	t.Helper()
	seriatim.SameOnLanes(t)
	return &seriatim.Options{SharedCalls: 1}
}

func (w *world) callOn(stub *seriatim.Stub, amount int64) *seriatim.Future[examplesv1.CounterValue] {
	return seriatim.Call(w.t.Context(), w.counterOn(stub).Increment, &examplesv1.IncrementRequest{Amount: amount})
}

func (w *world) expectEnd(stub *seriatim.Stub, reason seriatim.Reason) {
	w.t.Helper()
	err := stub.AwaitEnd(w.t.Context())
	if reason == "" && err != nil || reason != "" && !errors.Is(err, reason) {
		w.t.Errorf("ended with %v, expected %q", err, reason)
	}
}

func (w *world) expectCalls(manys int64) {
	w.t.Helper()
	if got := w.host.manys.Load(); got != manys {
		w.t.Errorf("%d shared calls, expected %d", got, manys)
	}
}

// answersAll opens the stub and answers whatever comes.
func answersAll(p *play) {
	p.open()
	for frame := p.receive(); frame != nil; frame = p.receive() {
		for _, invocation := range frame.GetInvocations() {
			p.send(outcomes(invocation.GetSequence()))
		}
	}
}

func TestManyStubsAreCarriedByAsManyCallsAsTheOptionSays(t *testing.T) {
	inWorld(t, &seriatim.Options{SharedCalls: 3}, func(w *world) {
		stubs := make([]*seriatim.Stub, 30)
		for i := range stubs {
			stubs[i] = w.newStub()
			w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(stubs[i], 1), w.callOn(stubs[i], 1)}, "1", "2")
		}
		w.expectCalls(3)
		if numbered, open := w.objects.Lanes(); numbered != 30 || open != 30 {
			t.Errorf("%d and %d lanes, expected 30", numbered, open)
		}
		for _, stub := range stubs {
			stub.Close()
			w.expectEnd(stub, "")
		}
		if numbered, open := w.objects.Lanes(); numbered != 0 || open != 0 {
			t.Errorf("%d and %d lanes are left", numbered, open)
		}
	}, answersAll)
}

// A message from the client opens, calls and half-closes; one back answers and ends.
func TestAStubForOneCallTakesOneMessageEachWay(t *testing.T) {
	var seenParts []string
	inWorld(t, onShared(t), func(w *world) {
		w.host.playMany(func(stream manyStream) error {
			message, err := stream.Recv()
			if err != nil {
				return err
			}
			for _, part := range message.GetLanes() {
				seenParts = append(seenParts, fmt.Sprintf("%d: open %v, %d calls, half-close %v", part.GetLane(),
					part.GetFrame().GetOpen() != nil, len(part.GetFrame().GetInvocations()), part.GetHalfClose()))
			}
			frame := opened()
			frame.Outcomes = outcomes(1).Outcomes
			if err := stream.Send(&seriatimv1.ConnectManyResponse{
				Lanes: []*seriatimv1.LaneResponse{{Lane: 1, Frame: frame, End: &spb.Status{}}}}); err != nil {
				return err
			}
			if message, err = stream.Recv(); err != io.EOF {
				t.Errorf("then came %v, %v", message, err)
			}
			return nil
		})
		future := w.calls(1)
		w.stub.Close() // Before the writer, which waits for the connection.
		w.expect(future, "1")
		w.expectEnd(w.stub, "")
		time.Sleep(time.Minute) // Of the bubble: until the idle call is ended.
	})
	if got := strings.Join(seenParts, "; "); got != "1: open true, 1 calls, half-close false; 1: open false, 0 calls, half-close true" {
		t.Errorf("got %s", got)
	}
}

// ---- neighbours ----------------------------------------------------------------------------------------

func TestAListenerThatBlocksHoldsNoOtherStubUp(t *testing.T) {
	inWorld(t, onShared(t), func(w *world) {
		release := make(chan struct{})
		bad := w.newStub()
		bad.OnBreak(func(*seriatim.FailureCause) { <-release })
		if got := seen(w.callOn(bad, 0)); got != "OBJECT_EXCEPTION NOT_EXECUTED" {
			t.Errorf("got %s", got)
		}
		for range 100 {
			stub := w.newStub()
			w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(stub, 3)}, "3")
			stub.Close()
			w.expectEnd(stub, "")
		}
		close(release)
		w.expectEnd(bad, seriatim.ReasonObjectException)
		w.expectCalls(1)
	}, func(p *play) { counterScript(&[]int64{})(p) })
}

// The host has credit for a quarter of a MiB at first; what it sends is taken in at once, so that more comes.
func TestCreditIsGivenForWhatWasTakenIn(t *testing.T) {
	inWorld(t, onShared(t), func(w *world) {
		large := w.newStub()
		journal := examplesv1.NewJournalClient(large)
		var futures []*seriatim.Future[examplesv1.ReadResponse]
		for range 64 {
			futures = append(futures, seriatim.Call(w.t.Context(), journal.Read, &examplesv1.ReadRequest{}))
		}
		for i, future := range futures {
			if page, err := future.Get(); err != nil || len(page.GetLines()[0]) != 60_000 {
				t.Fatalf("call %d: %v", i+1, err)
			}
		}
		large.Close()
		w.expectEnd(large, "")
	}, func(p *play) {
		p.open()
		page := &seriatimv1.Outcome_Message{
			Message: marshal(&examplesv1.ReadResponse{Lines: []string{strings.Repeat("x", 60_000)}})}
		for frame := p.receive(); frame != nil; frame = p.receive() {
			for _, invocation := range frame.GetInvocations() {
				p.send(&seriatimv1.ConnectResponse{
					Outcomes: []*seriatimv1.Outcome{{Sequence: invocation.GetSequence(), Result: page}}})
			}
		}
	})
}

func TestAFrameThatIsTooLargeBreaksItsStubAlone(t *testing.T) {
	inWorld(t, &seriatim.Options{SharedCalls: 1, MaxInboundFrameBytes: 1 << 20}, func(w *world) {
		w.expect(w.calls(1), "1")
		other := w.newStub()
		defer other.Close() // Until then it isn't dropped.
		future := w.callOn(other, 1)
		err := errorOf(future)
		if word(err) != lost || status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v", err)
		}
		w.expect(w.calls(1), "2")
		w.expectCalls(1)
	}, answersAll, func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(&seriatimv1.ConnectResponse{Outcomes: []*seriatimv1.Outcome{{Sequence: 1,
			Result: &seriatimv1.Outcome_Message{Message: make([]byte, 2<<20)}}}})
		p.untilGone()
	})
}

func TestLargeFramesOfOneLaneLeaveRoomForOthers(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	inWorld(t, onShared(t), func(w *world) {
		w.expect(w.calls(1), "1")
		other := w.newStub()
		large := examplesv1.NewJournalClient(other)
		line := strings.Repeat("x", 3<<20)
		first := seriatim.Call(w.t.Context(), large.Append, &examplesv1.AppendRequest{Line: line})
		second := seriatim.Call(w.t.Context(), large.Append, &examplesv1.AppendRequest{Line: line})
		w.expect(w.calls(3), "2", "3", "4")
		for _, future := range []*seriatim.Future[examplesv1.AppendResponse]{first, second} {
			if _, err := future.Get(); err != nil {
				t.Error(err)
			}
		}
		other.Close()
		w.expectEnd(other, "")
	}, func(p *play) {
		p.open()
		for frame := p.receive(); frame != nil; frame = p.receive() {
			mu.Lock()
			sizes = append(sizes, len(frame.GetInvocations()))
			mu.Unlock()
			for _, invocation := range frame.GetInvocations() {
				p.send(outcomes(invocation.GetSequence()))
			}
		}
	})
}
