// The wire contract of Seriatim: durable objects, called in order over gRPC.
//
// This file is the specification. The words MUST, SHOULD and MAY are used as in RFC 2119. "Client" is
// whoever opens a stub, "host" is the process that serves this service.
//
// THE MODEL
//
// A *durable object* is one live, single-threaded thing with a name (or a unique id) inside a
// *namespace*. A namespace is a class of objects: it has a name such as `COUNTER`, a unique key from
// which ids are derived, and exactly one gRPC service, whose unary methods the objects implement.
//
// A *stub* is a client's reference to one object. A stub IS one `Connect` call: it starts with the
// call, and it ends, for ever, with the call; a *resumable* one is several calls, one after the other:
// see RESUMABLE STUBS. Through it the client sends *invocations*, each one a method call on the object,
// numbered 1, 2, 3, ... by the client. The host executes the invocations of
// one stub strictly in the order of their numbers: n+1 starts only after n has completed. The reply to
// an invocation is its *outcome*; outcomes carry the number of their invocation and leave the host in
// the order of the numbers, one for each invocation that completed.
//
// The execution of one invocation is a *turn*. One object runs one turn at a time, however many stubs
// are open on it. Between the invocations of two different stubs there is no order, but stubs on the
// same object are served fairly, in turn. A turn is atomic: what it wrote becomes durable as a whole
// when it completes normally, and not at all otherwise. An outcome is sent only when every write that
// it could have seen is durable.
//
// Anything but a normal reply *breaks* the stub. The invocation that failed is at fault; every
// invocation behind it fails with the same cause and never starts.
//
// THE STATES OF A STUB
//
//   opening   The client has sent a first frame with `open`. It MAY put invocations into that same
//             frame and MAY send more frames without waiting for an answer.
//   open      The host has sent a first frame with `opened`. It does so at once, before any turn has
//             run. Invocations go up, outcomes come down.
//   closing   The client has half-closed the call. The host finishes every invocation that it was
//             sent, sends the outcomes, and ends the call with status OK.
//   closed    The call has ended with status OK. Every invocation has had its outcome.
//   broken    The host has sent a frame with `broken`, the last frame of the call, and has ended the
//             call with the same code and message; or the call was lost without one, which it also is
//             if another host has the object and that host was lost.
//
// There is no way back from `closed` and `broken`. To go on, a client opens a new stub, which starts
// at sequence 1 again and knows nothing of the old one.
//
// WHAT A CLIENT KNOWS AFTER A BREAK
//
// After a `broken` frame: every invocation up to and including `completed_through` completed, is
// durable, and had its outcome sent before that frame; every invocation above it had no effect. Nothing
// is unknown.
//
// After a call that ended with any status and without a `broken` frame, or with status OK while
// invocations are unanswered: an invocation whose outcome was received completed; one that was never
// handed to the transport was not executed; for one that was sent and not answered the client MUST
// assume that it may or may not have been executed. A host ends a call so itself, with UNAVAILABLE, if
// its store doesn't say in time whether what the stub's invocations wrote is durable. With a session it
// need not be left at that: see RESUMABLE STUBS.
//
// A client that cancels the call, or vanishes, gives up its outcomes. Turns that have not started by
// then never start. A turn that is running goes on to its own end, and what it wrote becomes durable.
//
// FAILURE TAKES ITS PLACE IN THE QUEUE
//
// An invocation that can't be executed (a malformed argument, a wrong number, a limit that it passed)
// breaks the stub when its turn comes, not when it arrives. Whatever was validly sent before it still
// runs and still gets its outcome. So the result of a given list of frames does not depend on timing.
// Frames behind such a failure are read and discarded.
//
// One that has nothing before it on its stub any more doesn't wait for the object: the host breaks the stub,
// or ends it after a half-close, though another stub's turn is running.
//
// TIMEOUTS
//
// An invocation may have a `timeout`, which the host holds it to (see `Invocation.timeout`). It travels as a
// time span, so the two clocks need not agree; a client's own deadline of the same length passes a little
// before the host's. When a call's deadline has passed and there is no answer, a client
//
//   - waits for the host's word some time longer (its *deadline grace*; 1 s, say), if the oldest unanswered
//     call of the stub has a deadline that has passed, too: the host is about to tell.
//   - otherwise gives up this one call. An older call without a deadline, or with a later one, stands before
//     it, and the host can't tell before that is done. The call fails with DEADLINE_EXCEEDED for its caller;
//     what became of it is unknown (or it was not executed, if it was never handed to the transport).
//   - gives up this one call, likewise, if the grace is over without a word.
//
// Whenever older calls are answered in between, this is looked at anew. In no case does the stub break: the
// other calls wait for the host, and a call without a timeout never fails because of another one's. A call
// that was given up keeps its place: one that was not sent yet MUST still be sent, with what is left of its
// time (zero), so that the host breaks the stub there and no call that was made behind it runs.
//
// RESUMABLE STUBS
//
// A stub that is opened with `session` is *resumable*: it may outlive its call. It is made of one `Connect`
// call after another, its *connections*, which the client numbers 1, 2, 3, ... What this file says of a
// stub then holds for all of its connections together: the numbers of its invocations run on, n+1 starts
// only after n has completed, each invocation that completes has one outcome, and a break is for ever.
//
// The host keeps a *record* of the session with the object: through which number it has completed, the
// outcomes that the client has not acknowledged, and the break, if there was one. What a turn wrote and
// what the record says of that turn become durable together. So what wrote is not executed again: its
// outcome is told from the record.
//
// A turn that wrote nothing makes no record durable by itself. Its outcome is in the record as long as the
// object is in memory, and becomes durable with the next turn of the session that writes. If the object is
// lost from memory before, and its outcome was not received, it is executed again: nothing behind it has
// been, and it is as if it had never run. What such a turn did outside of the object (a call to another
// one, say) may then happen twice.
//
// A connection ends as any call does, and with it:
//
//   a call that is lost             The session goes on. The client opens the next connection with the
//                                   same `id`.
//   a `broken` that is `retryable`  The same. Everything above `completed_through` had no effect yet.
//   any other `broken` behind       The stub is broken, and the record keeps the break: the next
//   `opened`                        connection, if there is one, is told the same.
//   status OK                       The stub is closed. The host forgets the session if everything was
//                                   acknowledged.
//   a `broken` in place of          The connection could not be opened. If it is `retryable`, or
//   `opened`                        SESSION_SUPERSEDED though the client has opened no newer one, the client
//                                   may try again with a higher number. Else the session has ended. It says
//                                   nothing of invocations that earlier connections have sent: their fate is
//                                   what it was.
//
// To resume, the client MUST wait for `opened` before it sends invocations.
// `Opened.session.completed_through` says where the host stands: the outcomes from `answered_through` + 1
// on follow by themselves, and the client goes on with `completed_through` + 1, whatever it had sent
// before. Without `Opened.session` the host knows nothing of sessions: the client MUST cancel the call, and
// what was sent and not answered stays unknown.
//
// A record is kept for `Opened.session.retention` after the last turn that wrote. A client MUST NOT resume
// when its oldest unanswered invocation was sent longer ago than half of that; a host checks it, and
// answers SESSION_EXPIRED. A session with nothing unanswered can be resumed at any time.
//
// So for a resumable stub an invocation is unknown only if the client gives it up: because it doesn't
// resume in time, because its caller doesn't wait for it, or because the session has expired.
//
// IDEMPOTENCY KEYS
//
// An invocation whose metadata has the key `seriatim-idempotency-key` (1 to 255 bytes of printable ASCII)
// is executed at most once for that object and key, whatever stub it comes on, for as long as the host
// remembers it (default: 24 hours after it completed). Later invocations with the key get the outcome of
// the first. Its outcome is durable before it is sent, even if its turn wrote nothing. One that failed had
// no effect and is not remembered. The same key with another method or another argument, also with the same
// message in the other form (bytes, JSON), breaks the stub with IDEMPOTENCY_MISMATCH.
//
// REASONS
//
// The cause of a break is a `google.rpc.Status` with exactly one `google.rpc.ErrorInfo` among its
// details. Its `domain` is `seriatim.dev` and its `reason` is one of these:
//
//   reason                code                retryable  the stub broke because
//   --------------------  ------------------  ---------  --------------------------------------------
//   OBJECT_EXCEPTION      what was thrown,    no         the method threw or failed its reply (`remote`)
//                         else UNKNOWN
//   OBJECT_START_FAILED   what was thrown,    no         the object could not be made: its factory
//                         else UNKNOWN                   threw (`remote`)
//   UNKNOWN_METHOD        UNIMPLEMENTED       no         the namespace's service has no such method
//   MALFORMED_ARGUMENT    INVALID_ARGUMENT    no         the bytes or the JSON are not the request type
//   INVOCATION_TIMED_OUT  DEADLINE_EXCEEDED   no         the invocation's `timeout`, or the host's limit
//                                                        on a turn, ran out
//   OBJECT_RESET          ABORTED             yes        the object was aborted, a commit failed, or the
//                                                        turn was cut off
//   CALL_CYCLE            FAILED_PRECONDITION no         the object waits for this very call: it comes,
//                                                        through other objects, from itself
//   OVERLOADED            RESOURCE_EXHAUSTED  no         a limit on what may queue, or on the size of a
//                                                        frame, was passed (`overloaded`)
//   HOST_DRAINING         UNAVAILABLE         yes        the host is shutting down
//   OWNER_UNAVAILABLE     UNAVAILABLE         yes        no host had the object in time, or none that serves
//                                                        its namespace; no invocation was delivered
//   OBJECT_MOVED          UNAVAILABLE         yes        the object went to another host, and this stub
//                                                        could not go along
//   UNKNOWN_NAMESPACE     NOT_FOUND           no         the host serves no such namespace
//   INVALID_ID            INVALID_ARGUMENT    no         the id or the name can't be one of this namespace
//   SEQUENCE_VIOLATION    INVALID_ARGUMENT    no         a number was left out, repeated, or zero
//   PROTOCOL_VIOLATION    INVALID_ARGUMENT    no         the frames break the rules of this file
//   SESSION_EXPIRED       FAILED_PRECONDITION no         the host may have forgotten what the session has
//                                                        executed
//   SESSION_SUPERSEDED    ABORTED             no         a connection of the session with this number or a
//                                                        higher one has been opened
//   IDEMPOTENCY_MISMATCH  INVALID_ARGUMENT    no         the idempotency key belongs to another call
//   UNAUTHENTICATED       UNAUTHENTICATED     no         the call came without credentials, or with some
//                                                        that don't count
//   PERMISSION_DENIED     PERMISSION_DENIED   no         its caller may not open this object, or not call
//                                                        this method
//   CREDENTIALS_EXPIRED   UNAUTHENTICATED     yes        the credentials ran out, or the caller's rights
//                                                        changed, while the stub was open; or they can't be
//                                                        verified for now
//
// If the object itself threw a status with details, those details follow the `ErrorInfo`. An `ErrorInfo`
// of the object's own is folded into the one above: its reason, its domain and its metadata stand in
// `metadata` under `object.reason`, `object.domain` and `object.metadata.KEY`.
//
// What a client does about each:
//
//   OBJECT_RESET, HOST_DRAINING, OWNER_UNAVAILABLE, OBJECT_MOVED, CREDENTIALS_EXPIRED
//                                 Open a new stub and send again what had no effect. Wait a little,
//                                 longer each time, and with jitter.
//   OVERLOADED                    The same, but never at once, and send less.
//   OBJECT_EXCEPTION, OBJECT_START_FAILED, INVOCATION_TIMED_OUT
//                                 The application decides. The same call will often fail again.
//   all others                    A fault of the client's. Sending the same again gives the same.
//   no `broken` frame at all      Open a new stub. Send again what was not executed; send again what is
//                                 unknown only if the call is idempotent.
//
// A client MUST treat a reason that it doesn't know like OBJECT_EXCEPTION, and MUST go by `retryable`
// and `overloaded` rather than by the reason.
//
// CALLERS
//
// A host MAY ask who calls: by the certificate of the connection, or by a bearer token in the header
// `authorization` of the call that carries the stub, as gRPC's call credentials send it. Then it breaks a
// stub of an unknown caller with UNAUTHENTICATED in place of `opened`, and one that the caller may not open
// with PERMISSION_DENIED. A caller may be given some methods of an object only: an invocation of another one
// breaks the stub in its place, with PERMISSION_DENIED.
//
// A stub is no longer good than its credentials. When they have run out, or the caller's rights have
// changed, the host breaks it with CREDENTIALS_EXPIRED, behind the turn that it is in; a new stub, or the
// next connection of a resumable one, comes with new credentials. A session and an idempotency key belong to
// their caller: another one's are as if they weren't there.
//
// Credentials are the host's business alone: `authorization`, `proxy-authorization` and `cookie` never reach
// an object: a host MUST leave them out of the headers of a call without a stub, and out of `metadata`.
//
// CALLS WITHOUT A STUB
//
// A host MAY also serve the namespaces' own services, for clients that have no stub: a plain unary call
// whose header `seriatim-object` names the object is one invocation, on a stub of its own. Between such
// calls there is no order. The call's deadline is the invocation's `timeout`, and its other headers, but for
// those of the transport and credentials, are its `metadata`. The header is one of
//
//   NAMESPACE/NAME      the object with this name
//   NAMESPACE/id:HEX    the object with this id: see `Open`
//
// NAME is UTF-8, percent-encoded: a byte MAY be written as `%` and two hex digits, and MUST be unless it is
// printable ASCII other than `%` and `?`; so MUST the first colon of a name that begins with `id:`, and a
// space at the end. So `COUNTER/Gr%C3%B6%C3%9Fe`, `COUNTER/id%3A7`, `COUNTER/a/b c`. Every name of an object
// can be said like this. A host MUST refuse what may have been another name before it went through a client
// or a proxy that can't send it, with INVALID_ID: any other byte, a `?` (which many make of what they can't
// send), a `%` without two hex digits, what is no UTF-8 once decoded, and the header a second time. A call
// without the header, or without a `/` in it, or with nothing before that, is a PROTOCOL_VIOLATION.
//
// A call that fails ends with the cause as its status, `google.rpc.Status` in `grpc-status-details-bin`. A
// host MUST keep the trailers within 8 KiB, as HTTP/2 counts them: a client may lose its connection over
// more. What there is no room for is left out, the object's own details first: how many of these is said in
// the `ErrorInfo`'s metadata under `object.details_left_out`. Then the message is cut.
// A method that its service doesn't have, or that isn't unary, may be refused by gRPC itself: with
// UNIMPLEMENTED, and without a cause.
//
// MANY STUBS IN ONE CALL
//
// A host MAY also serve `ConnectMany`, for clients with many stubs; one that doesn't ends that call with
// UNIMPLEMENTED, and a client then uses a call of `Connect` for each stub. A call of `ConnectMany` has *lanes*,
// numbered by the client. Each lane carries one stub, and is what a call of `Connect` is: the same frames, the
// same states, the same failures. Where this file says of a stub "the call", it is its lane that is meant: a
// lane is half-closed and cancelled by parts of its own, and its end comes as a part too. Between lanes there
// is no order, and none waits for another.
//
// The lanes share one HTTP/2 stream, so what that does for calls is done for lanes here:
//   - Both sides MUST read frames always. What is too much breaks its stub, as ever.
//   - The host sends a lane's outcomes only while the lane has *credit*, in bytes of its frames. A lane begins
//     with 262,144 (256 KiB); each frame with outcomes takes its size of it; the client gives more with
//     `more_bytes` as it takes outcomes in. A frame MAY take the credit below zero. A lane without credit
//     stops its own stub, whose turns then wait, but no other. A frame without outcomes and the end of the
//     lane take no credit, and wait for none, but they stay behind outcomes that do.
//   - Either side SHOULD put at most 256 KiB of parts into one message, or a single longer part, and SHOULD let
//     the lanes that have something to send take turns.
//
// If the call is lost, so are all its lanes: what a client knows then is what it knows of a lost call, for each
// stub. Half-closing the call is half-closing every lane; it ends with OK when all of them have ended. A host
// that shuts down ends it with UNAVAILABLE when they have. The host ends the call before that only for a fault
// that is no lane's, with INVALID_ARGUMENT: a message that is no `ConnectManyRequest`, lane 0, or a lane that
// was opened out of order. A host limits the lanes of a call (default: 100,000) and counts each as a stub; one
// over a limit breaks with OVERLOADED when it is opened.
//
// COMPATIBILITY
//
// Both sides MUST ignore fields that they don't know. New fields will never change the meaning of the
// ones that are here.

