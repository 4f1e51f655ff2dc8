package seriatim_test

import (
	"fmt"
	"testing"
	"time"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// ---- fall-back -----------------------------------------------------------------------------------------

func TestAHostWithoutSharedCallsGetsACallForEachStub(t *testing.T) {
	inWorld(t, onShared(t), func(w *world) {
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
	inWorld(t, onShared(t), func(w *world) {
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
