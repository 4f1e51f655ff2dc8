package seriatim

import (
	"sync"
	"time"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// carrier is what carries a session to the host: a call of its own, or a lane of a shared one. It asks the session what is to
// be sent, and tells it what comes, and that this has ended.
type carrier interface {
	// wake says that the ledger may have something to send, or nothing more for ever. Under the session's lock.
	wake()

	// hangUp ends it at the host, too. Does nothing, if it has ended.
	hangUp()

	// isCarried tells whether it has a stream of the connection. Under the session's lock.
	isCarried() bool

	// callOut runs what may block, where that holds no one else up.
	callOut(func())
}

// session is one stub, apart from what carries it: it guards the ledger, wakes the carrier, tells callers and listeners, and
// has the watchdog's timers do what they are for. A resumable stub has one carrier after the other, and hears only the last.
//
// Any goroutine submits. Fields under "guarded" belong to whoever holds the lock, which no one keeps while calling out.
type session struct {
	objects *DurableObjects
	options *Options
	ended   chan struct{} // Closed when nothing is left to be completed.
	path    string        // For routes: the namespace and the name, if the id isn't known.
	id      string        // For routes: the id, if it is known.

	mu        sync.Mutex
	ledger    ledger // Guarded, and so is what follows.
	watchdog  watchdog
	listeners []func(*FailureCause)
	carrier   carrier // nil before the first call, and while the stub waits for another one.
	access    *access // Where the stub is opened, or was last; nil before the first call.
	onRoute   bool    // That is a route's, and the stub counts as open there.
}

func newSession(objects *DurableObjects, open *seriatimv1.Open, expectedID string, resumable bool) *session {
	s := &session{
		objects: objects,
		options: &objects.options,
		ended:   make(chan struct{}),
		ledger:  newLedger(&objects.options, open, expectedID),
	}
	if resumable {
		s.ledger.resumption = newResumption(&objects.options)
	}
	return s
}

// ---- what callers do -----------------------------------------------------------------------------------

// submit takes a call in, and gives it its number before it returns; or says why it can't be taken in.
func (s *session) submit(call *pendingCall) *CallFailure {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.ledger.take(call); refusal != nil {
		return &CallFailure{FailureCause: refusal, Fate: FateNotExecuted}
	}
	if !call.deadline.IsZero() {
		s.watchdog.lookBy(call.deadline, s.checkDeadlines)
	}
	switch {
	case s.access == nil:
		s.connect()
	case s.carrier != nil && s.ledger.window.hasRoom():
		s.carrier.wake()
	}
	return nil
}

// close lets no more calls in, and ends the stub when what was taken in has been answered.
func (s *session) close() {
	s.mu.Lock()
	if !s.ledger.close() {
		s.mu.Unlock()
		return
	}
	if s.carrier == nil || s.ledger.isResuming() {
		if carrier, closes := s.carrier, s.ledger.finish(); closes {
			s.finishAndHangUp(carrier)
			return
		}
	}
	s.expectEndIfDone()
	if s.carrier != nil {
		s.carrier.wake()
	}
	s.mu.Unlock()
}

// dropped closes a stub that nobody can reach any more, if it was opened.
func (s *session) dropped() {
	s.mu.Lock()
	isForgotten := s.ledger.state == stateOpen && s.access != nil
	s.mu.Unlock()
	if isForgotten {
		s.objects.warnOfDropped(s.ledger.open)
		s.close()
	}
}

func (s *session) isResumable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.resumption != nil && s.ledger.resumption.confirmed
}

func (s *session) breakCause() *FailureCause {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.cause
}

func (s *session) onBreak(listener func(*FailureCause)) {
	s.mu.Lock()
	cause := s.ledger.cause
	if !s.ledger.isOver() {
		s.listeners = append(s.listeners, listener)
	}
	s.mu.Unlock()
	if cause != nil {
		listener(cause)
	}
}

// ---- what the carrier asks and tells -------------------------------------------------------------------

// next waits until there is something to do for the writer of a call of the stub's own, by its condition.
func (s *session) next(from *link, frame []*pendingCall, wakeUp *sync.Cond) outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.carrier == from {
		if out := s.ledger.next(frame, unlimited, s.now()); out.do != stepWait {
			return out
		}
		wakeUp.Wait()
	}
	return outgoing{do: stepLeave}
}

