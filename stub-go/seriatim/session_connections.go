package seriatim

import (
	"math/rand/v2"
	"time"
)

// What carries a session, one after the other if it is resumable: how it gets that, and what becomes of the stub when it has
// ended.

// connect has something new carry the stub. Under the lock.
func (s *session) connect() {
	s.chooseAccess()
	s.ledger.begin()
	s.carrier = s.access.carry(s)
	connection := s.ledger.connection()
	s.watchdog.expectOpening(s.options.OpenTimeout, func() { s.openingOverdue(connection) })
}

// chooseAccess says where the stub is opened. Under the lock.
func (s *session) chooseAccess() {
	s.access = nil
	if routes := s.objects.routes; routes != nil {
		s.access = routes.open(s.path, s.id)
	}
	s.onRoute = s.access != nil
	if s.access == nil {
		s.access = &s.objects.host
	}
}

// departure is that a stub which counts as open by a route doesn't any more.
type departure struct {
	session   *session // nil, if the stub didn't count so.
	access    *access
	wasOpened bool
}

// depart has the stub not count as open by a route. Under the lock; it is to be told without.
func (s *session) depart() departure {
	if !s.onRoute {
		return departure{}
	}
	s.onRoute = false
	return departure{s, s.access, s.ledger.opened}
}

// tell tells the routes, with the cause if the stub, or its connection, broke.
func (d departure) tell(cause *FailureCause) {
	if d.session != nil {
		d.session.objects.routes.ended(d.access, cause, d.wasOpened)
	}
}

// lose is that what carries the stub has ended in any other way, or is given up: the stub breaks, unless it outlives that.
func (s *session) lose(from carrier, cause *FailureCause, how ending) {
	noMore := s.objects.isClosed()
	s.mu.Lock()
	if s.carrier != from || s.ledger.isOver() {
		s.mu.Unlock()
		return
	}
	if noMore {
		s.ledger.resumeNoMore()
	}
	switch became := s.ledger.lost(cause, how, s.now(), rand.Float64()); became.then {
	case thenBreaks:
		s.mu.Unlock()
		s.breakByCarrier(from, became.cause, became.fate)
	case thenCloses:
		s.finishAndHangUp(from)
	case thenResumes:
		s.carrier = nil
		s.watchdog.opened()
		from.wake() // It has nothing more to do.
		departure := s.depart()
		s.mu.Unlock()
		from.hangUp()
		departure.tell(cause)
		s.resume()
	}
}

// resume gets a stub that has lost its connection another one, or sees to it that this is done when it is time, or gives
// the stub up.
func (s *session) resume() {
	s.mu.Lock()
	connects, givenUp, next := s.ledger.resumes(time.Now())
	if connects {
		s.connect()
	}
	if !next.IsZero() {
		s.watchdog.resumeBy(next, s.resume)
	}
	s.mu.Unlock()
	if givenUp == nil {
		return
	}
	if tellListeners := s.breakAndTell(givenUp, FateUnknown); tellListeners != nil {
		go tellListeners() // This may be the goroutine of a carrier.
	}
}
