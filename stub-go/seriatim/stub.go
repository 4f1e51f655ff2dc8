package seriatim

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// Stub is a reference to one durable object, through which it is called. It is a grpc.ClientConnInterface, so
// every client that protoc generates for the namespace's service is a typed durable-object stub:
//
//	counter := counterpb.NewCounterClient(stub)
//
// Order. Calls are executed one at a time, in the order in which they were made. A call takes its place before
// Invoke waits, and before the function Call returns, so the calls of one goroutine keep the order of the
// program. Between two stubs, also on the same object, there is no order.
//
// Failure. Anything but a normal reply breaks the stub: the calls behind the one that failed fail with the same
// cause and have not been executed, and so does every later call, at once. A broken stub stays broken; get a new
// one to go on. What became of each call is told by its CallFailure. Only a call that got no place in the order
// leaves the stub as it is: one that was refused, too large, or for which the buffer had no room.
//
// A stub breaks with its connection, too, unless it is resumable: see Namespace.Resumable.
//
// Cancelling the context of one call doesn't break the stub and doesn't take the call back. It is still executed
// in its place; its outcome is dropped, and the caller sees codes.Canceled with FateUnknown. A context that was
// cancelled before the call was made keeps it from being made.
//
// Deadlines of a context travel with the call. The host breaks the stub at the call whose deadline passes, also one
// that has passed before the call was made, when nothing of the stub stands before that call; its word says that the call
// had no effect, and the call waits for it up to Options.DeadlineGrace longer. A call behind others, whose deadlines
// have not passed, ends at its own deadline, with ReasonAnswerOverdue, and so does one whose host says nothing: it has
// FateUnknown, or FateNotExecuted if it was never sent. It keeps its place, the stub is not broken by that, and all other
// calls go on until the host tells of them.
//
// Metadata. The outgoing metadata of a context becomes the invocation's; several values of a key are joined by
// commas. A call is refused (ReasonCallRefused) and breaks nothing if a key begins with grpc- or seriatim-, if a
// text value isn't printable ASCII, if a -bin key has several values, or if the call brings credentials of its
// own. Other grpc.CallOptions have no effect. The one key that begins with seriatim- and may be given is the idempotency key:
// with it the host executes the call at most once for the object and the key, whatever stub it comes on, and
// answers the others with the outcome of the first, for as long as it remembers (24 hours, by default). It is 1 to 255
// bytes of printable ASCII:
//
//	ctx = metadata.AppendToOutgoingContext(ctx, "seriatim-idempotency-key", "order-12345")
//
// Safe for any number of goroutines. The stream to the host opens with the first call, for which the host has
// Options.OpenTimeout; with Options.SharedCalls the stub is part of a stream, without goroutines of its own. A stub that
// isn't closed keeps it open, with its goroutines, until the garbage collector finds that nobody can reach the stub any
// more: then it is closed, and the first of a client that is closed so is logged. A listener for the break that leads to
// the stub keeps the stub.
type Stub struct {
	namespace *Namespace
	name      string   // Empty, if it isn't known.
	id        *ID      // nil, if the stub was got by name.
	session   *session // Which must not lead back here, or a dropped stub would never be found.
}

var _ grpc.ClientConnInterface = (*Stub)(nil)

func newStub(namespace *Namespace, name string, id *ID) *Stub {
	open := &seriatimv1.Open{Namespace: namespace.name}
	expected := ""
	if id != nil {
		expected = id.String()
		open.Object = &seriatimv1.Open_Id{Id: expected}
	}
	if name != "" {
		open.Object = &seriatimv1.Open_Name{Name: name}
	}
	stub := &Stub{
		namespace: namespace,
		name:      name,
		id:        id,
		session:   newSession(namespace.objects, open, expected, namespace.resumable),
	}
	if namespace.objects.routes != nil {
		stub.session.path, stub.session.id = pathAndID(namespace, name, expected)
	}
	runtime.AddCleanup(stub, (*session).dropped, stub.session)
	return stub
}

// pathAndID is the id of an object, if it is known without asking anyone, or else the namespace and the name.
func pathAndID(namespace *Namespace, name, id string) (path, known string) {
	if id != "" {
		return "", id
	}
	if ids := namespace.key.ids.Load(); ids != nil {
		if derived, err := ids.FromName(name); err == nil {
			return "", derived.String()
		}
	}
	return namespace.name + "/" + name, ""
}

// ID is the id of the object. For a stub got by name it is derived from the namespace's unique key, for which
// the host may have to be asked first; see Namespace.
func (s *Stub) ID(ctx context.Context) (ID, error) {
	if s.id != nil {
		return *s.id, nil
	}
	return s.namespace.IDFromName(ctx, s.name)
}

// Name is the name of the object, if the stub was got by name or with an id that knows its name.
func (s *Stub) Name() (name string, known bool) { return s.name, s.name != "" }

// Invoke makes one call and waits for its outcome. Generated clients use it. The method is a full name, with or
// without a slash before it, or the short name of a method of the namespace's service.
func (s *Stub) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	call, err := newPendingCall(ctx, method, request, reply, options)
	if err != nil {
		return err
	}
	failure := s.session.submit(call)
	runtime.KeepAlive(s) // Until here: a stub that is dropped is closed, and lets no more calls in.
	if failure != nil {
		return failure
	}
	for _, option := range options {
		if later, ok := option.(*answerLater); ok {
			later.call = call
			call.cancelLaterWith(ctx)
			return nil
		}
	}
	return call.wait(ctx)
}

