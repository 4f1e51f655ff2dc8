package seriatim

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// firstReconnectDelay is the pause after the first attempt to connect that failed; it doubles from there.
const firstReconnectDelay = 100 * time.Millisecond

// DurableObjects is a client of one Seriatim host: the way to its durable objects. Safe for any number of
// goroutines, and made to be shared.
type DurableObjects struct {
	conn    grpc.ClientConnInterface
	client  seriatimv1.DurableObjectsClient
	options Options
	owned   *grpc.ClientConn // nil, if the connection is the caller's.

	namespaces sync.Map     // By name, each a *Namespace.
	streams    atomic.Int64 // How many calls that carry stubs have a stream of the connection.
	shared     sharedCalls
	forgotten  sync.Once // Warns of a stub that was dropped.
}

func newDurableObjects(conn grpc.ClientConnInterface, options Options, owned *grpc.ClientConn) *DurableObjects {
	return &DurableObjects{
		conn: conn, client: seriatimv1.NewDurableObjectsClient(conn), options: options, owned: owned,
	}
}

// On gives a client over a connection, which may have interceptors and credentials and stays the caller's to
// close. It should have a keepalive, so that a dead host breaks its stubs in bounded time. Nil options are the
// defaults. An error, if the options are wrong.
func On(conn grpc.ClientConnInterface, options *Options) (*DurableObjects, error) {
	checked, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	return newDurableObjects(conn, checked, nil), nil
}

// Connect gives a client with a connection of its own, which a keepalive watches: Options.KeepAliveTime. It
// doesn't block; the connection is made with the first call. Nil options are the defaults. An error, if the
// options or the target are wrong.
//
// The target says where the host is, such as "localhost:7070" or "dns:///host:7070". The credentials are
// insecure.NewCredentials() for plain text, or those of the package credentials for TLS.
func Connect(target string, creds credentials.TransportCredentials, options *Options) (*DurableObjects, error) {
	checked, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay:  min(firstReconnectDelay, checked.MaxReconnectDelay),
				Multiplier: 2,
				Jitter:     0.2,
				MaxDelay:   checked.MaxReconnectDelay,
			},
			MinConnectTimeout: checked.ConnectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:    checked.KeepAliveTime,
			Timeout: checked.KeepAliveTimeout,
		}))
	if err != nil {
		return nil, fmt.Errorf("seriatim: target %q: %w", target, err)
	}
	return newDurableObjects(conn, checked, conn), nil
}

// Namespace is the namespace with this name; the same one each time. It doesn't ask the host.
func (o *DurableObjects) Namespace(name string) *Namespace {
	if known, ok := o.namespaces.Load(name); ok {
		return known.(*Namespace)
	}
	namespace, _ := o.namespaces.LoadOrStore(name, newNamespace(o, name))
	return namespace.(*Namespace)
}

// NamespaceWithKey is the namespace with this name, whose unique key the caller knows: ids are then made
// without ever asking the host. An error, if the key is empty.
func (o *DurableObjects) NamespaceWithKey(name, uniqueKey string) (*Namespace, error) {
	namespace := newNamespace(o, name)
	if _, err := namespace.learn(uniqueKey); err != nil {
		return nil, err
	}
	return namespace, nil
}

// Close ends the connection at once, if Connect made it: stubs that are still open break, so close them first
// and wait for their end. It leaves a connection alone that was given to On, but shared calls end when they have no stubs.
func (o *DurableObjects) Close() error {
	o.shared.close()
	if o.owned == nil {
		return nil
	}
	return o.owned.Close()
}

// carry begins to carry a stub. Under the session's lock.
func (o *DurableObjects) carry(s *session) carrier {
	if o.options.SharedCalls > 0 {
		if lane := o.shared.lane(s); lane != nil {
			return lane
		}
	}
	return startLink(s)
}

// notOpened is the cause of a stub that the host has not opened in time; carried, if a stream carries it.
func (o *DurableObjects) notOpened(carried bool) *FailureCause {
	within := o.options.OpenTimeout
	if carried {
		return openOverdue(fmt.Sprintf("the host has not opened the stub within %v", within))
	}
	one, each, all := "stub", "open stub", "stubs"
	if o.options.SharedCalls > 0 && !o.shared.hasNone.Load() {
		one, each, all = "shared call", "shared call", "shared calls"
	}
	full := fmt.Sprintf("the connection had no room for one more %s within %v: each %s is a stream, and the other "+
		"side allows no more of them at a time (HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS); %d %s of this client are open",
		one, within, each, o.streams.Load(), all)
	conn, ok := o.conn.(interface{ GetState() connectivity.State })
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

// warnOfDropped says once that a stub was dropped that is open. It is for people to see that they leave stubs open; the
// stub itself is closed in any case.
func (o *DurableObjects) warnOfDropped(open *seriatimv1.Open) {
	o.forgotten.Do(func() {
		object := open.GetName()
		if object == "" {
			object = open.GetId()
		}
		slog.Warn("seriatim: a stub was dropped without Close. It is closed now, and so will be others, without a word; "+
			"until the garbage collector finds them they stay open, here and at the host.",
			"namespace", open.GetNamespace(), "object", object)
	})
}