// nextWithin says what is to be sent on a lane, if it has no more bytes than room; and whether there is more behind it.
func (s *session) nextWithin(from *lane, room int, frame []*pendingCall) (out outgoing, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.carrier != from {
		return outgoing{do: stepLeave}, false
	}
	out = s.ledger.next(frame, room, s.now())
	return out, out.do == stepSend && s.ledger.hasMore()
}

// now is the time, for a ledger that looks at it. Under the lock.
func (s *session) now() time.Time {
	if s.ledger.resumption == nil {
		return time.Time{}
	}
	return time.Now()
}

// carryOn has a call of the stub's own carry it from now on, since the host has no shared calls. What was given to the lane
// was not sent, then.
func (s *session) carryOn(from *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.carrier != from {
		return
	}
	if s.ledger.isOver() {
		s.watchdog.stopAll()
		return
	}
	s.ledger.takeBack()
	s.carrier = startLink(s)
}

// receive takes in one frame, and says whether there is anything more to listen to. The calls that were answered are
// appended to answered, which it gives back.
func (s *session) receive(
	from carrier, frame *seriatimv1.ConnectResponse, answered []*pendingCall,
) (scratch []*pendingCall, goesOn bool) {
	s.mu.Lock()
	if s.carrier != from {
		s.mu.Unlock()
		return answered, false
	}
	wasOpened := s.ledger.opened
	got := s.ledger.receive(frame, answered, s.now())
	opens, onRoute := s.ledger.opened != wasOpened, s.onRoute
	if opens {
		s.watchdog.opened()
		if s.ledger.hasMore() { // What has waited for that.
			s.carrier.wake()
		}
	}
	if got.violated == nil && len(got.answered) > 0 {
		// Sending comes first: the host gets on with the next frame while outcomes are handed out.
		s.expectEndIfDone()
		if s.ledger.hasMore() {
			s.carrier.wake()
		}
		if s.ledger.awaitsWord {
			s.watchdog.lookBy(time.Now(), s.checkDeadlines) // Another call is the oldest now.
		}
	}
	s.mu.Unlock()
	if opens && s.objects.routes != nil {
		s.objects.routes.opened(s.path, frame.GetOpened(), onRoute)
	}

	if unreadable := handOut(got.answered, frame.GetOutcomes()); unreadable != nil {
		s.breakByCarrier(from, unreadable, FateUnknown)
		return got.answered, false
	}
	if got.violated != nil {
		s.breakByCarrier(from, got.violated, FateUnknown)
		return got.answered, false
	}
	if got.told != nil {
		how := endedTold
		if got.refused {
			how = endedRefused
		}
		s.lose(from, got.told, how)
		return got.answered, false
	}
	return got.answered, true
}

// handOut completes calls with their outcomes, up to one that can't be used, and says why it can't.
func handOut(calls []*pendingCall, outcomes []*seriatimv1.Outcome) *FailureCause {
	for i, call := range calls {
		result, err := resultOf(outcomes[i])
		if err == nil {
			err = call.succeed(result)
		}
		if err == nil {
			continue
		}
		unreadable := violation("outcome %d %v", call.sequence, err)
		call.fail(&CallFailure{FailureCause: unreadable, Fate: FateCompleted, Sequence: call.sequence})
		for _, behind := range calls[i+1:] { // They are out of the ledger already.
			behind.fail(&CallFailure{FailureCause: unreadable, Fate: FateUnknown, Sequence: behind.sequence})
		}
		return unreadable
	}
	return nil
}

// endedInOrder is told if the host has ended what carries the stub with OK: that is an orderly end, if the stub was closed
// and all is answered. Otherwise the connection is lost.
func (s *session) endedInOrder(from carrier) bool {
	s.mu.Lock()
	if s.carrier != from || !s.ledger.finish() {
		s.mu.Unlock()
		return false
	}
	s.finishAndHangUp(nil)
	return true
}

// leave is the end of what carried the stub, whatever it was.
func (s *session) leave(from carrier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.carrier == from {
		s.watchdog.stopAll()
	}
}
