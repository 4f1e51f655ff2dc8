package seriatim_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// Resumable stubs against a scripted host, which plays a script for each connection.

const retention = 10 * time.Minute

// resumable has the world's calls made on a resumable stub.
func (w *world) resumable() {
	w.t.Helper()
	stub, err := w.objects.Namespace("COUNTER").Resumable().GetByName("foo")
	if err != nil {
		w.t.Fatal(err)
	}
	w.stub = stub
	w.counter = examplesv1.NewCounterClient(stub)
	stub.OnBreak(func(cause *seriatim.FailureCause) { w.told = append(w.told, cause) })
}

func openedThrough(through uint64) *seriatimv1.ConnectResponse {
	frame := opened()
	frame.Opened.Session = &seriatimv1.OpenedSession{CompletedThrough: through, Retention: durationpb.New(retention)}
	return frame
}

func (p *play) openThrough(through uint64) { p.send(openedThrough(through)) }

// cut ends a script, and the call, without a word about why.
func (p *play) cut() {
	p.end = status.Error(codes.Unavailable, "cut")
	panic(errCut)
}

func (p *play) refuse(reason seriatim.Reason, code codes.Code, retryable bool) {
	told := broken(reason, code, 0)
	told.FailedSequence, told.Retryable = 0, retryable
	p.send(breaks(told))
	p.end = status.Error(code, "as told")
	panic(errCut)
}

func (p *play) breakRetryably(completedThrough uint64) {
	told := broken(seriatim.ReasonObjectReset, codes.Aborted, completedThrough)
	told.FailedSequence, told.Retryable = 0, true
	p.send(breaks(told))
	p.end = status.Error(codes.Aborted, "as told")
	panic(errCut)
}

// reopen receives the open of a connection and gives its session; nothing else may come with it.
func (p *play) reopen(connection uint32, answered uint64) *seriatimv1.Session {
	frame := p.receive()
	session := frame.GetOpen().GetSession()
	if session.GetConnection() != connection || session.GetAnsweredThrough() != answered || len(session.GetId()) != 16 {
		p.host.t.Errorf("opened with %v, expected connection %d, answered through %d", session, connection, answered)
	}
	if len(frame.GetInvocations()) > 0 {
		p.host.t.Errorf("connection %d began with %d calls before it was opened", connection, len(frame.GetInvocations()))
	}
	return session
}

// receiveEnd receives the half-close, behind nothing but acknowledgements; the last of outcome last.
func (p *play) receiveEnd(last uint64) {
	acknowledged := uint64(0)
	for frame := p.receive(); frame != nil; frame = p.receive() {
		if len(frame.GetInvocations()) > 0 || frame.GetAcknowledgedThrough() < acknowledged {
			p.host.t.Errorf("%v, expected the half-close, or a later acknowledgement", frame)
		}
		acknowledged = frame.GetAcknowledgedThrough()
	}
	if acknowledged != last {
		p.host.t.Errorf("half-closed when %d was acknowledged, expected %d", acknowledged, last)
	}
}

func sequences(calls []*seriatimv1.Invocation) string {
	var all []uint64
	for _, call := range calls {
		all = append(all, call.GetSequence())
	}
	return fmt.Sprint(all)
}

// receiveThese receives these calls and no others.
func (p *play) receiveThese(expected ...uint64) []*seriatimv1.Invocation {
	calls := p.receiveCalls(len(expected))
	if got := sequences(calls); got != fmt.Sprint(expected) {
		p.host.t.Errorf("calls %v came, expected %v", got, expected)
	}
	return calls
}

// expectUntold closes the stub, and expects that its listener has heard nothing.
func (w *world) expectUntold() {
	w.t.Helper()
	w.stub.Close()
	if err := w.stub.AwaitEnd(w.t.Context()); err != nil || len(w.told) > 0 {
		w.t.Errorf("ended with %v, and the listener was told %v", err, w.told)
	}
}

func (w *world) expectBroken(reason seriatim.Reason) {
	w.t.Helper()
	_ = w.stub.AwaitEnd(w.t.Context())
	if len(w.told) != 1 || w.told[0].Reason != reason {
		w.t.Errorf("the listener was told %v, expected %v", w.told, reason)
	}
}

