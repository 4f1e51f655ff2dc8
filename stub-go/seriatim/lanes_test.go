package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// onShared are the options of a client with one shared call.
func onShared() *seriatim.Options { return &seriatim.Options{SharedCalls: 1} }

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
	inWorld(t, onShared(), func(w *world) {
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

// ---- fall-back -----------------------------------------------------------------------------------------

func TestAHostWithoutSharedCallsGetsACallForEachStub(t *testing.T) {
	inWorld(t, onShared(), func(w *world) {
		w.host.playMany(hasNoMany)
		futures := w.calls(3)
		closed, cancelled := w.newStub(), w.newStub()
		ofClosed, ofCancelled := w.callOn(closed, 7), w.callOn(cancelled, 9)
		closed.Close()
		cancelled.Cancel("no need")
		w.expect(futures, "1", "3", "6")
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{ofClosed}, "7")
		if got := seen(ofCancelled); got != "STUB_CANCELLED NOT_EXECUTED" {
			t.Errorf("the cancelled stub's call saw %s", got)
		}
		w.expectEnd(closed, "")
		w.expect(w.calls(2), "7", "9")

		later := w.newStub()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(later, 5)}, "5")
		later.Close()
		w.expectEnd(later, "")
		w.expectCalls(1)
		if numbered, open := w.objects.Lanes(); numbered != 0 || open != 0 {
			t.Errorf("%d and %d lanes are left", numbered, open)
		}
	}, func(p *play) { counterScript(&[]int64{})(p) })
}

// The host says so when the first message has come, or even begins to answer and gets more: all is given again, in order.
func TestWhatWasSentInVainIsSentAgain(t *testing.T) {
	for _, begins := range []bool{false, true} {
		t.Run(fmt.Sprint("begins to answer: ", begins), func(t *testing.T) { sendInVain(t, begins) })
	}
}

func sendInVain(t *testing.T, begins bool) {
	inWorld(t, &seriatim.Options{SharedCalls: 1, MaxFrameInvocations: 2}, func(w *world) {
		w.host.playMany(func(stream manyStream) error {
			if begins {
				_ = stream.SendHeader(nil)
			}
			if _, err := stream.Recv(); err != nil {
				return err
			}
			time.Sleep(time.Second)
			return hasNoMany(stream)
		})
		futures := w.calls(11) // The window of four frames, and more behind it.
		w.stub.Close()
		w.expect(futures, "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
		w.expectEnd(w.stub, "")
		w.expectCalls(1)
	}, func(p *play) {
		next := uint64(1)
		p.open()
		for frame := p.receive(); frame != nil; frame = p.receive() {
			if (frame.GetOpen() != nil) != (next == 1) {
				t.Errorf("open %v in the frame with call %d", frame.GetOpen(), next)
			}
			for _, invocation := range frame.GetInvocations() {
				if invocation.GetSequence() != next {
					t.Errorf("call %d, expected %d", invocation.GetSequence(), next)
				}
				p.send(outcomes(next))
				next++
			}
		}
	})
}

func TestUnimplementedBehindTheFirstMessageIsALostCall(t *testing.T) {
	inWorld(t, onShared(), func(w *world) {
		w.host.playMany(func(stream manyStream) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			_ = stream.Send(&seriatimv1.ConnectManyResponse{})
			return hasNoMany(stream)
		})
		w.expect(w.calls(1), lost)
	})
}

// ---- neighbours ----------------------------------------------------------------------------------------

