package seriatim

import (
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// access is the way to one host: a connection, and what carries stubs over it. Safe for any number of goroutines.
type access struct {
	options *Options
	address string                           // Of a route; empty, if it is where the client is connected.
	dial    func() (*grpc.ClientConn, error) // Makes the connection, if there is none from the start.
	streams atomic.Int64                     // How many calls that carry stubs have a stream of the connection.
	shared  sharedCalls

	mu     sync.Mutex
	conn   grpc.ClientConnInterface // Guarded, and so is what follows. nil before the first call.
	owned  *grpc.ClientConn         // nil, if the connection is the caller's.
	closed bool
}

// client gives what makes calls over the connection, which is made if there is none. Not under any lock.
func (a *access) client() (seriatimv1.DurableObjectsClient, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil && !a.closed {
		conn, err := a.dial()
		if err != nil {
			return nil, status.Errorf(codes.Unavailable, "no connection for the route to %q: %v", a.address, err)
		}
		a.conn, a.owned = conn, conn
	}
	if a.conn == nil {
		return nil, status.Errorf(codes.Unavailable, "the connection for the route to %q is closed", a.address)
	}
	return seriatimv1.NewDurableObjectsClient(a.conn), nil
}

func (a *access) connection() grpc.ClientConnInterface {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conn
}

// close ends the connection, unless it is the caller's, and the shared calls when they have no stubs.
func (a *access) close() error {
	a.shared.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.owned == nil {
		return nil
	}
	return a.owned.Close()
}

// carry begins to carry a stub. Under the session's lock.
func (a *access) carry(s *session) carrier {
	if a.options.SharedCalls > 0 {
		if lane := a.shared.lane(s); lane != nil {
			return lane
		}
	}
	return startLink(s)
}

// notOpened is the cause of a stub that the host has not opened in time; carried, if a stream carries it.
func (a *access) notOpened(carried bool) *FailureCause {
	within := a.options.OpenTimeout
	if carried {
		return openOverdue(fmt.Sprintf("the host has not opened the stub within %v", within))
	}
	one, each, all := "stub", "open stub", "stubs"
	if a.options.SharedCalls > 0 && !a.shared.hasNone.Load() {
		one, each, all = "shared call", "shared call", "shared calls"
	}
	full := fmt.Sprintf("the connection had no room for one more %s within %v: each %s is a stream, and the other "+
		"side allows no more of them at a time (HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS); %d %s of this client are open",
		one, within, each, a.streams.Load(), all)
	conn, ok := a.connection().(interface{ GetState() connectivity.State })
	if !ok {
		return openOverdue(fmt.Sprintf("there was no connection to the host within %v; or %s", within, full))
	}
	if state := conn.GetState(); state != connectivity.Ready {
		return openOverdue(fmt.Sprintf("there was no connection to the host within %v: it is %v", within, state))
	}
	cause := newCause(ReasonOpenOverdue, codes.ResourceExhausted, full)
	cause.Overloaded = true
	return cause
}

func openOverdue(message string) *FailureCause {
	cause := newCause(ReasonOpenOverdue, codes.Unavailable, message)
	cause.Retryable = true
	return cause
}
