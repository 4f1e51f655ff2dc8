package seriatim

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
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
	options Options
	host    access  // Where stubs are opened, if there is no route.
	routes  *routes // nil, if the client follows none.

	namespaces sync.Map  // By name, each a *Namespace.
	forgotten  sync.Once // Warns of a stub that was dropped.
}

func newDurableObjects(
	conn grpc.ClientConnInterface, options Options, owned *grpc.ClientConn,
	dial func(address string) (*grpc.ClientConn, error),
) *DurableObjects {
	o := &DurableObjects{options: options}
	o.host.options, o.host.conn, o.host.owned = &o.options, conn, owned
	if options.FollowRoutes {
		o.routes = newRoutes(&o.options, dial)
	}
	return o
}

// On gives a client over a connection, which may have interceptors and credentials and stays the caller's to
// close. It should have a keepalive, so that a dead host breaks its stubs in bounded time. Nil options are the
// defaults. An error, if the options are wrong, or say to follow routes without Options.DialRoute.
func On(conn grpc.ClientConnInterface, options *Options) (*DurableObjects, error) {
	checked, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if checked.FollowRoutes && checked.DialRoute == nil {
		return nil, errors.New("seriatim: FollowRoutes on a connection that was given, expected DialRoute with it")
	}
	return newDurableObjects(conn, checked, nil, checked.DialRoute), nil
}

// Connect gives a client with a connection of its own, which a keepalive watches: Options.KeepAliveTime. It
// doesn't block; the connection is made with the first call. Nil options are the defaults. An error, if the
// options or the target are wrong.
//
// The target says where the host is, such as "localhost:7070" or "dns:///host:7070". The credentials are
// insecure.NewCredentials() for plain text, or those of the package credentials for TLS. To say who
// calls: BearerToken.
func Connect(target string, creds credentials.TransportCredentials, options *Options) (*DurableObjects, error) {
	checked, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	dial := func(address string) (*grpc.ClientConn, error) { return newConnection(address, creds, &checked) }
	conn, err := dial(target)
	if err != nil {
		return nil, fmt.Errorf("seriatim: target %q: %w", target, err)
	}
	if checked.DialRoute != nil {
		dial = checked.DialRoute
	}
	return newDurableObjects(conn, checked, conn, dial), nil
}

func newConnection(target string, creds credentials.TransportCredentials, options *Options) (*grpc.ClientConn, error) {
	return grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay:  min(firstReconnectDelay, options.MaxReconnectDelay),
				Multiplier: 2,
				Jitter:     0.2,
				MaxDelay:   options.MaxReconnectDelay,
			},
			MinConnectTimeout: options.ConnectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:    options.KeepAliveTime,
			Timeout: options.KeepAliveTimeout,
		}),
	}, options.DialOptions...)...)
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
// and wait for their end. A resumable one that waits for another connection breaks when it would get that, within
// Options.MaxResumeBackoff. It leaves a connection alone that was given to On, but shared calls end when they have no stubs,
// and so do the connections that were made for routes beside it.
func (o *DurableObjects) Close() error {
	if o.routes != nil {
		o.routes.close(o.host.owned != nil)
	}
	return o.host.close()
}

// isClosed tells whether no host can be reached any more, since the connection is closed, by whoever has it.
func (o *DurableObjects) isClosed() bool {
	conn, ok := o.host.connection().(interface{ GetState() connectivity.State })
	return ok && conn.GetState() == connectivity.Shutdown
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