func TestAListenerThatBlocksHoldsNoOtherStubUp(t *testing.T) {
	inWorld(t, onShared(), func(w *world) {
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
	inWorld(t, onShared(), func(w *world) {
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
	inWorld(t, onShared(), func(w *world) {
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

// ---- the end of a lane and of the call -----------------------------------------------------------------

func TestACancelledLaneIsToldAndIgnored(t *testing.T) {
	gone := make(chan struct{})
	inWorld(t, onShared(), func(w *world) {
		w.expect(w.calls(1), "1")
		other := w.newStub()
		future := w.callOn(other, 1)
		synctest.Wait()
		other.Cancel("had enough")
		if got := seen(future); got != "STUB_CANCELLED UNKNOWN" {
			t.Errorf("got %s", got)
		}
		<-gone
		w.expect(w.calls(1), "2")
		w.expectCalls(1)
		if numbered, open := w.objects.Lanes(); numbered != 1 || open != 1 {
			t.Errorf("%d and %d lanes, expected 1", numbered, open)
		}
	}, answersAll, func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.untilGone()
		lane := p.stream.(*laneStream)
		_ = lane.call.send(&seriatimv1.LaneResponse{Lane: lane.number, Frame: outcomes(1)})
		close(gone)
	})
}

func TestALostCallTellsEachStubsCallsTheirFate(t *testing.T) {
	options := &seriatim.Options{SharedCalls: 1, MaxUnansweredFrames: 1}
	inWorld(t, options, func(w *world) {
		other := w.newStub()
		w.expect(append(w.calls(1), w.callOn(other, 1)), "1", "1")
		first := append(w.calls(1), w.callOn(other, 1))
		synctest.Wait()
		rest := append(w.calls(1), w.callOn(other, 1))
		w.host.playMany(func(stream manyStream) error { return status.Error(codes.Unavailable, "still gone") })
		w.server.Stop()
		w.expect(append(first, rest...), lost, lost, "CONNECTION_LOST NOT_EXECUTED", "CONNECTION_LOST NOT_EXECUTED")
		if cause := w.stub.BreakCause(); cause.Code != codes.Unavailable || !cause.Retryable {
			t.Errorf("got %+v", cause)
		}
		w.expectEnd(other, seriatim.ReasonConnectionLost)
	}, func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(outcomes(1))
		p.receiveCalls(1)
		p.untilGone()
	})
}

func TestACallThatEndsInOrderUnderItsLanesIsLost(t *testing.T) {
	inWorld(t, onShared(), func(w *world) {
		w.host.playMany(func(stream manyStream) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			return stream.Send(&seriatimv1.ConnectManyResponse{Lanes: []*seriatimv1.LaneResponse{{Lane: 1, Frame: opened()}}})
		})
		w.expect(w.calls(1), lost)
		w.host.playMany(nil)
		next := w.newStub() // On a new call.
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(next, 1)}, "1")
		next.Close()
		w.expectEnd(next, "")
		w.expectCalls(2)
	}, answersAll)
}

func TestPartsOfNoLaneBreakTheContract(t *testing.T) {
	for _, number := range []uint64{0, 2, 1<<64 - 1} {
		t.Run(fmt.Sprint("lane ", number), func(t *testing.T) {
			inWorld(t, onShared(), func(w *world) {
				w.host.playMany(func(stream manyStream) error {
					if _, err := stream.Recv(); err != nil {
						return err
					}
					if err := stream.Send(&seriatimv1.ConnectManyResponse{Lanes: []*seriatimv1.LaneResponse{
						{Lane: 1, Frame: &seriatimv1.ConnectResponse{Opened: opened().Opened, Outcomes: outcomes(1).Outcomes}},
						{Lane: number, Frame: outcomes(1)},
						{Lane: 1, Frame: outcomes(2)},
					}}); err != nil {
						return err
					}
					<-stream.Context().Done()
					return nil
				})
				w.expect(w.calls(1), "1")
				w.expectEnd(w.stub, seriatim.ReasonHostViolation)
			})
		})
	}
}

func TestAHostThatShutsDownIsLeftForANewCall(t *testing.T) {
	drains := func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(breaks(broken(seriatim.ReasonHostDraining, codes.Unavailable, 0)))
	}
	full := func(p *play) {
		p.send(breaks(broken(seriatim.ReasonOverloaded, codes.ResourceExhausted, 0)))
	}
	fullLater := func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(breaks(broken(seriatim.ReasonOverloaded, codes.ResourceExhausted, 0)))
	}
	for _, test := range []struct {
		name  string
		ends  func(*play)
		calls int64
	}{{"drain", drains, 2}, {"no more lanes", full, 2}, {"overloaded later", fullLater, 1}} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, onShared(), func(w *world) {
				w.expect(w.calls(1), "1")
				leaves := w.newStub()
				defer leaves.Close()
				if errorOf(w.callOn(leaves, 1)) == nil {
					t.Error("no failure")
				}
				next := w.newStub()
				w.expect(append(w.calls(1), w.callOn(next, 1)), "2", "1")
				w.expectCalls(test.calls)
				w.stub.Close()
				w.expectEnd(w.stub, "")
				next.Close()
				w.expectEnd(next, "")
			}, answersAll, test.ends, answersAll)
		})
	}
}