// Code generated by protoc-gen-go-grpc. DO NOT EDIT.
// versions:
// - protoc-gen-go-grpc v1.6.2
// - protoc             (unknown)
// source: seriatim/v1/durable_objects.proto

package seriatimv1

import (
	context "context"
	grpc "google.golang.org/grpc"
	codes "google.golang.org/grpc/codes"
	status "google.golang.org/grpc/status"
)

// This is a compile-time assertion to ensure that this generated file
// is compatible with the grpc package it is being compiled against.
// Requires gRPC-Go v1.64.0 or later.
const _ = grpc.SupportPackageIsVersion9

const (
	DurableObjects_Connect_FullMethodName           = "/seriatim.v1.DurableObjects/Connect"
	DurableObjects_ConnectMany_FullMethodName       = "/seriatim.v1.DurableObjects/ConnectMany"
	DurableObjects_DescribeNamespace_FullMethodName = "/seriatim.v1.DurableObjects/DescribeNamespace"
	DurableObjects_ListNamespaces_FullMethodName    = "/seriatim.v1.DurableObjects/ListNamespaces"
)

// DurableObjectsClient is the client API for DurableObjects service.
//
// For semantics around ctx use and closing/ending streaming RPCs, please refer to https://pkg.go.dev/google.golang.org/grpc/?tab=doc#ClientConn.NewStream.
//
// Durable objects, reached through stubs.
type DurableObjectsClient interface {
	// Opens a stub on one object and carries its invocations. One call is one stub.
	//
	// The client's first frame MUST have `open`; a call that is half-closed before it ends with OK, and
	// opens nothing. After the last invocation the client SHOULD half-close, and SHOULD keep reading until
	// the call ends. It MUST be ready to receive frames at any time: a client that stops reading stops its
	// own stub, whose turns then wait, but no other.
	//
	// Errors: every failure arrives as a `broken` frame, followed by the same code and message as the
	// status of the call. Without that frame the call was lost on its way.
	Connect(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[ConnectRequest, ConnectResponse], error)
	// Carries many stubs, each on a lane: see MANY STUBS IN ONE CALL.
	//
	// Errors: what fails on a lane is told on the lane. UNIMPLEMENTED, if the host has no such method;
	// INVALID_ARGUMENT, for a fault that is no lane's.
	ConnectMany(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[ConnectManyRequest, ConnectManyResponse], error)
	// Describes one namespace: what a client needs to derive ids by itself and to know the methods.
	//
	// Errors: NOT_FOUND with reason UNKNOWN_NAMESPACE among the status details.
	DescribeNamespace(ctx context.Context, in *DescribeNamespaceRequest, opts ...grpc.CallOption) (*DescribeNamespaceResponse, error)
	// Lists the namespaces that the host serves, in the order of their names.
	ListNamespaces(ctx context.Context, in *ListNamespacesRequest, opts ...grpc.CallOption) (*ListNamespacesResponse, error)
}

