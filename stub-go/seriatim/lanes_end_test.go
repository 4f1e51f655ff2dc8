package seriatim_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// ---- the end of a lane and of the call -----------------------------------------------------------------

func TestACancelledLaneIsToldAndIgnored(t *testing.T) {
	gone := make(chan struct{})
	inWorld(t, onShared(t), func(w *world) {
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
	inWorld(t, onShared(t), func(w *world) {
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
			inWorld(t, onShared(t), func(w *world) {
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
	expires := func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(breaks(broken(seriatim.ReasonCredentialsExpired, codes.Unauthenticated, 0)))
	}
	unknown := func(p *play) {
		p.send(breaks(broken(seriatim.ReasonUnauthenticated, codes.Unauthenticated, 0)))
	}
	denied := func(p *play) {
		p.send(breaks(broken(seriatim.ReasonPermissionDenied, codes.PermissionDenied, 0)))
	}
	for _, test := range []struct {
		name  string
		ends  func(*play)
		calls int64
	}{
		{"drain", drains, 2}, {"no more lanes", full, 2}, {"overloaded later", fullLater, 1},
		{"credentials expired", expires, 2}, {"unknown caller", unknown, 2}, {"not permitted", denied, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, onShared(t), func(w *world) {
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
	inWorld(t, onShared(t), func(w *world) {
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
	inWorldOf(t, onShared(t), ages, func(w *world) {
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
	inWorld(t, onShared(t), func(w *world) {
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
