package seriatim

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// Namespace is a class of durable objects, such as COUNTER: it gives stubs on its objects, and their ids.
//
// Getting a stub never talks to the host. The ids need the namespace's unique key, unless it was given to
// DurableObjects.NamespaceWithKey: the first method that needs it asks the host for it, and waits for up to
// Options.DescribeTimeout; it is then known for good. If the asking fails, that method returns a gRPC status
// error, and the next one asks again.
//
// Safe for any number of goroutines.
type Namespace struct {
	objects   *DurableObjects
	name      string
	resumable bool          // So are the stubs that it gives.
	key       *namespaceKey // Also that of the namespace whose stubs are so, or aren't.
}

// namespaceKey is what a client knows of a namespace's unique key.
type namespaceKey struct {
	asking chan struct{}       // Holds one token: who has taken it may ask the host.
	ids    atomic.Pointer[IDs] // nil until the key is known. Set by who has the token.
}

func newNamespace(objects *DurableObjects, name string) *Namespace {
	n := &Namespace{objects: objects, name: name, key: &namespaceKey{asking: make(chan struct{}, 1)}}
	n.key.asking <- struct{}{}
	return n
}

// Name is the name of the namespace.
func (n *Namespace) Name() string { return n.name }

// Resumable is the same namespace, whose stubs outlive their connections:
//
//	stub, err := objects.Namespace("COUNTER").Resumable().GetByName("foo")
//
// When such a stub loses its connection, or its host shuts down or loses the object, it waits, gets another connection
// by itself, and goes on where the host stands: what was executed is answered, what was not is sent again, in order, and
// nothing that wrote is executed twice. Its callers notice nothing of that but the time that it takes, and neither do
// break listeners. Calls that are made meanwhile wait behind the others.
//
// It is given up, and breaks with what it was lost by, when it wasn't resumed within Options.ResumeTimeout, or before half of
// the time is over for which the host remembers, since the oldest unanswered call was sent; or when
// Options.MaxResumesWithoutProgress connections in a row have brought no outcome. Then the calls that may have been
// executed have FateUnknown. A call whose deadline passes while there is no connection ends at once, with
// ReasonAnswerOverdue; it keeps its place, and the host breaks the stub there, unless it was executed before.
//
// What wrote nothing is executed again if the object has been lost from memory meanwhile; so what a method does
// elsewhere, such as a call to another service, may happen twice, unless it writes something, too. A host without
// resumable stubs makes them ordinary ones: Stub.IsResumable.
//
// How soon a connection that is silently lost is found out is what Options.KeepAliveTime and Options.KeepAliveTimeout say;
// such stubs make shorter ones worthwhile.
func (n *Namespace) Resumable() *Namespace {
	if n.resumable {
		return n
	}
	return &Namespace{objects: n.objects, name: n.name, resumable: true, key: n.key}
}

// GetByName gives a new stub on the object with this name. It doesn't block, and doesn't need the unique key.
// An error, if the name isn't 1 to MaxNameBytes bytes of UTF-8, or that of the namespace is empty or no UTF-8.
func (n *Namespace) GetByName(name string) (*Stub, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	return newStub(n, name, nil), nil
}

// Get gives a new stub on the object with this id. It doesn't block. If the id knows its name, the object is opened by
// that name, and so learns it; but by the id, as long as it isn't known whether this namespace has the unique key that the
// id was made with.
//
// An error with ReasonInvalidID, and nothing is sent, if the id is certainly another namespace's: if it doesn't fit this
// one's unique key, where that is known, or if a namespace of another name of the same client made it. The host refuses
// any other that isn't this namespace's. Also an error, if the id is the zero ID, or the name of the namespace is empty or
// no UTF-8.
func (n *Namespace) Get(id ID) (*Stub, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if id.Equal(ID{}) {
		return nil, invalidID("the id is zero, expected one that was made by a namespace")
	}
	known := n.key.ids.Load()
	if known != nil && !known.fit(id) || known == nil && n.isOfSibling(id) {
		from := "another namespace"
		if id.maker != nil && id.maker.namespace != nil {
			from = id.maker.String()
		}
		return nil, invalidID("id '%v' is of %s, expected one of namespace '%s'", id, from, n.name)
	}
	name := ""
	if known != nil {
		name = id.name
	}
	return newStub(n, name, &id), nil
}

// isOfSibling tells whether an id was made by another namespace of the same host.
func (n *Namespace) isOfSibling(id ID) bool {
	if id.maker == nil || id.maker.namespace == nil {
		return false
	}
	maker := id.maker.namespace
	return maker.objects == n.objects && maker.name != n.name
}

// IDFromName is the id of the object with this name; the same for ever. An error, if the name isn't 1 to
// MaxNameBytes bytes of UTF-8. It may ask the host, as said above.
func (n *Namespace) IDFromName(ctx context.Context, name string) (ID, error) {
	if err := checkName(name); err != nil {
		return ID{}, err
	}
	ids, err := n.known(ctx)
	if err != nil {
		return ID{}, err
	}
	return ids.FromName(name)
}

// IDFromString is the id that these 64 digits show. An error, if it isn't 64 lower-case hex digits, or is the
// id of another namespace. It may ask the host, as said above.
func (n *Namespace) IDFromString(ctx context.Context, digits string) (ID, error) {
	ids, err := n.known(ctx)
	if err != nil {
		return ID{}, err
	}
	return ids.FromString(digits)
}

// NewUniqueID is a new id that no one else has. It may ask the host, as said above.
func (n *Namespace) NewUniqueID(ctx context.Context) (ID, error) {
	ids, err := n.known(ctx)
	if err != nil {
		return ID{}, err
	}
	return ids.NewUniqueID(), nil
}

func (n *Namespace) check() error {
	if n.name == "" {
		return errors.New("seriatim: the namespace is empty, expected a name")
	}
	if !utf8.ValidString(n.name) {
		return fmt.Errorf("seriatim: namespace %q, expected UTF-8", n.name)
	}
	return nil
}

// known asks the host for the unique key, if no one has done so before.
func (n *Namespace) known(ctx context.Context) (*IDs, error) {
	if ids := n.key.ids.Load(); ids != nil {
		return ids, nil
	}
	select {
	case <-n.key.asking:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	defer func() { n.key.asking <- struct{}{} }()
	if ids := n.key.ids.Load(); ids != nil { // Someone else has asked meanwhile.
		return ids, nil
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.objects.options.DescribeTimeout)
	defer cancel()
	client, err := n.objects.host.client()
	if err != nil {
		return nil, err
	}
	description, err := client.DescribeNamespace(ctx, &seriatimv1.DescribeNamespaceRequest{Name: n.name})
	if err != nil {
		return nil, err
	}
	if description.GetName() != n.name || description.GetUniqueKey() == "" {
		return nil, status.Errorf(codes.Internal,
			"the host described namespace %q with unique key %q, expected namespace %q and a key",
			description.GetName(), description.GetUniqueKey(), n.name)
	}
	return n.learn(description.GetUniqueKey())
}

// learn takes the unique key in.
func (n *Namespace) learn(uniqueKey string) (*IDs, error) {
	ids, err := NewIDs(uniqueKey)
	if err != nil {
		return nil, err
	}
	ids.namespace = n
	n.key.ids.Store(ids)
	return ids, nil
}
