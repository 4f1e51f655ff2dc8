package seriatim

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

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
// has the watchdog's timers do what they are for.
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
	carrier   carrier // nil before the first call.
	access    *access // Where the stub is opened; likewise.
	onRoute   bool    // That is a route's, and the stub counts as open there.
}

func newSession(objects *DurableObjects, open *seriatimv1.Open, expectedID string) *session {
	return &session{
		objects: objects,
		options: &objects.options,
		ended:   make(chan struct{}),
		ledger:  newLedger(&objects.options, open, expectedID),
	}
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
	if s.carrier == nil {
		s.chooseAccess()
		s.carrier = s.access.carry(s)
		s.watchdog.expectOpening(s.options.OpenTimeout, s.openingOverdue)
	} else if s.ledger.window.hasRoom() {
		s.carrier.wake()
	}
	return nil
}

// chooseAccess says where the stub is opened. Under the lock.
func (s *session) chooseAccess() {
	if routes := s.objects.routes; routes != nil {
		s.access = routes.open(s.path, s.id)
	}
	s.onRoute = s.access != nil
	if s.access == nil {
		s.access = &s.objects.host
	}
}

// close lets no more calls in, and ends the stub when what was taken in has been answered.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ledger.close() {
		return
	}
	if s.carrier == nil {
		s.ledger.finish()
		s.finished()
		return
	}
	s.expectEndIfDone()
	s.carrier.wake()
}

// dropped closes a stub that nobody can reach any more, if it was opened.
func (s *session) dropped() {
	s.mu.Lock()
	isForgotten := s.ledger.state == stateOpen && s.carrier != nil
	s.mu.Unlock()
	if isForgotten {
		s.objects.warnOfDropped(s.ledger.open)
		s.close()
	}
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
func (s *session) next(frame []*pendingCall, wakeUp *sync.Cond) (do step, calls []*pendingCall, open *seriatimv1.Open) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if do, calls, open, _ = s.ledger.next(frame, unlimited); do != stepWait {
			return do, calls, open
		}
		wakeUp.Wait()
	}
}

// nextWithin says what is to be sent on a lane, if it has no more bytes than room; and whether there is more behind it.
func (s *session) nextWithin(
	room int, frame []*pendingCall,
) (do step, calls []*pendingCall, open *seriatimv1.Open, bytes int, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do, calls, open, bytes = s.ledger.next(frame, room)
	return do, calls, open, bytes, do == stepSend && s.ledger.hasMore()
}