// NewStream refuses: a stub carries only unary methods.
func (s *Stub) NewStream(
	_ context.Context, desc *grpc.StreamDesc, method string, _ ...grpc.CallOption,
) (grpc.ClientStream, error) {
	kind := "bidi-streaming"
	switch {
	case !desc.ClientStreams:
		kind = "server-streaming"
	case !desc.ServerStreams:
		kind = "client-streaming"
	}
	return nil, refused(codes.Unimplemented,
		fmt.Sprintf("%s is %s, and a stub carries only unary methods", strings.TrimPrefix(method, "/"), kind))
}

// IsResumable tells whether the stub outlives its connections: whether it was got from Namespace.Resumable, and its host has
// said, when it opened the stub, that it goes along. A host that knows nothing of that makes it an ordinary stub.
func (s *Stub) IsResumable() bool { return s.session.isResumable() }

// IsBroken tells whether the stub is broken. It isn't when it has been closed and all went well.
func (s *Stub) IsBroken() bool { return s.BreakCause() != nil }

// BreakCause is why the stub is broken; nil, if it isn't.
func (s *Stub) BreakCause() *FailureCause { return s.session.breakCause() }

// OnBreak has this told once, with the cause, when the stub breaks: after its calls have failed, on the
// goroutine that found the break, or on another one if that serves other stubs, too. At once, on this goroutine, if that
// has been. Never, if the stub ends without breaking.
func (s *Stub) OnBreak(listener func(*FailureCause)) { s.session.onBreak(listener) }

// Close lets no more calls in, and ends the stub when the calls made so far have been answered. It doesn't wait
// for that: AwaitEnd does. Later calls fail with ReasonStubClosed. It does nothing on a stub that is closed or
// broken.
func (s *Stub) Close() { s.session.close() }

// Cancel breaks the stub from this side, without waiting for outcomes. Calls that were sent have FateUnknown, and
// the host doesn't start those that haven't started by the time it hears of this. It does nothing on a stub that
// has ended. The message says why, for those whose calls fail.
func (s *Stub) Cancel(message string) {
	s.session.breakStub(newCause(ReasonStubCancelled, codes.Canceled, message), FateUnknown)
}

// AwaitEnd waits until the stub has ended. It returns nil if it was closed and every call was answered, the
// FailureCause if it is broken and every call has failed, and the context's error if that comes first. Without
// Close, only a break ends a stub.
func (s *Stub) AwaitEnd(ctx context.Context) error {
	defer runtime.KeepAlive(s)
	select {
	case <-s.session.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if cause := s.BreakCause(); cause != nil {
		return cause
	}
	return nil
}

// String is the namespace, and the name or the id.
func (s *Stub) String() string {
	object := s.name
	if object == "" {
		object = s.id.String()
	}
	return fmt.Sprintf("Stub[%s/%s]", s.namespace.name, object)
}

// answerLater asks Invoke not to wait.
type answerLater struct {
	grpc.EmptyCallOption
	call *pendingCall // Set by Invoke, if the call was taken in.
}

// Answered is for the package otel beside this one, whose spans end with the call: what is closed then, and what gives
// its failure. Both are nil if the call was not taken in by a stub.
func (a *answerLater) Answered() (<-chan struct{}, func() error) {
	if a.call == nil {
		return nil, nil
	}
	return a.call.done, a.call.err
}

// Future is the outcome of a call that may not have been answered yet. Safe for any number of goroutines.
type Future[Response any] struct {
	done  chan struct{}
	later answerLater // Without a call, if that was not made on a stub, or not taken in by it.
	value *Response
	err   error
}

// Call makes one call through a generated client on a Stub, and doesn't wait for its outcome. The call takes its
// place in the order before this returns, so one goroutine can make many, one behind the other:
//
//	counter := counterpb.NewCounterClient(stub)
//	first := seriatim.Call(ctx, counter.Increment, &counterpb.IncrementRequest{Amount: 1})
//	second := seriatim.Call(ctx, counter.Increment, &counterpb.IncrementRequest{Amount: 2})
//	value, err := first.Get()
//
// The context is that of the call, until it is answered: see Stub. The request may be used again when this has
// returned. The generated client may be on a connection that wraps a Stub, as long as that passes the call
// options on and doesn't look at the reply; on any other connection this waits for the outcome.
func Call[Request, Response any](
	ctx context.Context,
	method func(context.Context, *Request, ...grpc.CallOption) (*Response, error),
	request *Request,
) *Future[Response] {
	future := &Future[Response]{}
	future.value, future.err = method(ctx, request, &future.later)
	if future.err != nil || future.later.call == nil {
		future.done = make(chan struct{})
		close(future.done)
		return future
	}
	future.done = future.later.call.done
	return future
}

// Done is closed when the call has been answered, has failed, or was cancelled with its context.
func (f *Future[Response]) Done() <-chan struct{} { return f.done }

// Get waits for the outcome. An error is a *CallFailure. Every time it gives the same.
func (f *Future[Response]) Get() (*Response, error) {
	<-f.done
	if f.err != nil {
		return nil, f.err
	}
	if call := f.later.call; call != nil && call.failure != nil {
		return nil, call.failure
	}
	return f.value, nil
}