func TestAResumableStubGoesOnBehindACut(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(4), "1", "2", "3", "4")
		if !w.stub.IsResumable() {
			w.t.Error("the stub isn't resumable, and its host said so")
		}
		w.expectUntold()
	}, func(p *play) {
		session := p.receive().GetOpen().GetSession()
		if session.GetConnection() != 1 || session.GetUnansweredFor() != nil || len(session.GetId()) != 16 {
			p.host.t.Errorf("opened with %v", session)
		}
		p.openThrough(0)
		time.Sleep(time.Second) // The other calls leave.
		p.send(outcomes(1))
		time.Sleep(time.Second)
		p.cut()
	}, func(p *play) {
		if age := p.reopen(2, 1).GetUnansweredFor().AsDuration(); age != 2*time.Second && age != time.Second {
			p.host.t.Errorf("the oldest call was sent %v ago", age)
		}
		time.Sleep(time.Second)
		p.openThrough(2)
		p.send(outcomes(2))
		p.receiveThese(3, 4)
		p.send(outcomes(3, 4))
		p.receiveEnd(4)
	})
}

func TestAResumableStubAtAHostWithoutThemIsAnOrdinaryOne(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(2), "1", "CONNECTION_LOST UNKNOWN")
		if w.stub.IsResumable() {
			w.t.Error("the stub says that it is resumable")
		}
		w.expectBroken(seriatim.ReasonConnectionLost)
		if n := w.host.connects.Load(); n != 1 {
			w.t.Errorf("%d connections, expected 1", n)
		}
	}, func(p *play) {
		p.open()
		p.receiveCalls(2)
		p.send(outcomes(1))
		p.cut()
	})
}

func TestAnOrdinaryStubHalfClosesWithCallsUnanswered(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		calls := w.calls(2)
		w.stub.Close()
		w.expect(calls, "1", "2")
		w.expectUntold()
	}, func(p *play) {
		p.receiveCalls(2)
		p.open()
		if frame := p.receive(); frame != nil {
			p.host.t.Errorf("%v, expected the half-close", frame)
		}
		p.send(outcomes(1, 2))
	})
}

func TestASecondHostWithoutResumableStubsLeavesCallsUnknown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		calls := w.calls(2)
		time.Sleep(time.Second)
		calls = append(calls, w.call(w.t.Context(), 3))
		w.expect(calls, "1", "CONNECTION_LOST UNKNOWN", "CONNECTION_LOST NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonConnectionLost)
	}, func(p *play) {
		p.receiveCalls(2)
		p.openThrough(0)
		p.send(outcomes(1))
		p.cut()
	}, func(p *play) {
		p.reopen(2, 1)
		time.Sleep(2 * time.Second)
		p.open()
		if p.receive(); p.stream.Context().Err() == nil {
			p.host.t.Error("the connection was not cancelled")
		}
	})
}

func TestARetryableBreakIsResumed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(3), "1", "2", "3")
		w.expectUntold()
	}, func(p *play) {
		p.openThrough(0)
		p.receiveThese(1, 2, 3)
		p.send(outcomes(1))
		p.breakRetryably(1)
	}, func(p *play) {
		if session := p.reopen(2, 1); session.GetUnansweredFor() == nil {
			p.host.t.Errorf("%v, and two calls are unanswered", session)
		}
		p.openThrough(1)
		p.receiveThese(2, 3)
		p.send(outcomes(2, 3))
		p.receiveEnd(3)
	})
}

func TestAFinalBreakOfALaterConnectionIsFinal(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(3), "1", "OBJECT_EXCEPTION NOT_EXECUTED", "OBJECT_EXCEPTION NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonObjectException)
	}, func(p *play) {
		p.openThrough(0)
		p.receiveCalls(3)
		p.cut()
	}, func(p *play) {
		p.reopen(2, 0)
		p.openThrough(1)
		p.send(outcomes(1))
		told := broken(seriatim.ReasonObjectException, codes.InvalidArgument, 1)
		p.send(breaks(told))
		p.end = status.Error(codes.InvalidArgument, "as told")
	})
}

func TestNumbersRiseAlsoWithConnectionsThatFail(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(2), "1", "2")
		w.expectUntold()
	}, func(p *play) {
		p.receiveCalls(2)
		p.cut()
	}, func(p *play) {
		p.cut()
	}, func(p *play) {
		p.reopen(3, 0)
		p.refuse(seriatim.ReasonHostDraining, codes.Unavailable, true)
	}, func(p *play) {
		p.reopen(4, 0)
		p.refuse(seriatim.ReasonSessionSuperseded, codes.Aborted, false)
	}, func(p *play) {
		if p.reopen(5, 0).GetUnansweredFor() == nil {
			p.host.t.Error("nothing is said of the calls that are on their way")
		}
		p.openThrough(0)
		p.receiveThese(1, 2)
		p.send(outcomes(1, 2))
		p.receiveEnd(2)
	})
}

