package seriatim

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// firstReconnectDelay is the pause after the first attempt to connect that failed; it doubles from there.
const firstReconnectDelay = 100 * time.Millisecond

// DurableObjects is a client of one Seriatim host: the way to its durable objects. Safe for any number of
// goroutines, and made to be shared.
type DurableObjects struct {
	client  seriatimv1.DurableObjectsClient
	options Options
	owned   *grpc.ClientConn // nil, if the connection is the caller's.

	namespaces sync.Map // By name, each a *Namespace.
}

// On gives a client over a connection, which may have interceptors and credentials and stays the caller's to
// close. It should have a keepalive, so that a dead host breaks its stubs in bounded time. Nil options are the
// defaults. An error, if the options are wrong.
func On(conn grpc.ClientConnInterface, options *Options) (*DurableObjects, error) {
	checked, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	return &DurableObjects{client: seriatimv1.NewDurableObjectsClient(conn), options: checked}, nil
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
	return &DurableObjects{client: seriatimv1.NewDurableObjectsClient(conn), options: checked, owned: conn}, nil
}

// Namespace is the namespace with this name; the same one each time. It doesn't ask the host.
func (o *DurableObjects) Namespace(name string) *Namespace {
	if known, ok := o.namespaces.Load(name); ok {
		return known.(*Namespace)
	}
	namespace, _ := o.namespaces.LoadOrStore(name, newNamespace(o, name, nil))
	return namespace.(*Namespace)
}

// NamespaceWithKey is the namespace with this name, whose unique key the caller knows: ids are then made
// without ever asking the host. An error, if the key is empty.
func (o *DurableObjects) NamespaceWithKey(name, uniqueKey string) (*Namespace, error) {
	ids, err := NewIDs(uniqueKey)
	if err != nil {
		return nil, err
	}
	return newNamespace(o, name, ids), nil
}

// Close ends the connection at once, if Connect made it: stubs that are still open break, so close them first
// and wait for their end. It leaves a connection alone that was given to On.
func (o *DurableObjects) Close() error {
	if o.owned == nil {
		return nil
	}
	return o.owned.Close()
}