func TestASharedCallWithoutStubsIsEnded(t *testing.T) {
	for _, test := range []struct {
		timeout  time.Duration
		expected time.Duration
	}{{0, 10 * time.Second}, {3 * time.Second, 3 * time.Second}, {1, 1}} {
		t.Run(test.expected.String(), func(t *testing.T) {
			var ended atomic.Int64
			options := &seriatim.Options{SharedCalls: 1, SharedCallIdleTimeout: test.timeout}
			inWorld(t, options, func(w *world) {
				w.host.playMany(func(stream manyStream) error {
					err := (&laneCall{host: w.host, stream: stream, lanes: map[uint64]*laneStream{}}).read()
					ended.Store(time.Now().UnixNano())
					return err
				})
				w.expect(w.calls(1), "1")
				w.stub.Close()
				w.expectEnd(w.stub, "")
				synctest.Wait()
				start := time.Now()
				time.Sleep(time.Minute)
				if idle := time.Unix(0, ended.Load()).Sub(start); idle != test.expected {
					t.Errorf("ended after %v, expected %v", idle, test.expected)
				}
				next := w.newStub()
				w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(next, 1)}, "1")
				next.Close()
				w.expectEnd(next, "")
				w.expectCalls(2)
			}, answersAll)
		})
	}
}

func TestAClientThatIsClosedEndsItsSharedCalls(t *testing.T) {
	var ended atomic.Bool
	inWorld(t, onShared(), func(w *world) {
		w.host.playMany(func(stream manyStream) error {
			call := &laneCall{host: w.host, stream: stream, lanes: map[uint64]*laneStream{}}
			err := call.read()
			ended.Store(true)
			return err
		})
		w.expect(w.calls(1), "1")
		w.stub.Close()
		w.expectEnd(w.stub, "")
		w.objects.Close()
		synctest.Wait()
		if !ended.Load() {
			t.Error("the call goes on")
		}
	}, answersAll)
}

// A proxy or a host that gives connections an end lets the streams on it go on for a while, and takes no new ones.
func TestAConnectionThatIsToEndGetsNoMoreStubs(t *testing.T) {
	ages := []grpc.ServerOption{grpc.KeepaliveParams(keepalive.ServerParameters{
		MaxConnectionAge: 5 * time.Second, MaxConnectionAgeGrace: time.Hour})}
	inWorldOf(t, onShared(), ages, func(w *world) {
		w.expect(w.calls(1), "1")
		time.Sleep(8 * time.Second) // In the bubble: until the connection is past its age, give or take a tenth.
		next := w.newStub()
		w.expect(append(w.calls(1), w.callOn(next, 1)), "2", "1")
		w.expectCalls(2)
		next.Close()
		w.expectEnd(next, "")
	}, answersAll)
}

// A host that takes a call and never says a word is not waited for when no one needs it.
func TestAHostThatSaysNothingOnASharedCallIsLeft(t *testing.T) {
	inWorld(t, onShared(), func(w *world) {
		w.host.playMany(func(stream manyStream) error {
			<-stream.Context().Done()
			return nil
		})
		w.expect(w.calls(1), "OPEN_OVERDUE UNKNOWN")
		time.Sleep(time.Minute) // In the bubble.
		w.host.playMany(nil)
		next := w.newStub()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(next, 1)}, "1")
		next.Close()
		w.expectEnd(next, "")
	}, answersAll)
}

func TestASharedCallForWhichThereIsNoStreamSaysSo(t *testing.T) {
	limited := []grpc.ServerOption{grpc.MaxConcurrentStreams(1)}
	inWorldOf(t, &seriatim.Options{SharedCalls: 2}, limited, func(w *world) {
		w.expect(w.calls(1), "1")
		other := w.newStub()
		defer other.Close()
		err := errorOf(w.callOn(other, 1))
		if got := word(err); got != "OPEN_OVERDUE NOT_EXECUTED" || status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v", err)
		}
		expected := "no room for one more shared call within 10s"
		if !strings.Contains(err.Error(), expected) || !strings.Contains(err.Error(), "1 shared calls of this client") {
			t.Errorf("got %v, expected %q in it", err, expected)
		}
		w.expect(w.calls(1), "2")
		// The third stub's place is the first call's, where there is room.
		third := w.newStub()
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(third, 1)}, "1")
		third.Close()
		w.expectEnd(third, "")
	}, answersAll)
}

// What can't be put into a message would end the call under all stubs.
func TestWhatIsNoUTF8NeverReachesACall(t *testing.T) {
	for _, shared := range []int{0, 1} {
		t.Run(fmt.Sprint(shared, " shared calls"), func(t *testing.T) {
			inWorld(t, &seriatim.Options{SharedCalls: shared}, func(w *world) {
				w.expect(w.calls(1), "1")
				other := w.newStub()
				defer other.Close()
				w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.callOn(other, 1)}, "1")
				err := other.Invoke(w.t.Context(), "/a.B/\xff", &examplesv1.GetRequest{}, &examplesv1.CounterValue{})
				if got := word(err); got != "CALL_REFUSED NOT_EXECUTED" || status.Code(err) != codes.InvalidArgument {
					t.Errorf("got %v", err)
				}
				if _, err := w.objects.Namespace("\xff").GetByName("foo"); err == nil {
					t.Error("a namespace that is no UTF-8 is taken")
				}
				w.expect(append(w.calls(1), w.callOn(other, 1)), "2", "2")
			}, answersAll)
		})
	}
}