func TestAnExpiredSessionLeavesCallsUnknown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		calls := w.calls(2)
		time.Sleep(time.Second)
		calls = append(calls, w.call(w.t.Context(), 3))
		w.expect(calls, "1", "SESSION_EXPIRED UNKNOWN", "SESSION_EXPIRED NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonSessionExpired)
	}, func(p *play) {
		p.openThrough(0)
		p.receiveCalls(2)
		p.send(outcomes(1))
		p.cut()
	}, func(p *play) {
		p.reopen(2, 1)
		time.Sleep(2 * time.Second)
		p.refuse(seriatim.ReasonSessionExpired, codes.FailedPrecondition, false)
	})
}

func TestTheFirstConnectionRefusedLeavesNothingUnknown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(2), "UNKNOWN_NAMESPACE NOT_EXECUTED", "UNKNOWN_NAMESPACE NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonUnknownNamespace)
	}, func(p *play) {
		p.receiveCalls(2)
		p.refuse(seriatim.ReasonUnknownNamespace, codes.NotFound, false)
	})
}

func TestWhereAHostCannotStand(t *testing.T) {
	for name, through := range map[string]uint64{"below what was answered": 0, "above what was sent": 4} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.resumable()
				w.expect(w.calls(3), "1", "HOST_VIOLATION UNKNOWN", "HOST_VIOLATION UNKNOWN")
				w.expectBroken(seriatim.ReasonHostViolation)
			}, func(p *play) {
				p.openThrough(0)
				p.receiveCalls(3)
				p.send(outcomes(1))
				p.cut()
			}, func(p *play) {
				p.reopen(2, 1)
				p.openThrough(through)
				p.untilGone()
			})
		})
	}
}

func TestAStubThatIsNotResumedInTimeIsGivenUp(t *testing.T) {
	inWorld(t, &seriatim.Options{ResumeTimeout: 7 * time.Second}, func(w *world) {
		w.resumable()
		began := time.Now()
		calls := w.calls(2)
		time.Sleep(time.Second)
		calls = append(calls, w.call(w.t.Context(), 3))
		w.expect(calls, "1", "CONNECTION_LOST UNKNOWN", "CONNECTION_LOST NOT_EXECUTED")
		if took := time.Since(began); took != 7*time.Second {
			w.t.Errorf("given up after %v", took)
		}
		w.expectBroken(seriatim.ReasonConnectionLost)
		if message := w.told[0].Message; !strings.Contains(message, "cut") || !strings.Contains(message, "not resumed within 7s") {
			w.t.Errorf("given up since %q", message)
		}
		if n := w.host.connects.Load(); n < 5 {
			w.t.Errorf("%d connections, expected more", n)
		}
	}, func(p *play) {
		p.openThrough(0)
		p.receiveCalls(2)
		p.send(outcomes(1))
		p.cut()
	}, func(p *play) { p.cut() })
}

func TestAStubIsNotResumedWhenTheHostMayHaveForgotten(t *testing.T) {
	inWorld(t, &seriatim.Options{ResumeTimeout: time.Hour}, func(w *world) {
		w.resumable()
		began := time.Now()
		w.expect(w.calls(1), "CONNECTION_LOST UNKNOWN")
		if took := time.Since(began); took != retention/2 {
			w.t.Errorf("given up after %v", took)
		}
	}, func(p *play) {
		p.receiveCalls(1)
		p.openThrough(0)
		time.Sleep(time.Minute)
		p.cut()
	}, func(p *play) { p.cut() })
}

func TestResumesWithoutProgressComeToAnEnd(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(2), "1", "OBJECT_RESET NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonObjectReset)
		if n := w.host.connects.Load(); n != 11 {
			w.t.Errorf("%d connections, expected 11", n)
		}
	}, func(p *play) {
		p.openThrough(0)
		p.receiveThese(1, 2)
		p.send(outcomes(1))
		p.breakRetryably(1)
	}, func(p *play) {
		p.receive()
		p.openThrough(1)
		p.receiveThese(2)
		p.breakRetryably(1)
	})
}

