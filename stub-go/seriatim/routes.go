package seriatim

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// routes are where a client's stubs are opened that follows what hosts say: what is known of that, which the table decides,
// and the connections it takes.
//
// Its lock is taken with a session's held. It calls no one with it held.
type routes struct {
	options *Options
	dial    func(address string) (*grpc.ClientConn, error)

	mu       sync.Mutex
	table    routeTable         // Guarded, and so is what follows.
	accesses map[string]*access // By address: those that a hint or a stub needs.
	closed   bool
}

func newRoutes(options *Options, dial func(address string) (*grpc.ClientConn, error)) *routes {
	return &routes{options: options, dial: dial, table: newRouteTable(options.MaxRoutes), accesses: map[string]*access{}}
}

// open says where to open a stub, which then counts as open there until it has ended; nil, if that is where it would be
// opened without routes.
func (r *routes) open(path, id string) *access {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	address := r.table.open(path, id)
	if address == "" {
		return nil
	}
	known := r.accesses[address]
	if known == nil {
		known = &access{
			options: r.options, address: address,
			dial: func() (*grpc.ClientConn, error) { return r.dial(address) },
		}
		r.accesses[address] = known
	}
	return known
}

// opened is that a stub is open; elsewhere, if it was opened by a route.
func (r *routes) opened(path string, opened *seriatimv1.Opened, elsewhere bool) {
	r.change(func() {
		switch route := opened.GetRoute(); {
		case r.closed:
		case route != nil:
			r.table.learn(path, opened.GetId(), route.GetAddress(), route.GetPrefixBits())
		case !elsewhere:
			r.table.forget(opened.GetId())
		}
	})
}

// ended is that a stub is over that was opened by a route, for this cause if it broke.
func (r *routes) ended(at *access, cause *FailureCause, wasOpened bool) {
	r.change(func() {
		if cause != nil && speaksAgainst(cause, wasOpened) {
			r.table.forgetAddress(at.address)
		}
		r.table.ended(at.address)
	})
}

// speaksAgainst tells whether the next stub had better be opened elsewhere.
func speaksAgainst(cause *FailureCause, wasOpened bool) bool {
	switch cause.Reason {
	case ReasonStubCancelled:
		return false
	case ReasonConnectionLost, ReasonHostViolation:
		return true
	}
	return !wasOpened || cause.Code == codes.Unavailable
}

// close opens nothing any more. Now, if stubs that are open are to break; otherwise they go on.
func (r *routes) close(now bool) {
	r.change(func() {
		r.closed = true
		for address := range r.accesses {
			r.table.forgetAddress(address)
		}
	})
	if !now {
		return
	}
	r.mu.Lock()
	left := make([]*access, 0, len(r.accesses))
	for _, one := range r.accesses {
		left = append(left, one)
	}
	r.mu.Unlock()
	for _, one := range left {
		_ = one.close()
	}
}

// change changes the table, and closes what is not needed any more.
func (r *routes) change(how func()) {
	var unneeded []*access
	r.mu.Lock()
	how()
	for _, address := range r.table.takeUnused() {
		if known := r.accesses[address]; known != nil {
			delete(r.accesses, address)
			unneeded = append(unneeded, known)
		}
	}
	r.mu.Unlock()
	for _, one := range unneeded {
		_ = one.close()
	}
}