// ---- many ----------------------------------------------------------------------------------------------

// Not in a bubble, for the heap's sake.
func TestAStubForEachCallLeavesNothingBehind(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	defer server.Stop()
	seriatimv1.RegisterDurableObjectsServer(server, &scriptedHost{t: t, scripts: []func(*play){answersAll}})
	go func() { _ = server.Serve(listener) }()
	objects, err := seriatim.Connect(listener.Addr().String(), insecure.NewCredentials(), onShared())
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	counters := objects.Namespace("COUNTER")
	callEach := func(stubs int) {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for range stubs / 20 {
					stub, err := counters.GetByName("foo")
					if err != nil {
						t.Error(err)
						return
					}
					value, err := examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
					if err != nil || value.GetValue() != 1 {
						t.Errorf("got %v, %v", value, err)
					}
					stub.Close()
					if err := stub.AwaitEnd(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	}
	callEach(2_000)
	before := heap()
	callEach(20_000)
	if numbered, open := objects.Lanes(); numbered != 0 || open != 0 {
		t.Errorf("%d and %d lanes are left", numbered, open)
	}
	if after := heap(); after > before+20_000*50 {
		t.Errorf("%d bytes of heap, and %d after 20,000 stubs", before, after)
	}
}

func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestNegativeSharedCallsAreAnError(t *testing.T) {
	for _, wrong := range []struct {
		options seriatim.Options
		message string
	}{
		{seriatim.Options{SharedCalls: -1}, "SharedCalls -1, expected 0 for a call for each stub, or more"},
		{seriatim.Options{SharedCallIdleTimeout: -1}, "SharedCallIdleTimeout -1ns, expected more than 0"},
	} {
		if _, err := seriatim.On(nil, &wrong.options); err == nil || !strings.Contains(err.Error(), wrong.message) {
			t.Errorf("got %v, expected %q", err, wrong.message)
		}
	}
}

// Stubs of hosts that are right, wrong at random, and of callers that leave, all on one call: the good ones notice nothing,
// and nothing is left.
func TestStubsComeAndGoAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			options := onShared()
			options.MaxUnansweredFrames = 1 + int(seed%4)
			inWorld(t, options, func(w *world) {
				var group sync.WaitGroup
				for g := range uint64(16) {
					group.Go(func() { w.comeAndGo(rand.New(rand.NewPCG(seed, g)), g%2 == 0) })
				}
				group.Wait()
				time.Sleep(time.Minute) // In the bubble: until the client has lost its patience with all that is wrong.
				if numbered, open := w.objects.Lanes(); numbered != 0 || open != 0 {
					t.Errorf("%d and %d lanes are left", numbered, open)
				}
				w.expectCalls(1)
			}, func(p *play) { playByName(p, seed) })
		})
	}
}

// playByName answers well, if the stub's name says so, and wrongly at random otherwise.
func playByName(p *play, seed uint64) {
	frame := p.receive()
	if frame == nil {
		return
	}
	p.stream.(*laneStream).unreceive(frame)
	if frame.GetOpen().GetName() == "good" {
		answersAll(p)
	} else {
		misbehave(p, rand.New(rand.NewPCG(seed, p.stream.(*laneStream).number)))
	}
}

func (w *world) comeAndGo(random *rand.Rand, good bool) {
	name := "bad"
	if good {
		name = "good"
	}
	for range 8 {
		stub, err := w.objects.Namespace("COUNTER").GetByName(name)
		if err != nil {
			w.t.Error(err)
			return
		}
		leaves := !good && random.IntN(3) == 0
		ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second) // Of the bubble.
		counter := w.counterOn(stub)
		var futures []*seriatim.Future[examplesv1.CounterValue]
		for range 1 + random.IntN(12) {
			futures = append(futures, seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: 1}))
			if random.IntN(4) == 0 {
				time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
			}
		}
		if leaves {
			stub.Cancel("leaves")
		} else if random.IntN(2) == 0 {
			stub.Close()
		}
		checkPrefix(w.t, futures)
		for i, future := range futures {
			if err := errorOf(future); good && err != nil {
				w.t.Errorf("call %d of a good stub: %v", i+1, err)
			}
		}
		stub.Close()
		if err := stub.AwaitEnd(ctx); good && err != nil {
			w.t.Errorf("a good stub ended with %v", err)
		}
		cancel()
	}
}
