package seriatim

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

type stubState int

const (
	stateOpen    stubState = iota
	stateClosing           // No more calls are let in; those that were are finished.
	stateClosed
	stateBroken
)

// ledger is what a client knows of one stub: its calls and their numbers, which of them were sent and which answered,
// whether it is open, and, when it has ended, what became of each call. It has no goroutine, no clock, no lock and no
// connection: its owner guards it, tells it what happens and what time it is, and does what it says.
type ledger struct {
	options    *Options
	open       *seriatimv1.Open
	expectedID string // What the host has to open; empty, if that isn't known.

	state      stubState
	cause      *FailureCause // Why the stub is broken.
	queue      callQueue
	window     frameWindow
	openSent   bool // The frame with open has been handed out.
	halfClosed bool // The half-close has been.
	opened     bool // The host has said what it opened.
	awaitsWord bool // Some call's time has run out, and the host's word of that is awaited.
	overdues   int  // How many of the unanswered calls have ended for their callers.

	resumption *resumption // nil, if the stub is not resumable.
}

// verdict is what a call has to be told.
type verdict struct {
	call    *pendingCall
	failure *CallFailure
}

func (v verdict) tell() { v.call.fail(v.failure) }

func newLedger(options *Options, open *seriatimv1.Open, expectedID string) ledger {
	return ledger{
		options:    options,
		open:       open,
		expectedID: expectedID,
		window:     frameWindow{size: options.MaxUnansweredFrames},
	}
}

// ---- calls in ------------------------------------------------------------------------------------------

// take takes a call in and gives it its number; or says why it can't be taken in.
func (l *ledger) take(call *pendingCall) *FailureCause {
	if refusal := l.refusal(call); refusal != nil {
		return refusal
	}
	l.queue.add(call)
	return nil
}

func (l *ledger) refusal(call *pendingCall) *FailureCause {
	switch {
	case l.state == stateBroken:
		return l.cause
	case l.state != stateOpen:
		return newCause(ReasonStubClosed, codes.FailedPrecondition, "the stub is closed")
	case call.bytes > l.options.MaxInvocationBytes:
		return newCause(ReasonCallTooLarge, codes.ResourceExhausted,
			fmt.Sprintf("the invocation has %d bytes, expected at most %d", call.bytes, l.options.MaxInvocationBytes))
	case l.queue.waiting() >= l.options.MaxBufferedInvocations:
		return newCause(ReasonBufferFull, codes.ResourceExhausted,
			fmt.Sprintf("%d invocations wait to be sent, expected fewer than %d before one more",
				l.queue.waiting(), l.options.MaxBufferedInvocations))
	case l.queue.waitingBytes+call.bytes > l.options.MaxBufferedBytes:
		return newCause(ReasonBufferFull, codes.ResourceExhausted,
			fmt.Sprintf("%d bytes wait to be sent, and %d more would pass the limit of %d",
				l.queue.waitingBytes, call.bytes, l.options.MaxBufferedBytes))
	}
	return nil
}

// close lets no more calls in; whether it did so now, and not before.
func (l *ledger) close() bool {
	if l.state != stateOpen {
		return false
	}
	l.state = stateClosing
	return true
}

// ---- frames up -----------------------------------------------------------------------------------------

// step is what the writer has to do next.
type step int

const (
	stepWait      step = iota // Until something has happened.
	stepSend                  // The frame.
	stepNoRoom                // There is a frame, and it has no room.
	stepHalfClose             // And nothing more.
	stepLeave                 // The stub has ended, or lost this connection: nothing more.
)

const (
	unlimited      = math.MaxInt
	openFrameBytes = 8 // The tags and lengths of open.
)

// outgoing is what the writer has to do next, with what is to be sent.
type outgoing struct {
	do           step
	calls        []*pendingCall
	open         *seriatimv1.Open // If the frame opens the stub, too.
	acknowledged uint64           // The outcomes that have come, if that is to be said.
	bytes        int              // At least the size that the frame will have.
}