func TestWhatARetryableBreakSaidHadNoEffectIsNotUnknownLater(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(2), "1", "OBJECT_RESET NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonObjectReset)
	}, func(p *play) {
		p.openThrough(0)
		p.receiveThese(1, 2)
		p.send(outcomes(1))
		p.breakRetryably(1)
	}, func(p *play) { p.cut() })
}

func TestAnOutcomeIsProgress(t *testing.T) {
	lose := func(p *play) {
		frame := p.receive()
		p.openThrough(frame.GetOpen().GetSession().GetAnsweredThrough())
		if len(frame.GetInvocations()) == 0 {
			p.receive()
		}
		p.cut()
	}
	inWorld(t, &seriatim.Options{MaxResumesWithoutProgress: 2}, func(w *world) {
		w.resumable()
		w.expect(w.calls(2), "1", "CONNECTION_LOST UNKNOWN")
		w.expectBroken(seriatim.ReasonConnectionLost)
		if message := w.told[0].Message; !strings.Contains(message, "resumed 2 times without") {
			w.t.Errorf("given up since %q", message)
		}
	}, lose, lose, func(p *play) {
		p.reopen(3, 0)
		p.openThrough(0)
		p.receiveCalls(2)
		p.send(outcomes(1))
		p.cut()
	}, lose, func(p *play) {
		p.reopen(5, 1)
		p.openThrough(1)
		p.receiveThese(2)
		p.cut()
	})
}

func TestALaterConnectionToAnotherObjectIsNone(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "HOST_VIOLATION UNKNOWN")
	}, func(p *play) {
		p.openThrough(0)
		p.receiveCalls(1)
		p.cut()
	}, func(p *play) {
		frame := openedThrough(0)
		frame.Opened.Id = strings.Repeat("0", 64)
		p.send(frame)
		p.untilGone()
	})
}

func TestAHostThatIsNoneIsNotTriedAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "CONNECTION_LOST UNKNOWN")
		w.expectBroken(seriatim.ReasonConnectionLost)
		if n := w.host.connects.Load(); n != 1 {
			w.t.Errorf("%d connections, expected 1", n)
		}
	}, func(p *play) {
		p.receiveCalls(1)
		p.end = status.Error(codes.PermissionDenied, "not you")
	})
}

func TestAConnectionThatIsDeniedAfterAnotherIsTriedAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "1")
		w.expectUntold()
	}, func(p *play) {
		p.openThrough(0)
		p.receiveCalls(1)
		p.cut()
	}, func(p *play) {
		p.end = status.Error(codes.Unauthenticated, "the token is a bit old")
	}, func(p *play) {
		p.reopen(3, 0)
		p.openThrough(1)
		p.send(outcomes(1))
		p.receiveEnd(1)
	})
}

func TestAnIdleStubIsResumedAsOftenAsItIsLost(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "1")
		time.Sleep(time.Hour)
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(w.t.Context(), 2)}, "2")
		w.expectUntold()
	}, append(slices.Repeat([]func(*play){func(p *play) {
		frame := p.receive()
		p.openThrough(frame.GetOpen().GetSession().GetAnsweredThrough())
		if len(frame.GetInvocations()) > 0 {
			p.send(outcomes(1))
		}
		time.Sleep(time.Second)
		p.cut()
	}}, 30), func(p *play) {
		p.reopen(31, 1)
		p.openThrough(1)
		p.receiveThese(2)
		p.send(outcomes(2))
		p.receiveEnd(2)
	})...)
}

func TestWhatIsCalledWhileSuspendedKeepsItsOrderAndItsLimit(t *testing.T) {
	inWorld(t, &seriatim.Options{MaxBufferedInvocations: 4}, func(w *world) {
		w.resumable()
		calls := w.calls(2)
		time.Sleep(time.Second)
		calls = append(calls, w.calls(3)...)
		w.expect(calls, "1", "2", "3", "4", "BUFFER_FULL NOT_EXECUTED")
		w.expectUntold()
	}, func(p *play) {
		p.receiveCalls(2)
		p.cut()
	}, func(p *play) {
		p.reopen(2, 0)
		time.Sleep(5 * time.Second)
		p.openThrough(0)
		p.receiveThese(1, 2, 3, 4)
		p.send(outcomes(1, 2, 3, 4))
		p.receiveEnd(4)
	})
}

