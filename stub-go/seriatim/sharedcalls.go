package seriatim

import (
	"sync"
	"sync/atomic"
)

// sharedCalls are those over one connection of a client, over which it spreads its stubs in turn.
//
// Its lock is taken with a session's held, and a shared call's is taken with this one held.
type sharedCalls struct {
	hasNone atomic.Bool // The host has no shared calls.

	mu    sync.Mutex
	calls []*sharedCall // Guarded, and so is what follows. nil, where there is none at the moment.
	next  int           // The place of the next stub.
	last  *sharedCall   // The one that was begun last.
}

// lane gives a lane for a session; nil, if the host has no shared calls.
func (s *sharedCalls) lane(session *session) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	place := s.next
	s.next = (place + 1) % session.options.SharedCalls
	if place == len(s.calls) {
		s.calls = append(s.calls, nil)
	}
	for !s.hasNone.Load() {
		if call := s.calls[place]; call != nil {
			if lane := call.lane(session); lane != nil {
				return lane
			}
		}
		s.last = newSharedCall(s, session.access, s.last)
		s.calls[place] = s.last
	}
	return nil
}

// forget is that a call is over.
func (s *sharedCalls) forget(call *sharedCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place, known := range s.calls {
		if known == call {
			s.calls[place] = nil
		}
	}
	if s.last == call {
		s.last = nil
	}
}

// close ends each call when it has no lanes.
func (s *sharedCalls) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place, call := range s.calls {
		if call != nil {
			call.retire()
			s.calls[place] = nil
		}
	}
}