// next is what the writer has to do. The calls of a frame to send are appended to frame, and count as sent from now
// on. A frame of more than room bytes stays where it is. Only a resumable stub looks at the time.
func (l *ledger) next(frame []*pendingCall, room int, now time.Time) outgoing {
	switch {
	case l.isOver():
		return outgoing{do: stepLeave}
	case !l.hasMore():
		return outgoing{do: stepWait}
	}
	sendsCalls := l.hasCallsToSend()
	if !sendsCalls && l.mayHalfClose() && !l.hasToAcknowledge() {
		l.halfClosed = true
		return outgoing{do: stepHalfClose}
	}
	count, bytes := 0, 0
	if sendsCalls {
		count, bytes = l.queue.cut(l.options.MaxFrameInvocations, l.options.MaxFrameBytes)
	}
	if room != unlimited {
		if bytes += l.bytesBeside(); bytes > room {
			return outgoing{do: stepNoRoom}
		}
	}
	out := outgoing{do: stepSend, calls: frame, bytes: bytes}
	if sendsCalls {
		out.calls = l.queue.send(frame, count)
		l.window.sent(l.queue.sent)
	}
	if !l.openSent {
		l.openSent = true
		out.open = l.open
	}
	if l.resumption != nil {
		l.sendsInSession(&out, now)
	}
	return out
}

// bytesBeside is the most that a frame has beside its calls.
func (l *ledger) bytesBeside() int {
	bytes := 0
	if !l.openSent {
		bytes = openFrameBytes + proto.Size(l.open)
	}
	if l.resumption != nil {
		bytes += sessionFrameBytes
	}
	return bytes
}

// takeBack is that nothing of what was handed out has come to the host, and never will; nothing was received, either.
func (l *ledger) takeBack() {
	l.queue.takeBack()
	l.window.last = nil
	l.openSent, l.halfClosed = false, false
	if l.resumption != nil {
		l.resumption.takeBack()
	}
}

// hasMore tells whether there is something to send now.
func (l *ledger) hasMore() bool {
	return l.hasCallsToSend() || l.mayHalfClose() || l.hasSessionToTell()
}

// hasCallsToSend tells whether calls wait that may leave now.
func (l *ledger) hasCallsToSend() bool {
	return l.queue.waiting() > 0 && l.window.hasRoom() && !l.isResuming()
}

// mayHalfClose tells whether the host is to hear that no more calls come, when it has heard everything else.
func (l *ledger) mayHalfClose() bool {
	if l.state != stateClosing || l.halfClosed || l.queue.waiting() > 0 {
		return false
	}
	return l.resumption == nil || len(l.queue.calls) == 0 && !l.isResuming()
}

// ---- frames down ---------------------------------------------------------------------------------------

// received is what one frame of the host means.
type received struct {
	answered []*pendingCall // Each answered by the outcome at the same place in the frame.
	violated *FailureCause  // The frame breaks the contract behind those outcomes.
	told     *FailureCause  // The host has told why the stub is broken, and that nothing is unknown.
	refused  bool           // It has told so in place of opening the stub.
}

// receive takes in one frame. The calls that it answers are appended to answered. Only a resumable stub looks at the time.
func (l *ledger) receive(frame *seriatimv1.ConnectResponse, answered []*pendingCall, now time.Time) received {
	if l.isOver() {
		return received{answered: answered}
	}
	if violated := l.checkOpened(frame, now); violated != nil {
		return received{answered: answered, violated: violated}
	}
	answered, violated := l.complete(frame.GetOutcomes(), answered)
	if violated != nil || frame.GetBroken() == nil {
		return received{answered: answered, violated: violated}
	}
	if violated := l.checkBroken(frame.GetBroken()); violated != nil {
		return received{answered: answered, violated: violated}
	}
	return received{answered: answered, told: toldCause(frame.GetBroken()), refused: !l.opened}
}