func TestADeadlineThatPassesWhileSuspended(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Second)
		defer cancel()
		calls := []*seriatim.Future[examplesv1.CounterValue]{w.call(ctx, 1)}
		time.Sleep(time.Second)
		calls = append(calls, w.call(ctx, 2), w.call(w.t.Context(), 3))
		w.expect(calls[:2], "ANSWER_OVERDUE UNKNOWN", "ANSWER_OVERDUE NOT_EXECUTED")
		if w.stub.IsBroken() {
			w.t.Error("the stub is broken")
		}
		w.expect(calls[2:], "INVOCATION_TIMED_OUT NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonInvocationTimedOut)
	}, func(p *play) {
		p.receiveCalls(1)
		p.cut()
	}, func(p *play) {
		p.reopen(2, 0)
		time.Sleep(5 * time.Second)
		p.openThrough(0)
		for _, call := range p.receiveThese(1, 2, 3)[:2] {
			if call.GetTimeout() == nil || call.GetTimeout().AsDuration() != 0 {
				p.host.t.Errorf("call %d was sent again with timeout %v", call.GetSequence(), call.GetTimeout())
			}
		}
		p.send(breaks(broken(seriatim.ReasonInvocationTimedOut, codes.DeadlineExceeded, 0)))
		p.end = status.Error(codes.DeadlineExceeded, "as told")
	})
}

func TestAHostThatLetsADeadlinePassIsLeft(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		calls := []*seriatim.Future[examplesv1.CounterValue]{w.call(ctx, 1), w.call(w.t.Context(), 2)}
		w.expect(calls, "ANSWER_OVERDUE UNKNOWN", "2")
		w.expectUntold()
	}, func(p *play) {
		p.openThrough(0)
		p.receiveCalls(2)
		p.untilGone()
	}, func(p *play) {
		p.reopen(2, 0)
		p.openThrough(1)
		p.send(outcomes(1))
		p.receiveThese(2)
		p.send(outcomes(2))
		p.receiveEnd(2)
	})
}

func TestClosingWhileSuspendedGoesOnUntilAllIsAnswered(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		calls := w.calls(2)
		time.Sleep(time.Second)
		w.stub.Close()
		calls = append(calls, w.call(w.t.Context(), 3))
		w.expect(calls, "1", "2", "STUB_CLOSED NOT_EXECUTED")
		w.expectUntold()
	}, func(p *play) {
		p.receiveCalls(2)
		p.cut()
	}, func(p *play) {
		p.reopen(2, 0)
		time.Sleep(5 * time.Second)
		p.openThrough(0)
		p.receiveThese(1, 2)
		time.Sleep(5 * time.Second)
		p.send(outcomes(1, 2))
		p.receiveEnd(2)
	})
}

func TestAClosedStubThatIsAnsweredNeedsNoOtherConnection(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "1")
		w.expectUntold()
		if n := w.host.connects.Load(); n != 1 {
			w.t.Errorf("%d connections, expected 1", n)
		}
	}, func(p *play) {
		p.receiveCalls(1)
		p.openThrough(0)
		p.send(outcomes(1))
		p.receiveEnd(1)
		p.cut()
	})
}

func TestAnIdleStubThatIsClosedWhileResumingIsClosedAtOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "1")
		time.Sleep(time.Second)
		began := time.Now()
		w.expectUntold()
		if took := time.Since(began); took != 0 {
			w.t.Errorf("closed after %v", took)
		}
	}, func(p *play) {
		p.receiveCalls(1)
		p.openThrough(0)
		p.send(outcomes(1))
		p.cut()
	}, func(p *play) { p.untilGone() })
}

func TestCancellingASuspendedStub(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		calls := w.calls(1)
		time.Sleep(time.Second)
		calls = append(calls, w.call(w.t.Context(), 2))
		w.stub.Cancel("enough")
		w.expect(calls, "STUB_CANCELLED UNKNOWN", "STUB_CANCELLED NOT_EXECUTED")
		w.expectBroken(seriatim.ReasonStubCancelled)
	}, func(p *play) {
		p.receiveCalls(1)
		p.cut()
	}, func(p *play) { p.cut() })
}

func TestAClientThatIsClosedResumesNothing(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		calls := w.calls(1)
		synctest.Wait()
		began := time.Now()
		if err := w.conn.Close(); err != nil {
			w.t.Fatal(err)
		}
		w.expect(calls, "CONNECTION_LOST UNKNOWN")
		if took := time.Since(began); took > time.Second {
			w.t.Errorf("broken after %v", took)
		}
	}, func(p *play) {
		p.receiveCalls(1)
		p.openThrough(0)
		p.untilGone()
	})
}

