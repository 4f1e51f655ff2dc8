package seriatim

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
)

// The end of a stub, and what the watchdog wakes.

// breakStub breaks the stub, unless it has ended: from now on no call is let in, and those that are left fail.
// Those that were sent have the given fate. It then tells the listeners. Unless the host has told the break, it
// also hangs up.
func (s *session) breakStub(cause *FailureCause, sentFate Fate) {
	if tellListeners := s.breakAndTell(cause, sentFate); tellListeners != nil {
		tellListeners()
	}
}

// breakByCarrier is the same for who carries the stub, and maybe others, whom this one's listeners must not hold up.
func (s *session) breakByCarrier(from carrier, cause *FailureCause, sentFate Fate) {
	if tellListeners := s.breakAndTell(cause, sentFate); tellListeners != nil {
		from.callOut(tellListeners)
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
	departure := s.depart()
	s.mu.Unlock()

	if carrier != nil && !toldByHost {
		carrier.hangUp()
	}
	departure.tell(cause) // First, since callers may try again at once.
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

// finishAndHangUp is the end of the stub without a break, and of what carries it, if that hasn't ended. Under the lock,
// which it lets go.
func (s *session) finishAndHangUp(carrier carrier) {
	s.stop()
	close(s.ended)
	departure := s.depart()
	s.mu.Unlock()
	if carrier != nil {
		carrier.hangUp()
	}
	departure.tell(nil)
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

func (s *session) openingOverdue(connection uint32) {
	s.mu.Lock()
	carrier, access := s.carrier, s.access
	if carrier == nil || s.ledger.opened || s.ledger.connection() != connection {
		s.mu.Unlock()
		return
	}
	carried := carrier.isCarried()
	s.mu.Unlock()
	s.lose(carrier, access.notOpened(carried), endedLost)
}

func (s *session) endOverdue() {
	s.mu.Lock()
	carrier := s.carrier
	if s.ledger.resumption != nil && s.ledger.finish() { // As if the host had been lost by now.
		s.finishAndHangUp(carrier)
		return
	}
	s.mu.Unlock()
	s.breakStub(newCause(ReasonAnswerOverdue, codes.DeadlineExceeded,
		fmt.Sprintf("the stub has nothing left, and the host has not ended it within %v", s.options.EndTimeout)), FateUnknown)
	if carrier != nil {
		carrier.hangUp()
	}
}

func (s *session) checkDeadlines() {
	s.mu.Lock()
	s.watchdog.looks()
	verdicts, next := s.ledger.overdue(time.Now())
	if !next.IsZero() {
		s.watchdog.lookBy(next, s.checkDeadlines)
	}
	s.expectEndIfDone()
	suspect := s.suspect()
	s.mu.Unlock()
	for _, verdict := range verdicts {
		verdict.tell()
	}
	if suspect != nil {
		cause := newCause(ReasonConnectionLost, codes.Unavailable,
			fmt.Sprintf("the host said nothing of a deadline for %v", s.options.DeadlineGrace))
		cause.Retryable = true
		s.lose(suspect, cause, endedLost)
	}
}

// suspect gives what carries a resumable stub, if the host says nothing there any more. Under the lock.
func (s *session) suspect() carrier {
	if r := s.ledger.resumption; r == nil || !r.silent {
		return nil
	}
	return s.carrier
}