type durableObjectsClient struct {
	cc grpc.ClientConnInterface
}

func NewDurableObjectsClient(cc grpc.ClientConnInterface) DurableObjectsClient {
	return &durableObjectsClient{cc}
}

func (c *durableObjectsClient) Connect(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[ConnectRequest, ConnectResponse], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &DurableObjects_ServiceDesc.Streams[0], DurableObjects_Connect_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[ConnectRequest, ConnectResponse]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type DurableObjects_ConnectClient = grpc.BidiStreamingClient[ConnectRequest, ConnectResponse]

func (c *durableObjectsClient) ConnectMany(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[ConnectManyRequest, ConnectManyResponse], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &DurableObjects_ServiceDesc.Streams[1], DurableObjects_ConnectMany_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[ConnectManyRequest, ConnectManyResponse]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type DurableObjects_ConnectManyClient = grpc.BidiStreamingClient[ConnectManyRequest, ConnectManyResponse]

func (c *durableObjectsClient) DescribeNamespace(ctx context.Context, in *DescribeNamespaceRequest, opts ...grpc.CallOption) (*DescribeNamespaceResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(DescribeNamespaceResponse)
	err := c.cc.Invoke(ctx, DurableObjects_DescribeNamespace_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *durableObjectsClient) ListNamespaces(ctx context.Context, in *ListNamespacesRequest, opts ...grpc.CallOption) (*ListNamespacesResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(ListNamespacesResponse)
	err := c.cc.Invoke(ctx, DurableObjects_ListNamespaces_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DurableObjectsServer is the server API for DurableObjects service.
// All implementations must embed UnimplementedDurableObjectsServer
// for forward compatibility.
//
// Durable objects, reached through stubs.
type DurableObjectsServer interface {
	// Opens a stub on one object and carries its invocations. One call is one stub.
	//
	// The client's first frame MUST have `open`; a call that is half-closed before it ends with OK, and
	// opens nothing. After the last invocation the client SHOULD half-close, and SHOULD keep reading until
	// the call ends. It MUST be ready to receive frames at any time: a client that stops reading stops its
	// own stub, whose turns then wait, but no other.
	//
	// Errors: every failure arrives as a `broken` frame, followed by the same code and message as the
	// status of the call. Without that frame the call was lost on its way.
	Connect(grpc.BidiStreamingServer[ConnectRequest, ConnectResponse]) error
	// Carries many stubs, each on a lane: see MANY STUBS IN ONE CALL.
	//
	// Errors: what fails on a lane is told on the lane. UNIMPLEMENTED, if the host has no such method;
	// INVALID_ARGUMENT, for a fault that is no lane's.
	ConnectMany(grpc.BidiStreamingServer[ConnectManyRequest, ConnectManyResponse]) error
	// Describes one namespace: what a client needs to derive ids by itself and to know the methods.
	//
	// Errors: NOT_FOUND with reason UNKNOWN_NAMESPACE among the status details.
	DescribeNamespace(context.Context, *DescribeNamespaceRequest) (*DescribeNamespaceResponse, error)
	// Lists the namespaces that the host serves, in the order of their names.
	ListNamespaces(context.Context, *ListNamespacesRequest) (*ListNamespacesResponse, error)
	mustEmbedUnimplementedDurableObjectsServer()
}

// UnimplementedDurableObjectsServer must be embedded to have
// forward compatible implementations.
//
// NOTE: this should be embedded by value instead of pointer to avoid a nil
// pointer dereference when methods are called.
type UnimplementedDurableObjectsServer struct{}

func (UnimplementedDurableObjectsServer) Connect(grpc.BidiStreamingServer[ConnectRequest, ConnectResponse]) error {
	return status.Error(codes.Unimplemented, "method Connect not implemented")
}
func (UnimplementedDurableObjectsServer) ConnectMany(grpc.BidiStreamingServer[ConnectManyRequest, ConnectManyResponse]) error {
	return status.Error(codes.Unimplemented, "method ConnectMany not implemented")
}
func (UnimplementedDurableObjectsServer) DescribeNamespace(context.Context, *DescribeNamespaceRequest) (*DescribeNamespaceResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method DescribeNamespace not implemented")
}
func (UnimplementedDurableObjectsServer) ListNamespaces(context.Context, *ListNamespacesRequest) (*ListNamespacesResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method ListNamespaces not implemented")
}
func (UnimplementedDurableObjectsServer) mustEmbedUnimplementedDurableObjectsServer() {}
func (UnimplementedDurableObjectsServer) testEmbeddedByValue()                        {}

// UnsafeDurableObjectsServer may be embedded to opt out of forward compatibility for this service.
// Use of this interface is not recommended, as added methods to DurableObjectsServer will
// result in compilation errors.
type UnsafeDurableObjectsServer interface {
	mustEmbedUnimplementedDurableObjectsServer()
}

func RegisterDurableObjectsServer(s grpc.ServiceRegistrar, srv DurableObjectsServer) {
	// If the following call panics, it indicates UnimplementedDurableObjectsServer was
	// embedded by pointer and is nil.  This will cause panics if an
	// unimplemented method is ever invoked, so we test this at initialization
	// time to prevent it from happening at runtime later due to I/O.
	if t, ok := srv.(interface{ testEmbeddedByValue() }); ok {
		t.testEmbeddedByValue()
	}
	s.RegisterService(&DurableObjects_ServiceDesc, srv)
}

func _DurableObjects_Connect_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(DurableObjectsServer).Connect(&grpc.GenericServerStream[ConnectRequest, ConnectResponse]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type DurableObjects_ConnectServer = grpc.BidiStreamingServer[ConnectRequest, ConnectResponse]

func _DurableObjects_ConnectMany_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(DurableObjectsServer).ConnectMany(&grpc.GenericServerStream[ConnectManyRequest, ConnectManyResponse]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type DurableObjects_ConnectManyServer = grpc.BidiStreamingServer[ConnectManyRequest, ConnectManyResponse]

func _DurableObjects_DescribeNamespace_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(DescribeNamespaceRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(DurableObjectsServer).DescribeNamespace(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: DurableObjects_DescribeNamespace_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(DurableObjectsServer).DescribeNamespace(ctx, req.(*DescribeNamespaceRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _DurableObjects_ListNamespaces_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(ListNamespacesRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(DurableObjectsServer).ListNamespaces(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: DurableObjects_ListNamespaces_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(DurableObjectsServer).ListNamespaces(ctx, req.(*ListNamespacesRequest))
	}
	return interceptor(ctx, in, info, handler)
}

// DurableObjects_ServiceDesc is the grpc.ServiceDesc for DurableObjects service.
// It's only intended for direct use with grpc.RegisterService,
// and not to be introspected or modified (even as a copy)
var DurableObjects_ServiceDesc = grpc.ServiceDesc{
	ServiceName: "seriatim.v1.DurableObjects",
	HandlerType: (*DurableObjectsServer)(nil),
	Methods: []grpc.MethodDesc{
		{
			MethodName: "DescribeNamespace",
			Handler:    _DurableObjects_DescribeNamespace_Handler,
		},
		{
			MethodName: "ListNamespaces",
			Handler:    _DurableObjects_ListNamespaces_Handler,
		},
	},
	Streams: []grpc.StreamDesc{
		{
			StreamName:    "Connect",
			Handler:       _DurableObjects_Connect_Handler,
			ServerStreams: true,
			ClientStreams: true,
		},
		{
			StreamName:    "ConnectMany",
			Handler:       _DurableObjects_ConnectMany_Handler,
			ServerStreams: true,
			ClientStreams: true,
		},
	},
	Metadata: "seriatim/v1/durable_objects.proto",
}