func TestAConnectionThatIsNotOpenedInTimeIsLeft(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		w.expect(w.calls(1), "1")
		w.expectUntold()
	}, func(p *play) {
		p.receiveCalls(1)
		p.untilGone()
	}, func(p *play) {
		if age := p.reopen(2, 0).GetUnansweredFor().AsDuration(); age < 10*time.Second {
			p.host.t.Errorf("the oldest call was sent %v ago", age)
		}
		p.untilGone()
	}, func(p *play) {
		p.reopen(3, 0)
		p.openThrough(0)
		p.receiveThese(1)
		p.send(outcomes(1))
		p.receiveEnd(1)
	})
}

func TestOutcomesAreAcknowledgedAloneWhenNothingElseLeaves(t *testing.T) {
	options := &seriatim.Options{ // All calls leave, each in a frame of its own if need be.
		MaxUnansweredFrames: 300, MaxFrameInvocations: 200, MaxFrameBytes: 100 << 10, MaxInvocationBytes: 100 << 10,
	}
	for name, one := range map[string]struct {
		calls  int
		bytes  int
		expect uint64
	}{"256 of them": {300, 1, 256}, "64 KiB of them": {9, 8 << 10, 8}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, options, func(w *world) {
				w.resumable()
				for _, call := range w.calls(one.calls) {
					_, _ = call.Get()
				}
				w.expectUntold()
			}, func(p *play) {
				p.openThrough(0)
				p.receiveCalls(one.calls)
				for sequence := uint64(1); sequence <= one.expect; sequence++ {
					frame := outcomes(sequence)
					frame.Outcomes[0].Result = &seriatimv1.Outcome_Message{Message: paddedValue(one.bytes)}
					p.send(frame)
				}
				frame := p.receive()
				if frame.GetAcknowledgedThrough() != one.expect || len(frame.GetInvocations()) > 0 {
					p.host.t.Errorf("%v, expected nothing but the acknowledgement of %d", frame, one.expect)
				}
				for sequence := one.expect + 1; sequence <= uint64(one.calls); sequence++ {
					p.send(outcomes(sequence))
				}
				p.receiveEnd(uint64(one.calls))
			})
		})
	}
}

// paddedValue is a value with an unknown field of so many bytes.
func paddedValue(bytes int) []byte {
	padding := make([]byte, bytes)
	return marshal(&seriatimv1.Outcome{Result: &seriatimv1.Outcome_Message{Message: padding}})
}

func TestEveryFrameAcknowledges(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.resumable()
		for value := range 3 {
			w.expect([]*seriatim.Future[examplesv1.CounterValue]{w.call(w.t.Context(), 1)}, fmt.Sprint(value+1))
		}
		w.expectUntold()
	}, func(p *play) {
		p.openThrough(0)
		for sequence := uint64(1); sequence <= 3; sequence++ {
			if frame := p.receive(); frame.GetAcknowledgedThrough() != sequence-1 || len(frame.GetInvocations()) != 1 {
				p.host.t.Errorf("%v, expected %d to be acknowledged", frame, sequence-1)
			}
			p.send(outcomes(sequence))
		}
		p.receiveEnd(3)
	})
}

func TestAnIdempotencyKeyIsLetThrough(t *testing.T) {
	key := "seriatim-idempotency-key"
	inWorld(t, nil, func(w *world) {
		for value, refused := range map[string]bool{
			"order-12345": false, "": true, strings.Repeat("x", 255): false, strings.Repeat("x", 256): true, "ü": true,
		} {
			call := w.call(metadata.AppendToOutgoingContext(w.t.Context(), key, value), 1)
			if word := seen(call); (word == "CALL_REFUSED NOT_EXECUTED") != refused {
				w.t.Errorf("a key of %d bytes: %s", len(value), word)
			}
		}
		if word := seen(w.call(metadata.AppendToOutgoingContext(w.t.Context(), key, "a", key, "b"), 1)); word != "CALL_REFUSED NOT_EXECUTED" {
			w.t.Errorf("two keys: %s", word)
		}
	}, func(p *play) {
		p.open()
		for sequence := uint64(1); sequence <= 2; sequence++ {
			if key := p.receiveCalls(1)[0].GetMetadata()[key]; key != "order-12345" && len(key) != 255 {
				p.host.t.Errorf("the key came as %q", key)
			}
			p.send(outcomes(sequence))
		}
		p.receive()
	})
}