func (l *ledger) checkOpened(frame *seriatimv1.ConnectResponse, now time.Time) *FailureCause {
	opened := frame.GetOpened()
	switch {
	case l.opened && opened != nil:
		return violation("'opened' came twice")
	case l.opened:
		return nil
	case opened == nil && frame.GetBroken() != nil && len(frame.GetOutcomes()) == 0:
		return nil // The stub could not be opened.
	case opened == nil:
		return violation("the first frame has no 'opened'")
	case l.expectedID != "" && opened.GetId() != l.expectedID:
		return violation("opened object %q, expected %q", opened.GetId(), l.expectedID)
	case !isID(opened.GetId()):
		return violation("opened object %q, expected 64 lower-case hex digits", opened.GetId())
	case opened.Name != nil && opened.GetName() != l.open.GetName():
		return violation("opened name %q, expected %q", opened.GetName(), l.open.GetName())
	}
	if l.resumption != nil {
		if violated := l.sessionOpened(opened, now); violated != nil {
			return violated
		}
	}
	l.opened = true
	return nil
}

// complete takes out the calls that these outcomes answer, as far as their numbers are right.
func (l *ledger) complete(outcomes []*seriatimv1.Outcome, answered []*pendingCall) ([]*pendingCall, *FailureCause) {
	if len(outcomes) == 0 {
		return answered, nil
	}
	first, sent := l.queue.answered+1, l.queue.sent
	valid := 0
	for valid < len(outcomes) {
		next := first + uint64(valid)
		if next > sent || outcomes[valid].GetSequence() != next {
			break
		}
		valid++
	}
	answered = l.queue.answer(answered, valid)
	if l.overdues > 0 {
		for _, call := range answered {
			if call.overdue {
				l.overdues--
			}
		}
	}
	l.window.answered(l.queue.answered)
	if l.resumption != nil && valid > 0 {
		l.resumption.answered(l.queue.answered, outcomes[:valid])
	}
	if valid == len(outcomes) {
		return answered, nil
	}
	if got, expected := outcomes[valid].GetSequence(), first+uint64(valid); got != expected {
		return answered, violation("outcome %d, expected outcome %d", got, expected)
	}
	return answered, violation("outcome %d of a call that was not sent", first+uint64(valid))
}

func (l *ledger) checkBroken(broken *seriatimv1.Broken) *FailureCause {
	if broken.GetCause().GetCode() == int32(codes.OK) {
		return violation("broken with code OK")
	}
	if !l.opened && l.isResuming() {
		return nil // It says nothing of what earlier connections have sent.
	}
	if through := broken.GetCompletedThrough(); through != l.queue.answered {
		return violation("broken with completed_through %d after %d outcomes", through, l.queue.answered)
	}
	return nil
}

// resultOf is the result of an outcome that answers a call.
func resultOf(outcome *seriatimv1.Outcome) ([]byte, error) {
	result, ok := outcome.GetResult().(*seriatimv1.Outcome_Message)
	if !ok {
		return nil, errors.New("has no 'message'")
	}
	return result.Message, nil
}

// ---- the end -------------------------------------------------------------------------------------------

func (l *ledger) isOver() bool { return l.state == stateClosed || l.state == stateBroken }

// isDone tells whether there is nothing left, for any caller, but the end of the connection.
func (l *ledger) isDone() bool {
	return l.state == stateBroken || l.state == stateClosing && l.overdues == len(l.queue.calls)
}

// finish ends the stub in order, if it was closed and everything is answered; whether it did.
func (l *ledger) finish() bool {
	if l.state != stateClosing || len(l.queue.calls) > 0 {
		return false
	}
	l.state = stateClosed
	return true
}

// breakWith breaks the stub, unless it has ended; whether it did. It gives what each call that is left has to be told:
// those that were sent have the given fate, the others were not executed.
func (l *ledger) breakWith(cause *FailureCause, sentFate Fate) (verdicts []verdict, broke bool) {
	if l.isOver() {
		return nil, false
	}
	l.state = stateBroken
	l.cause = cause
	for _, call := range l.queue.clear() {
		if !call.overdue {
			verdicts = append(verdicts, l.judge(call, cause, sentFate))
		}
	}
	return verdicts, true
}

func (l *ledger) judge(call *pendingCall, cause *FailureCause, sentFate Fate) verdict {
	fate := FateNotExecuted
	if call.sequence <= l.mayHaveRun() {
		fate = sentFate
	}
	return verdict{call, &CallFailure{FailureCause: cause, Fate: fate, Sequence: call.sequence}}
}