// carryOn has a call of the stub's own carry it from now on, since the host has no shared calls. What was given to the lane
// was not sent, then.
func (s *session) carryOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	frame *seriatimv1.ConnectResponse, answered []*pendingCall,
) (scratch []*pendingCall, goesOn bool) {
	s.mu.Lock()
	wasOpened := s.ledger.opened
	got := s.ledger.receive(frame, answered)
	opens, onRoute := s.ledger.opened != wasOpened, s.onRoute
	if opens {
		s.watchdog.opened()
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
		s.breakByCarrier(unreadable, FateUnknown)
		return got.answered, false
	}
	if got.violated != nil {
		s.breakByCarrier(got.violated, FateUnknown)
		return got.answered, false
	}
	if got.told != nil {
		s.breakByCarrier(got.told, FateNotExecuted)
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
func (s *session) endedInOrder() bool {
	s.mu.Lock()
	finished := s.ledger.finish()
	if finished {
		s.finished()
	}
	s.mu.Unlock()
	if finished {
		s.leaveRoute(nil)
	}
	return finished
}

// leaveRoute is that the stub is over, for this cause if it broke. Does nothing, if it wasn't opened by a route.
func (s *session) leaveRoute(cause *FailureCause) {
	s.mu.Lock()
	onRoute, wasOpened := s.onRoute, s.ledger.opened
	s.onRoute = false
	s.mu.Unlock()
	if onRoute {
		s.objects.routes.ended(s.access, cause, wasOpened)
	}
}

// connectionLost is told once, if what carries the stub has ended in any other way.
func (s *session) connectionLost(cause *FailureCause) { s.breakByCarrier(cause, FateUnknown) }

// leave is the end of what carried the stub, whatever it was.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchdog.stopAll()
}

// ---- the end -------------------------------------------------------------------------------------------

// breakStub breaks the stub, unless it has ended: from now on no call is let in, and those that are left fail.
// Those that were sent have the given fate. It then tells the listeners. Unless the host has told the break, it
// also hangs up.
func (s *session) breakStub(cause *FailureCause, sentFate Fate) {
	if tellListeners := s.breakAndTell(cause, sentFate); tellListeners != nil {
		tellListeners()
	}
}

// breakByCarrier is the same for who carries the stub, and maybe others, whom this one's listeners must not hold up.
func (s *session) breakByCarrier(cause *FailureCause, sentFate Fate) {
	if tellListeners := s.breakAndTell(cause, sentFate); tellListeners != nil {
		s.mu.Lock()
		carrier := s.carrier
		s.mu.Unlock()
		carrier.callOut(tellListeners)
	}
}

// breakAndTell does all of that but to tell the listeners, which it leaves to its caller, if there are any.
func (s *session) breakAndTell(cause *FailureCause, sentFate Fate) (tellListeners func()) {
	s.mu.Lock()
	verdicts, broke := s.ledger.breakWith(cause, sentFate)
	if !broke {
		s.mu.Unlock()
		return nil
	}
	listeners, carrier := s.listeners, s.carrier
	s.stop()
	toldByHost := sentFate == FateNotExecuted
	if toldByHost {
		s.expectEndIfDone()
	}
	s.mu.Unlock()

	if carrier != nil && !toldByHost {
		carrier.hangUp()
	}
	s.leaveRoute(cause) // First, since callers may try again at once.
	for _, verdict := range verdicts {
		verdict.tell()
	}
	if len(listeners) == 0 {
		close(s.ended)
		return nil
	}
	return func() {
		for _, listener := range listeners {
			listener(cause)
		}
		close(s.ended)
	}
}

// finished is the end of the stub without a break. Under the lock.
func (s *session) finished() {
	s.stop()
	close(s.ended)
}

// stop ends what must not go on when the stub has ended. Under the lock.
func (s *session) stop() {
	s.listeners = nil
	s.watchdog.stop()
	if s.carrier != nil {
		s.carrier.wake()
	}
}

// expectEndIfDone sees to it that the carrier doesn't go on for ever when there is nothing left but its end. Under the
// lock.
func (s *session) expectEndIfDone() {
	if s.ledger.isDone() {
		s.watchdog.expectEnd(s.options.EndTimeout, s.endOverdue)
	}
}

// ---- what the watchdog wakes ---------------------------------------------------------------------------

func (s *session) openingOverdue() {
	s.mu.Lock()
	opened, carried := s.ledger.opened, s.carrier.isCarried()
	s.mu.Unlock()
	if opened {
		return
	}
	s.breakStub(s.access.notOpened(carried), FateUnknown)
}

func (s *session) endOverdue() {
	s.breakStub(newCause(ReasonAnswerOverdue, codes.DeadlineExceeded,
		fmt.Sprintf("the stub has nothing left, and the host has not ended it within %v", s.options.EndTimeout)), FateUnknown)
	s.mu.Lock()
	carrier := s.carrier
	s.mu.Unlock()
	carrier.hangUp()
}

func (s *session) checkDeadlines() {
	s.mu.Lock()
	s.watchdog.looks()
	verdicts, next := s.ledger.overdue(time.Now())
	if !next.IsZero() {
		s.watchdog.lookBy(next, s.checkDeadlines)
	}
	s.expectEndIfDone()
	s.mu.Unlock()
	for _, verdict := range verdicts {
		verdict.tell()
	}
}
