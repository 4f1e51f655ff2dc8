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

// Code generated by protoc-gen-go. DO NOT EDIT.
// versions:
// 	protoc-gen-go v1.36.12
// 	protoc        (unknown)
// source: seriatim/v1/durable_objects.proto

package seriatimv1

import (
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	status "google.golang.org/genproto/googleapis/rpc/status"
	protoreflect "google.golang.org/protobuf/reflect/protoreflect"
	protoimpl "google.golang.org/protobuf/runtime/protoimpl"
	durationpb "google.golang.org/protobuf/types/known/durationpb"
	structpb "google.golang.org/protobuf/types/known/structpb"
	reflect "reflect"
	sync "sync"
	unsafe "unsafe"
)

const (
	// Verify that this generated code is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(20 - protoimpl.MinVersion)
	// Verify that runtime/protoimpl is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(protoimpl.MaxVersion - 20)
)

// A frame from the client. A frame carries a list, so that one message can carry many calls: a client
// SHOULD send a call at once while few frames are unanswered, and otherwise gather calls until an answer
// comes back. A frame with neither field is allowed, and does nothing, anywhere but first.
//
// A host limits the size of one frame, decompressed if it came compressed; the default is 4 MiB. A frame
// over it breaks the stub with OVERLOADED in its place. (One many times over it is cut off by the transport,
// without a `broken`.)
//
// A frame that can't be read, since its bytes are no `ConnectRequest`, breaks the stub with
// PROTOCOL_VIOLATION in its place. Invocations that stand whole in front of the fault SHOULD run.
type ConnectRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// What the stub is a reference to. MUST be in the first frame, and MUST NOT be in any later one.
	// Errors: PROTOCOL_VIOLATION, in the place of the frame, none of whose invocations then runs.
	Open *Open `protobuf:"bytes,1,opt,name=open,proto3" json:"open,omitempty"`
	// Invocations in the order of their numbers. The first one of the stub MUST have number 1, and each
	// one MUST have the number after that of the one before it, across all frames.
	// Errors: SEQUENCE_VIOLATION, whose message names the number expected and the number got.
	Invocations []*Invocation `protobuf:"bytes,2,rep,name=invocations,proto3" json:"invocations,omitempty"`
	// Every outcome of this stub up to this number has been received; the host may forget them. It never goes
	// back: a lower one than before says nothing, as 0 does. Without a session it does nothing.
	//
	// With a session a client SHOULD set it in every frame. It MUST send a frame that has nothing else when
	// it has received 256 outcomes, or 64 KiB of them, since it last set it, and no invocation can leave: a
	// host lets the session's turns wait while too much is unacknowledged (default: 4,096 outcomes, or 1
	// MiB). Such a frame is not answered, and doesn't count as unanswered. Errors: PROTOCOL_VIOLATION, if no
	// such outcome was sent.
	AcknowledgedThrough uint64 `protobuf:"varint,3,opt,name=acknowledged_through,json=acknowledgedThrough,proto3" json:"acknowledged_through,omitempty"`
	unknownFields       protoimpl.UnknownFields
	sizeCache           protoimpl.SizeCache
}

func (x *ConnectRequest) Reset() {
	*x = ConnectRequest{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[0]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ConnectRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ConnectRequest) ProtoMessage() {}

func (x *ConnectRequest) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[0]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ConnectRequest.ProtoReflect.Descriptor instead.
func (*ConnectRequest) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{0}
}

func (x *ConnectRequest) GetOpen() *Open {
	if x != nil {
		return x.Open
	}
	return nil
}

func (x *ConnectRequest) GetInvocations() []*Invocation {
	if x != nil {
		return x.Invocations
	}
	return nil
}

func (x *ConnectRequest) GetAcknowledgedThrough() uint64 {
	if x != nil {
		return x.AcknowledgedThrough
	}
	return 0
}

// Chooses the object.
type Open struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The name of a namespace that the host serves. Errors: UNKNOWN_NAMESPACE.
	Namespace string `protobuf:"bytes,1,opt,name=namespace,proto3" json:"namespace,omitempty"`
	// Which object of the namespace. MUST be set. Errors: PROTOCOL_VIOLATION.
	//
	// Types that are valid to be assigned to Object:
	//
	//	*Open_Name
	//	*Open_Id
	//	*Open_Unique
	Object isOpen_Object `protobuf_oneof:"object"`
	// Makes the stub resumable, if the host says so too, in `Opened.session`. MUST NOT be set together with
	// `unique`. Errors: PROTOCOL_VIOLATION.
	Session       *Session `protobuf:"bytes,5,opt,name=session,proto3" json:"session,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Open) Reset() {
	*x = Open{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[1]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Open) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Open) ProtoMessage() {}

func (x *Open) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[1]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Open.ProtoReflect.Descriptor instead.
func (*Open) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{1}
}

func (x *Open) GetNamespace() string {
	if x != nil {
		return x.Namespace
	}
	return ""
}

func (x *Open) GetObject() isOpen_Object {
	if x != nil {
		return x.Object
	}
	return nil
}

func (x *Open) GetName() string {
	if x != nil {
		if x, ok := x.Object.(*Open_Name); ok {
			return x.Name
		}
	}
	return ""
}

func (x *Open) GetId() string {
	if x != nil {
		if x, ok := x.Object.(*Open_Id); ok {
			return x.Id
		}
	}
	return ""
}

func (x *Open) GetUnique() bool {
	if x != nil {
		if x, ok := x.Object.(*Open_Unique); ok {
			return x.Unique
		}
	}
	return false
}

func (x *Open) GetSession() *Session {
	if x != nil {
		return x.Session
	}
	return nil
}

type isOpen_Object interface {
	isOpen_Object()
}

type Open_Name struct {
	// The object with this name: 1 to 1,024 bytes of UTF-8. Its id is derived from the name as
	// below, so that the same name means the same object for ever. Errors: INVALID_ID.
	Name string `protobuf:"bytes,2,opt,name=name,proto3,oneof"`
}

type Open_Id struct {
	// The object with this id: 64 lower-case hex digits, as in `Opened.id`. Errors: INVALID_ID, also
	// for an id that belongs to another namespace.
	//
	// An id is 32 bytes, `base` and then `check`, 16 bytes each. With `key = SHA-256(unique key)`:
	//
	//	check = the first 16 bytes of HMAC-SHA-256(key, base)
	//	base  = the first 16 bytes of HMAC-SHA-256(key, name)    for a named object
	//	base  = 16 random bytes                                  for a unique one
	//
	// Strings are hashed as their UTF-8 bytes. The unique key is in `DescribeNamespaceResponse`.
	Id string `protobuf:"bytes,3,opt,name=id,proto3,oneof"`
}

type Open_Unique struct {
	// A new object that no one has named or opened before. MUST be true. The host makes its id, and
	// says it in `Opened.id`. Errors: PROTOCOL_VIOLATION, if false.
	Unique bool `protobuf:"varint,4,opt,name=unique,proto3,oneof"`
}

func (*Open_Name) isOpen_Object() {}

func (*Open_Id) isOpen_Object() {}

func (*Open_Unique) isOpen_Object() {}

// One connection of a session.
type Session struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Names the session: 16 random bytes, made anew for each resumable stub. Whoever knows it can take the
	// session over, so it is the client's secret: it MUST come from a good source, and SHOULD not be logged.
	// A session belongs to the object and, where there is one, to the authenticated caller that opened it.
	// Errors: PROTOCOL_VIOLATION, if it isn't 16 bytes.
	Id []byte `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	// The number of this connection: 1 for the first, and a higher one for each that follows, also for those
	// that failed. A host serves the highest that it has seen. The one before, if its call is still there,
	// ends with ABORTED, without a `broken`, when the turn that it is in has ended; what it had queued is not
	// executed for it. Errors: PROTOCOL_VIOLATION, if it is 0; SESSION_SUPERSEDED, if one with this number or
	// a higher one was opened.
	Connection uint32 `protobuf:"varint,2,opt,name=connection,proto3" json:"connection,omitempty"`
	// Every outcome up to this number has been received on earlier connections. 0 on the first. Errors:
	// PROTOCOL_VIOLATION, if it isn't, or if more than that has been acknowledged before, and so is forgotten.
	AnsweredThrough uint64 `protobuf:"varint,3,opt,name=answered_through,json=answeredThrough,proto3" json:"answered_through,omitempty"`
	// For how long the oldest invocation that was sent and not answered has been on its way. Not set if there
	// is none. Errors: SESSION_EXPIRED, if the host has no record, and this is more than half of its
	// retention.
	UnansweredFor *durationpb.Duration `protobuf:"bytes,4,opt,name=unanswered_for,json=unansweredFor,proto3" json:"unanswered_for,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Session) Reset() {
	*x = Session{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[2]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Session) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Session) ProtoMessage() {}

func (x *Session) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[2]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Session.ProtoReflect.Descriptor instead.
func (*Session) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{2}
}

func (x *Session) GetId() []byte {
	if x != nil {
		return x.Id
	}
	return nil
}

func (x *Session) GetConnection() uint32 {
	if x != nil {
		return x.Connection
	}
	return 0
}

func (x *Session) GetAnsweredThrough() uint64 {
	if x != nil {
		return x.AnsweredThrough
	}
	return 0
}

func (x *Session) GetUnansweredFor() *durationpb.Duration {
	if x != nil {
		return x.UnansweredFor
	}
	return nil
}

// One method call on the object.
type Invocation struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The number of this invocation in its stub: 1, 2, 3, ...
	Sequence uint64 `protobuf:"varint,1,opt,name=sequence,proto3" json:"sequence,omitempty"`
	// A unary method of the namespace's service: its short name, such as `Increment`, or its full one,
	// such as `seriatim.examples.v1.Counter/Increment`. Errors: UNKNOWN_METHOD, also for a method that
	// is not unary.
	Method string `protobuf:"bytes,2,opt,name=method,proto3" json:"method,omitempty"`
	// The argument: the method's request message. If neither is set, it is the empty message, and the
	// outcome comes as `message`. Errors: MALFORMED_ARGUMENT.
	//
	// Types that are valid to be assigned to Argument:
	//
	//	*Invocation_Message
	//	*Invocation_Json
	Argument isInvocation_Argument `protobuf_oneof:"argument"`
	// How long the invocation may take, from its arrival at the host to the end of its turn, waiting in
	// the queue included. Zero or less has run out on arrival. The host has a limit on a turn of its own
	// (default: 60 s, from the start of the turn); the earlier one counts.
	//
	// An invocation whose time runs out before its turn has begun has no effect, and breaks the stub:
	//   - if every invocation before it on its stub has completed, and it waits only for the object (for
	//     another stub's turn, an alarm, a start), the host breaks the stub at once, in its place:
	//     `failed_sequence` is its number, `completed_through` the number before. So it does when the last
	//     invocation before it completes, and its time has run out already.
	//   - if an invocation of its own stub still stands before it, nothing happens until that one has
	//     completed; then as above. If that one fails, this one is behind a failure like any other.
	//
	// One whose time runs out during its turn is cut off: its writes are dropped, and the object starts anew
	// from storage.
	//
	// A client MUST NOT break a stub because an invocation's time has run out: it is the host that tells.
	// It MAY give a single call up, for its caller alone, when the host can't be about to tell, or doesn't:
	// the stub and its other calls go on, and the outcome, if it comes, is counted and dropped. See TIMEOUTS
	// at the head of this file.
	// Errors: INVOCATION_TIMED_OUT; PROTOCOL_VIOLATION, if it isn't a valid Duration.
	Timeout *durationpb.Duration `protobuf:"bytes,5,opt,name=timeout,proto3" json:"timeout,omitempty"`
	// Metadata for the method, as gRPC metadata: it reaches the object's interceptors and its context.
	// Keys MUST be valid gRPC header names in lower case. The value of a key that ends in `-bin` is
	// standard base64; the others MUST be printable ASCII. Keys that begin with `seriatim-` or `grpc-`
	// are reserved, but for `seriatim-idempotency-key`: see IDEMPOTENCY KEYS. Errors: PROTOCOL_VIOLATION, in
	// the place of the invocation.
	//
	// A caller that traces its calls puts `traceparent` there, and `tracestate` if it has one, as the W3C's
	// Trace Context has them. It SHOULD leave both out where its trace isn't sampled, for every entry costs
	// something on its way. A host MUST take a `traceparent` that breaks those rules as none.
	Metadata      map[string]string `protobuf:"bytes,6,rep,name=metadata,proto3" json:"metadata,omitempty" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Invocation) Reset() {
	*x = Invocation{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[3]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Invocation) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Invocation) ProtoMessage() {}

func (x *Invocation) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[3]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Invocation.ProtoReflect.Descriptor instead.
func (*Invocation) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{3}
}

func (x *Invocation) GetSequence() uint64 {
	if x != nil {
		return x.Sequence
	}
	return 0
}

func (x *Invocation) GetMethod() string {
	if x != nil {
		return x.Method
	}
	return ""
}

func (x *Invocation) GetArgument() isInvocation_Argument {
	if x != nil {
		return x.Argument
	}
	return nil
}

func (x *Invocation) GetMessage() []byte {
	if x != nil {
		if x, ok := x.Argument.(*Invocation_Message); ok {
			return x.Message
		}
	}
	return nil
}

func (x *Invocation) GetJson() *structpb.Value {
	if x != nil {
		if x, ok := x.Argument.(*Invocation_Json); ok {
			return x.Json
		}
	}
	return nil
}

func (x *Invocation) GetTimeout() *durationpb.Duration {
	if x != nil {
		return x.Timeout
	}
	return nil
}

func (x *Invocation) GetMetadata() map[string]string {
	if x != nil {
		return x.Metadata
	}
	return nil
}

type isInvocation_Argument interface {
	isInvocation_Argument()
}

type Invocation_Message struct {
	// Serialized, in the protobuf binary format.
	Message []byte `protobuf:"bytes,3,opt,name=message,proto3,oneof"`
}

type Invocation_Json struct {
	// In the protobuf JSON mapping. A field that the message doesn't have is an error.
	//
	// Numbers in a `Value` are doubles, and so exact only up to 2^53 - 1. Where a field of 64 bits is meant,
	// also in a list, a map, a wrapper or an `Any`, a larger one may be another than was written, and is a
	// malformed argument: clients MUST write it as a string, as the mapping allows.
	//
	// A host MUST take 32 objects or lists nested in each other, and MAY take more. What is nested deeper
	// is a malformed argument like any other, and leaves the rest of its frame as it is.
	Json *structpb.Value `protobuf:"bytes,4,opt,name=json,proto3,oneof"`
}

func (*Invocation_Message) isInvocation_Argument() {}

func (*Invocation_Json) isInvocation_Argument() {}

// A frame from the host.
type ConnectResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// In the first frame, and only there. Sent at once when the stub opens. Missing if the stub could not
	// be opened: the first frame then has `broken`.
	Opened *Opened `protobuf:"bytes,1,opt,name=opened,proto3" json:"opened,omitempty"`
	// Outcomes in the order of their numbers: the first one of the stub has number 1, and each one has
	// the number after that of the one before it, across all frames. A client MUST treat any other
	// number as a lost connection.
	Outcomes []*Outcome `protobuf:"bytes,2,rep,name=outcomes,proto3" json:"outcomes,omitempty"`
	// In the last frame, if the stub broke. It comes behind the outcomes of the same frame. The host
	// sends nothing after it, and a client MUST ignore anything after it but the end of the call.
	Broken        *Broken `protobuf:"bytes,3,opt,name=broken,proto3" json:"broken,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ConnectResponse) Reset() {
	*x = ConnectResponse{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[4]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ConnectResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ConnectResponse) ProtoMessage() {}

func (x *ConnectResponse) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[4]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ConnectResponse.ProtoReflect.Descriptor instead.
func (*ConnectResponse) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{4}
}

func (x *ConnectResponse) GetOpened() *Opened {
	if x != nil {
		return x.Opened
	}
	return nil
}

func (x *ConnectResponse) GetOutcomes() []*Outcome {
	if x != nil {
		return x.Outcomes
	}
	return nil
}

func (x *ConnectResponse) GetBroken() *Broken {
	if x != nil {
		return x.Broken
	}
	return nil
}

// Tells which object the stub is open on.
type Opened struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The object's id: 64 lower-case hex digits.
	Id string `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	// The object's name, if and only if this stub was opened by name.
	Name *string `protobuf:"bytes,2,opt,name=name,proto3,oneof" json:"name,omitempty"`
	// Where the object is, if it is at another host than the one that this call went to. A hint for stubs
	// that are opened later, and never needed: every host passes stubs on.
	Route *Route `protobuf:"bytes,4,opt,name=route,proto3" json:"route,omitempty"`
	// Set if and only if the stub is resumable. `opened` then comes when the turn that was running has ended
	// and the record has been looked up, and still before any turn of the stub. On the first connection
	// nobody needs to wait for it.
	Session       *OpenedSession `protobuf:"bytes,3,opt,name=session,proto3" json:"session,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Opened) Reset() {
	*x = Opened{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[5]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Opened) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Opened) ProtoMessage() {}

func (x *Opened) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[5]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Opened.ProtoReflect.Descriptor instead.
func (*Opened) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{5}
}

func (x *Opened) GetId() string {
	if x != nil {
		return x.Id
	}
	return ""
}

func (x *Opened) GetName() string {
	if x != nil && x.Name != nil {
		return *x.Name
	}
	return ""
}

func (x *Opened) GetRoute() *Route {
	if x != nil {
		return x.Route
	}
	return nil
}

func (x *Opened) GetSession() *OpenedSession {
	if x != nil {
		return x.Session
	}
	return nil
}

// Where a session stands.
type OpenedSession struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Invocations up to this number have completed. The outcomes above `Session.answered_through` follow, and
	// the next invocation has the number after this. A client MUST treat a number below its
	// `answered_through`, or above the last invocation that it has sent, as a lost connection from which it
	// can't resume.
	CompletedThrough uint64 `protobuf:"varint,1,opt,name=completed_through,json=completedThrough,proto3" json:"completed_through,omitempty"`
	// For how long the host remembers, after the last turn that wrote.
	Retention     *durationpb.Duration `protobuf:"bytes,2,opt,name=retention,proto3" json:"retention,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *OpenedSession) Reset() {
	*x = OpenedSession{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[6]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *OpenedSession) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*OpenedSession) ProtoMessage() {}

func (x *OpenedSession) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[6]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use OpenedSession.ProtoReflect.Descriptor instead.
func (*OpenedSession) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{6}
}

func (x *OpenedSession) GetCompletedThrough() uint64 {
	if x != nil {
		return x.CompletedThrough
	}
	return 0
}

func (x *OpenedSession) GetRetention() *durationpb.Duration {
	if x != nil {
		return x.Retention
	}
	return nil
}

// Which host has an object, and others beside it.
type Route struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The host's address, as in a gRPC target: `10.0.0.7:7070`. A client that follows it MUST forget the route
	// when a stub that was opened there is lost, or ends with UNAVAILABLE, and open the next one where it would
	// have without a route. This mends a route and repeats no call: what became of the stub's invocations is
	// what it is after any break.
	Address string `protobuf:"bytes,1,opt,name=address,proto3" json:"address,omitempty"`
	// The objects whose ids begin with the same so many bits are there, too, of whatever namespace: at most 256.
	// 0 if nothing is said of others.
	PrefixBits    uint32 `protobuf:"varint,2,opt,name=prefix_bits,json=prefixBits,proto3" json:"prefix_bits,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Route) Reset() {
	*x = Route{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[7]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Route) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Route) ProtoMessage() {}

func (x *Route) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[7]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Route.ProtoReflect.Descriptor instead.
func (*Route) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{7}
}

func (x *Route) GetAddress() string {
	if x != nil {
		return x.Address
	}
	return ""
}

func (x *Route) GetPrefixBits() uint32 {
	if x != nil {
		return x.PrefixBits
	}
	return 0
}

// The reply to one invocation that completed normally, and whose writes are durable.
type Outcome struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The number of the invocation.
	Sequence uint64 `protobuf:"varint,1,opt,name=sequence,proto3" json:"sequence,omitempty"`
	// The method's response message, in the form that the argument had.
	//
	// Types that are valid to be assigned to Result:
	//
	//	*Outcome_Message
	//	*Outcome_Json
	Result        isOutcome_Result `protobuf_oneof:"result"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Outcome) Reset() {
	*x = Outcome{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[8]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Outcome) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Outcome) ProtoMessage() {}

func (x *Outcome) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[8]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Outcome.ProtoReflect.Descriptor instead.
func (*Outcome) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{8}
}

func (x *Outcome) GetSequence() uint64 {
	if x != nil {
		return x.Sequence
	}
	return 0
}

func (x *Outcome) GetResult() isOutcome_Result {
	if x != nil {
		return x.Result
	}
	return nil
}

func (x *Outcome) GetMessage() []byte {
	if x != nil {
		if x, ok := x.Result.(*Outcome_Message); ok {
			return x.Message
		}
	}
	return nil
}

func (x *Outcome) GetJson() *structpb.Value {
	if x != nil {
		if x, ok := x.Result.(*Outcome_Json); ok {
			return x.Json
		}
	}
	return nil
}

type isOutcome_Result interface {
	isOutcome_Result()
}

type Outcome_Message struct {
	// Serialized, in the protobuf binary format.
	Message []byte `protobuf:"bytes,2,opt,name=message,proto3,oneof"`
}

type Outcome_Json struct {
	// In the protobuf JSON mapping, fields without presence included even if they have their default.
	// What would be nested deeper than a client reads fails the invocation instead, with OBJECT_EXCEPTION.
	Json *structpb.Value `protobuf:"bytes,3,opt,name=json,proto3,oneof"`
}

func (*Outcome_Message) isOutcome_Result() {}

func (*Outcome_Json) isOutcome_Result() {}

// Why and where a stub broke. After this frame the fate of every invocation is known.
type Broken struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Code, message and details, with exactly one `google.rpc.ErrorInfo` (see REASONS above). The host
	// cuts a message that is longer than 2,000 bytes of UTF-8, so that it also fits the call's status.
	Cause *status.Status `protobuf:"bytes,1,opt,name=cause,proto3" json:"cause,omitempty"`
	// Invocations 1 to `completed_through` completed, are durable, and had their outcomes sent before
	// this. Everything above had no effect.
	CompletedThrough uint64 `protobuf:"varint,2,opt,name=completed_through,json=completedThrough,proto3" json:"completed_through,omitempty"`
	// The number of the invocation that is to blame, as it was sent; 0 if no one invocation is.
	// With SEQUENCE_VIOLATION it may be any number, so a client MUST go by `completed_through`.
	FailedSequence uint64 `protobuf:"varint,3,opt,name=failed_sequence,json=failedSequence,proto3" json:"failed_sequence,omitempty"`
	// A new stub may well succeed with the same calls.
	Retryable bool `protobuf:"varint,4,opt,name=retryable,proto3" json:"retryable,omitempty"`
	// The host or the object has too much to do. A client MUST NOT try again at once.
	Overloaded bool `protobuf:"varint,5,opt,name=overloaded,proto3" json:"overloaded,omitempty"`
	// The object's own code failed, rather than Seriatim or the way there.
	Remote        bool `protobuf:"varint,6,opt,name=remote,proto3" json:"remote,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Broken) Reset() {
	*x = Broken{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[9]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Broken) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Broken) ProtoMessage() {}

func (x *Broken) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[9]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Broken.ProtoReflect.Descriptor instead.
func (*Broken) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{9}
}

func (x *Broken) GetCause() *status.Status {
	if x != nil {
		return x.Cause
	}
	return nil
}

func (x *Broken) GetCompletedThrough() uint64 {
	if x != nil {
		return x.CompletedThrough
	}
	return 0
}

func (x *Broken) GetFailedSequence() uint64 {
	if x != nil {
		return x.FailedSequence
	}
	return 0
}

func (x *Broken) GetRetryable() bool {
	if x != nil {
		return x.Retryable
	}
	return false
}

func (x *Broken) GetOverloaded() bool {
	if x != nil {
		return x.Overloaded
	}
	return false
}

func (x *Broken) GetRemote() bool {
	if x != nil {
		return x.Remote
	}
	return false
}

// A message from the client: parts of lanes.
type ConnectManyRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// In the order in which they are to be taken in. A lane may stand here more than once.
	Lanes         []*LaneRequest `protobuf:"bytes,1,rep,name=lanes,proto3" json:"lanes,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ConnectManyRequest) Reset() {
	*x = ConnectManyRequest{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[10]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ConnectManyRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ConnectManyRequest) ProtoMessage() {}

func (x *ConnectManyRequest) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[10]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ConnectManyRequest.ProtoReflect.Descriptor instead.
func (*ConnectManyRequest) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{10}
}

func (x *ConnectManyRequest) GetLanes() []*LaneRequest {
	if x != nil {
		return x.Lanes
	}
	return nil
}

// What a client says on one lane.
type LaneRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The lane's number: 1, 2, 3, ... in the order in which lanes are opened, each one by the first part with
	// its number. It is never used again. Parts of a lane that has ended are ignored, and so are frames behind
	// its half-close.
	Lane uint64 `protobuf:"varint,1,opt,name=lane,proto3" json:"lane,omitempty"`
	// What the client of a call would do. With none of them, the part only gives credit.
	//
	// Types that are valid to be assigned to What:
	//
	//	*LaneRequest_Frame
	//	*LaneRequest_HalfClose
	//	*LaneRequest_Cancel
	What isLaneRequest_What `protobuf_oneof:"what"`
	// The host may send so many more bytes of frames with outcomes on this lane.
	MoreBytes     uint32 `protobuf:"varint,5,opt,name=more_bytes,json=moreBytes,proto3" json:"more_bytes,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *LaneRequest) Reset() {
	*x = LaneRequest{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[11]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *LaneRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*LaneRequest) ProtoMessage() {}

func (x *LaneRequest) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[11]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use LaneRequest.ProtoReflect.Descriptor instead.
func (*LaneRequest) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{11}
}

func (x *LaneRequest) GetLane() uint64 {
	if x != nil {
		return x.Lane
	}
	return 0
}

func (x *LaneRequest) GetWhat() isLaneRequest_What {
	if x != nil {
		return x.What
	}
	return nil
}

func (x *LaneRequest) GetFrame() *ConnectRequest {
	if x != nil {
		if x, ok := x.What.(*LaneRequest_Frame); ok {
			return x.Frame
		}
	}
	return nil
}

func (x *LaneRequest) GetHalfClose() bool {
	if x != nil {
		if x, ok := x.What.(*LaneRequest_HalfClose); ok {
			return x.HalfClose
		}
	}
	return false
}

func (x *LaneRequest) GetCancel() bool {
	if x != nil {
		if x, ok := x.What.(*LaneRequest_Cancel); ok {
			return x.Cancel
		}
	}
	return false
}

func (x *LaneRequest) GetMoreBytes() uint32 {
	if x != nil {
		return x.MoreBytes
	}
	return 0
}

type isLaneRequest_What interface {
	isLaneRequest_What()
}

type LaneRequest_Frame struct {
	// Sends a frame. The limits on a frame, and what becomes of a bad one, are those of `Connect`. (One many
	// times over the limit ends the whole call, with RESOURCE_EXHAUSTED.)
	Frame *ConnectRequest `protobuf:"bytes,2,opt,name=frame,proto3,oneof"`
}

type LaneRequest_HalfClose struct {
	// Half-closes the lane. MUST be true; otherwise it is a PROTOCOL_VIOLATION.
	HalfClose bool `protobuf:"varint,3,opt,name=half_close,json=halfClose,proto3,oneof"`
}

type LaneRequest_Cancel struct {
	// Cancels the lane. The host sends nothing more on it. MUST be true, as above.
	Cancel bool `protobuf:"varint,4,opt,name=cancel,proto3,oneof"`
}

func (*LaneRequest_Frame) isLaneRequest_What() {}

func (*LaneRequest_HalfClose) isLaneRequest_What() {}

func (*LaneRequest_Cancel) isLaneRequest_What() {}

// A message from the host: parts of lanes.
type ConnectManyResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// In the order in which they were made. A lane may stand here more than once.
	Lanes         []*LaneResponse `protobuf:"bytes,1,rep,name=lanes,proto3" json:"lanes,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ConnectManyResponse) Reset() {
	*x = ConnectManyResponse{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[12]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ConnectManyResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ConnectManyResponse) ProtoMessage() {}

func (x *ConnectManyResponse) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[12]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ConnectManyResponse.ProtoReflect.Descriptor instead.
func (*ConnectManyResponse) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{12}
}

func (x *ConnectManyResponse) GetLanes() []*LaneResponse {
	if x != nil {
		return x.Lanes
	}
	return nil
}

// What a host says on one lane.
type LaneResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The lane's number.
	Lane uint64 `protobuf:"varint,1,opt,name=lane,proto3" json:"lane,omitempty"`
	// A frame, if there is one.
	Frame *ConnectResponse `protobuf:"bytes,2,opt,name=frame,proto3" json:"frame,omitempty"`
	// If set, the lane has ended behind the frame, with this status: the one that the call of `Connect` would
	// have, OK or the code and message of the cause. It is the last thing on the lane.
	End           *status.Status `protobuf:"bytes,3,opt,name=end,proto3" json:"end,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *LaneResponse) Reset() {
	*x = LaneResponse{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[13]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *LaneResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*LaneResponse) ProtoMessage() {}

func (x *LaneResponse) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[13]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use LaneResponse.ProtoReflect.Descriptor instead.
func (*LaneResponse) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{13}
}

func (x *LaneResponse) GetLane() uint64 {
	if x != nil {
		return x.Lane
	}
	return 0
}

func (x *LaneResponse) GetFrame() *ConnectResponse {
	if x != nil {
		return x.Frame
	}
	return nil
}

func (x *LaneResponse) GetEnd() *status.Status {
	if x != nil {
		return x.End
	}
	return nil
}

// Asks for one namespace.
type DescribeNamespaceRequest struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The name of the namespace.
	Name          string `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *DescribeNamespaceRequest) Reset() {
	*x = DescribeNamespaceRequest{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[14]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *DescribeNamespaceRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*DescribeNamespaceRequest) ProtoMessage() {}

func (x *DescribeNamespaceRequest) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[14]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use DescribeNamespaceRequest.ProtoReflect.Descriptor instead.
func (*DescribeNamespaceRequest) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{14}
}

func (x *DescribeNamespaceRequest) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

// What a client may want to know of a namespace.
type DescribeNamespaceResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The name of the namespace.
	Name string `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
	// The key from which ids are derived; see `Open.id`. It is no secret. It stays the same for as long
	// as the objects are to keep their ids.
	UniqueKey string `protobuf:"bytes,2,opt,name=unique_key,json=uniqueKey,proto3" json:"unique_key,omitempty"`
	// The full name of the gRPC service that the objects implement.
	Service string `protobuf:"bytes,3,opt,name=service,proto3" json:"service,omitempty"`
	// The methods of that service that can be invoked, in the order of their declaration.
	Methods       []*Method `protobuf:"bytes,4,rep,name=methods,proto3" json:"methods,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *DescribeNamespaceResponse) Reset() {
	*x = DescribeNamespaceResponse{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[15]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *DescribeNamespaceResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*DescribeNamespaceResponse) ProtoMessage() {}

func (x *DescribeNamespaceResponse) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[15]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use DescribeNamespaceResponse.ProtoReflect.Descriptor instead.
func (*DescribeNamespaceResponse) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{15}
}

func (x *DescribeNamespaceResponse) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

func (x *DescribeNamespaceResponse) GetUniqueKey() string {
	if x != nil {
		return x.UniqueKey
	}
	return ""
}

func (x *DescribeNamespaceResponse) GetService() string {
	if x != nil {
		return x.Service
	}
	return ""
}

func (x *DescribeNamespaceResponse) GetMethods() []*Method {
	if x != nil {
		return x.Methods
	}
	return nil
}

// One method that can be invoked on the objects of a namespace.
type Method struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// The short name, such as `Increment`.
	Name string `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
	// The full name of the request message; empty if the method doesn't take protobuf messages.
	RequestType string `protobuf:"bytes,2,opt,name=request_type,json=requestType,proto3" json:"request_type,omitempty"`
	// The full name of the response message; empty if the method doesn't give protobuf messages.
	ResponseType  string `protobuf:"bytes,3,opt,name=response_type,json=responseType,proto3" json:"response_type,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *Method) Reset() {
	*x = Method{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[16]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *Method) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Method) ProtoMessage() {}

func (x *Method) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[16]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use Method.ProtoReflect.Descriptor instead.
func (*Method) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{16}
}

func (x *Method) GetName() string {
	if x != nil {
		return x.Name
	}
	return ""
}

func (x *Method) GetRequestType() string {
	if x != nil {
		return x.RequestType
	}
	return ""
}

func (x *Method) GetResponseType() string {
	if x != nil {
		return x.ResponseType
	}
	return ""
}

// Asks for the names of all namespaces.
type ListNamespacesRequest struct {
	state         protoimpl.MessageState `protogen:"open.v1"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ListNamespacesRequest) Reset() {
	*x = ListNamespacesRequest{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[17]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ListNamespacesRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ListNamespacesRequest) ProtoMessage() {}

func (x *ListNamespacesRequest) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[17]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ListNamespacesRequest.ProtoReflect.Descriptor instead.
func (*ListNamespacesRequest) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{17}
}

// The names of all namespaces.
type ListNamespacesResponse struct {
	state protoimpl.MessageState `protogen:"open.v1"`
	// Names, in ascending order.
	Names         []string `protobuf:"bytes,1,rep,name=names,proto3" json:"names,omitempty"`
	unknownFields protoimpl.UnknownFields
	sizeCache     protoimpl.SizeCache
}

func (x *ListNamespacesResponse) Reset() {
	*x = ListNamespacesResponse{}
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[18]
	ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
	ms.StoreMessageInfo(mi)
}

func (x *ListNamespacesResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*ListNamespacesResponse) ProtoMessage() {}

func (x *ListNamespacesResponse) ProtoReflect() protoreflect.Message {
	mi := &file_seriatim_v1_durable_objects_proto_msgTypes[18]
	if x != nil {
		ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
		if ms.LoadMessageInfo() == nil {
			ms.StoreMessageInfo(mi)
		}
		return ms
	}
	return mi.MessageOf(x)
}

// Deprecated: Use ListNamespacesResponse.ProtoReflect.Descriptor instead.
func (*ListNamespacesResponse) Descriptor() ([]byte, []int) {
	return file_seriatim_v1_durable_objects_proto_rawDescGZIP(), []int{18}
}

func (x *ListNamespacesResponse) GetNames() []string {
	if x != nil {
		return x.Names
	}
	return nil
}

var File_seriatim_v1_durable_objects_proto protoreflect.FileDescriptor

const file_seriatim_v1_durable_objects_proto_rawDesc = "" +
	"\n" +
	"!seriatim/v1/durable_objects.proto\x12\vseriatim.v1\x1a\x1egoogle/protobuf/duration.proto\x1a\x1cgoogle/protobuf/struct.proto\x1a\x1egoogle/rpc/error_details.proto\x1a\x17google/rpc/status.proto\"\xa5\x01\n" +
	"\x0eConnectRequest\x12%\n" +
	"\x04open\x18\x01 \x01(\v2\x11.seriatim.v1.OpenR\x04open\x129\n" +
	"\vinvocations\x18\x02 \x03(\v2\x17.seriatim.v1.InvocationR\vinvocations\x121\n" +
	"\x14acknowledged_through\x18\x03 \x01(\x04R\x13acknowledgedThrough\"\xa0\x01\n" +
	"\x04Open\x12\x1c\n" +
	"\tnamespace\x18\x01 \x01(\tR\tnamespace\x12\x14\n" +
	"\x04name\x18\x02 \x01(\tH\x00R\x04name\x12\x10\n" +
	"\x02id\x18\x03 \x01(\tH\x00R\x02id\x12\x18\n" +
	"\x06unique\x18\x04 \x01(\bH\x00R\x06unique\x12.\n" +
	"\asession\x18\x05 \x01(\v2\x14.seriatim.v1.SessionR\asessionB\b\n" +
	"\x06object\"\xa6\x01\n" +
	"\aSession\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\fR\x02id\x12\x1e\n" +
	"\n" +
	"connection\x18\x02 \x01(\rR\n" +
	"connection\x12)\n" +
	"\x10answered_through\x18\x03 \x01(\x04R\x0fansweredThrough\x12@\n" +
	"\x0eunanswered_for\x18\x04 \x01(\v2\x19.google.protobuf.DurationR\runansweredFor\"\xcb\x02\n" +
	"\n" +
	"Invocation\x12\x1a\n" +
	"\bsequence\x18\x01 \x01(\x04R\bsequence\x12\x16\n" +
	"\x06method\x18\x02 \x01(\tR\x06method\x12\x1a\n" +
	"\amessage\x18\x03 \x01(\fH\x00R\amessage\x12,\n" +
	"\x04json\x18\x04 \x01(\v2\x16.google.protobuf.ValueH\x00R\x04json\x123\n" +
	"\atimeout\x18\x05 \x01(\v2\x19.google.protobuf.DurationR\atimeout\x12A\n" +
	"\bmetadata\x18\x06 \x03(\v2%.seriatim.v1.Invocation.MetadataEntryR\bmetadata\x1a;\n" +
	"\rMetadataEntry\x12\x10\n" +
	"\x03key\x18\x01 \x01(\tR\x03key\x12\x14\n" +
	"\x05value\x18\x02 \x01(\tR\x05value:\x028\x01B\n" +
	"\n" +
	"\bargument\"\x9d\x01\n" +
	"\x0fConnectResponse\x12+\n" +
	"\x06opened\x18\x01 \x01(\v2\x13.seriatim.v1.OpenedR\x06opened\x120\n" +
	"\boutcomes\x18\x02 \x03(\v2\x14.seriatim.v1.OutcomeR\boutcomes\x12+\n" +
	"\x06broken\x18\x03 \x01(\v2\x13.seriatim.v1.BrokenR\x06broken\"\x9a\x01\n" +
	"\x06Opened\x12\x0e\n" +
	"\x02id\x18\x01 \x01(\tR\x02id\x12\x17\n" +
	"\x04name\x18\x02 \x01(\tH\x00R\x04name\x88\x01\x01\x12(\n" +
	"\x05route\x18\x04 \x01(\v2\x12.seriatim.v1.RouteR\x05route\x124\n" +
	"\asession\x18\x03 \x01(\v2\x1a.seriatim.v1.OpenedSessionR\asessionB\a\n" +
	"\x05_name\"u\n" +
	"\rOpenedSession\x12+\n" +
	"\x11completed_through\x18\x01 \x01(\x04R\x10completedThrough\x127\n" +
	"\tretention\x18\x02 \x01(\v2\x19.google.protobuf.DurationR\tretention\"B\n" +
	"\x05Route\x12\x18\n" +
	"\aaddress\x18\x01 \x01(\tR\aaddress\x12\x1f\n" +
	"\vprefix_bits\x18\x02 \x01(\rR\n" +
	"prefixBits\"y\n" +
	"\aOutcome\x12\x1a\n" +
	"\bsequence\x18\x01 \x01(\x04R\bsequence\x12\x1a\n" +
	"\amessage\x18\x02 \x01(\fH\x00R\amessage\x12,\n" +
	"\x04json\x18\x03 \x01(\v2\x16.google.protobuf.ValueH\x00R\x04jsonB\b\n" +
	"\x06result\"\xde\x01\n" +
	"\x06Broken\x12(\n" +
	"\x05cause\x18\x01 \x01(\v2\x12.google.rpc.StatusR\x05cause\x12+\n" +
	"\x11completed_through\x18\x02 \x01(\x04R\x10completedThrough\x12'\n" +
	"\x0ffailed_sequence\x18\x03 \x01(\x04R\x0efailedSequence\x12\x1c\n" +
	"\tretryable\x18\x04 \x01(\bR\tretryable\x12\x1e\n" +
	"\n" +
	"overloaded\x18\x05 \x01(\bR\n" +
	"overloaded\x12\x16\n" +
	"\x06remote\x18\x06 \x01(\bR\x06remote\"D\n" +
	"\x12ConnectManyRequest\x12.\n" +
	"\x05lanes\x18\x01 \x03(\v2\x18.seriatim.v1.LaneRequestR\x05lanes\"\xb8\x01\n" +
	"\vLaneRequest\x12\x12\n" +
	"\x04lane\x18\x01 \x01(\x04R\x04lane\x123\n" +
	"\x05frame\x18\x02 \x01(\v2\x1b.seriatim.v1.ConnectRequestH\x00R\x05frame\x12\x1f\n" +
	"\n" +
	"half_close\x18\x03 \x01(\bH\x00R\thalfClose\x12\x18\n" +
	"\x06cancel\x18\x04 \x01(\bH\x00R\x06cancel\x12\x1d\n" +
	"\n" +
	"more_bytes\x18\x05 \x01(\rR\tmoreBytesB\x06\n" +
	"\x04what\"F\n" +
	"\x13ConnectManyResponse\x12/\n" +
	"\x05lanes\x18\x01 \x03(\v2\x19.seriatim.v1.LaneResponseR\x05lanes\"|\n" +
	"\fLaneResponse\x12\x12\n" +
	"\x04lane\x18\x01 \x01(\x04R\x04lane\x122\n" +
	"\x05frame\x18\x02 \x01(\v2\x1c.seriatim.v1.ConnectResponseR\x05frame\x12$\n" +
	"\x03end\x18\x03 \x01(\v2\x12.google.rpc.StatusR\x03end\".\n" +
	"\x18DescribeNamespaceRequest\x12\x12\n" +
	"\x04name\x18\x01 \x01(\tR\x04name\"\x97\x01\n" +
	"\x19DescribeNamespaceResponse\x12\x12\n" +
	"\x04name\x18\x01 \x01(\tR\x04name\x12\x1d\n" +
	"\n" +
	"unique_key\x18\x02 \x01(\tR\tuniqueKey\x12\x18\n" +
	"\aservice\x18\x03 \x01(\tR\aservice\x12-\n" +
	"\amethods\x18\x04 \x03(\v2\x13.seriatim.v1.MethodR\amethods\"d\n" +
	"\x06Method\x12\x12\n" +
	"\x04name\x18\x01 \x01(\tR\x04name\x12!\n" +
	"\frequest_type\x18\x02 \x01(\tR\vrequestType\x12#\n" +
	"\rresponse_type\x18\x03 \x01(\tR\fresponseType\"\x17\n" +
	"\x15ListNamespacesRequest\".\n" +
	"\x16ListNamespacesResponse\x12\x14\n" +
	"\x05names\x18\x01 \x03(\tR\x05names2\xef\x02\n" +
	"\x0eDurableObjects\x12H\n" +
	"\aConnect\x12\x1b.seriatim.v1.ConnectRequest\x1a\x1c.seriatim.v1.ConnectResponse(\x010\x01\x12T\n" +
	"\vConnectMany\x12\x1f.seriatim.v1.ConnectManyRequest\x1a .seriatim.v1.ConnectManyResponse(\x010\x01\x12b\n" +
	"\x11DescribeNamespace\x12%.seriatim.v1.DescribeNamespaceRequest\x1a&.seriatim.v1.DescribeNamespaceResponse\x12Y\n" +
	"\x0eListNamespaces\x12\".seriatim.v1.ListNamespacesRequest\x1a#.seriatim.v1.ListNamespacesResponseBP\n" +
	"\x0fdev.seriatim.v1B\x13DurableObjectsProtoP\x01Z&seriatim.dev/go/seriatim/v1;seriatimv1b\x06proto3"

var (
	file_seriatim_v1_durable_objects_proto_rawDescOnce sync.Once
	file_seriatim_v1_durable_objects_proto_rawDescData []byte
)

func file_seriatim_v1_durable_objects_proto_rawDescGZIP() []byte {
	file_seriatim_v1_durable_objects_proto_rawDescOnce.Do(func() {
		file_seriatim_v1_durable_objects_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_seriatim_v1_durable_objects_proto_rawDesc), len(file_seriatim_v1_durable_objects_proto_rawDesc)))
	})
	return file_seriatim_v1_durable_objects_proto_rawDescData
}

var file_seriatim_v1_durable_objects_proto_msgTypes = make([]protoimpl.MessageInfo, 20)
var file_seriatim_v1_durable_objects_proto_goTypes = []any{
	(*ConnectRequest)(nil),            // 0: seriatim.v1.ConnectRequest
	(*Open)(nil),                      // 1: seriatim.v1.Open
	(*Session)(nil),                   // 2: seriatim.v1.Session
	(*Invocation)(nil),                // 3: seriatim.v1.Invocation
	(*ConnectResponse)(nil),           // 4: seriatim.v1.ConnectResponse
	(*Opened)(nil),                    // 5: seriatim.v1.Opened
	(*OpenedSession)(nil),             // 6: seriatim.v1.OpenedSession
	(*Route)(nil),                     // 7: seriatim.v1.Route
	(*Outcome)(nil),                   // 8: seriatim.v1.Outcome
	(*Broken)(nil),                    // 9: seriatim.v1.Broken
	(*ConnectManyRequest)(nil),        // 10: seriatim.v1.ConnectManyRequest
	(*LaneRequest)(nil),               // 11: seriatim.v1.LaneRequest
	(*ConnectManyResponse)(nil),       // 12: seriatim.v1.ConnectManyResponse
	(*LaneResponse)(nil),              // 13: seriatim.v1.LaneResponse
	(*DescribeNamespaceRequest)(nil),  // 14: seriatim.v1.DescribeNamespaceRequest
	(*DescribeNamespaceResponse)(nil), // 15: seriatim.v1.DescribeNamespaceResponse
	(*Method)(nil),                    // 16: seriatim.v1.Method
	(*ListNamespacesRequest)(nil),     // 17: seriatim.v1.ListNamespacesRequest
	(*ListNamespacesResponse)(nil),    // 18: seriatim.v1.ListNamespacesResponse
	nil,                               // 19: seriatim.v1.Invocation.MetadataEntry
	(*durationpb.Duration)(nil),       // 20: google.protobuf.Duration
	(*structpb.Value)(nil),            // 21: google.protobuf.Value
	(*status.Status)(nil),             // 22: google.rpc.Status
}
var file_seriatim_v1_durable_objects_proto_depIdxs = []int32{
	1,  // 0: seriatim.v1.ConnectRequest.open:type_name -> seriatim.v1.Open
	3,  // 1: seriatim.v1.ConnectRequest.invocations:type_name -> seriatim.v1.Invocation
	2,  // 2: seriatim.v1.Open.session:type_name -> seriatim.v1.Session
	20, // 3: seriatim.v1.Session.unanswered_for:type_name -> google.protobuf.Duration
	21, // 4: seriatim.v1.Invocation.json:type_name -> google.protobuf.Value
	20, // 5: seriatim.v1.Invocation.timeout:type_name -> google.protobuf.Duration
	19, // 6: seriatim.v1.Invocation.metadata:type_name -> seriatim.v1.Invocation.MetadataEntry
	5,  // 7: seriatim.v1.ConnectResponse.opened:type_name -> seriatim.v1.Opened
	8,  // 8: seriatim.v1.ConnectResponse.outcomes:type_name -> seriatim.v1.Outcome
	9,  // 9: seriatim.v1.ConnectResponse.broken:type_name -> seriatim.v1.Broken
	7,  // 10: seriatim.v1.Opened.route:type_name -> seriatim.v1.Route
	6,  // 11: seriatim.v1.Opened.session:type_name -> seriatim.v1.OpenedSession
	20, // 12: seriatim.v1.OpenedSession.retention:type_name -> google.protobuf.Duration
	21, // 13: seriatim.v1.Outcome.json:type_name -> google.protobuf.Value
	22, // 14: seriatim.v1.Broken.cause:type_name -> google.rpc.Status
	11, // 15: seriatim.v1.ConnectManyRequest.lanes:type_name -> seriatim.v1.LaneRequest
	0,  // 16: seriatim.v1.LaneRequest.frame:type_name -> seriatim.v1.ConnectRequest
	13, // 17: seriatim.v1.ConnectManyResponse.lanes:type_name -> seriatim.v1.LaneResponse
	4,  // 18: seriatim.v1.LaneResponse.frame:type_name -> seriatim.v1.ConnectResponse
	22, // 19: seriatim.v1.LaneResponse.end:type_name -> google.rpc.Status
	16, // 20: seriatim.v1.DescribeNamespaceResponse.methods:type_name -> seriatim.v1.Method
	0,  // 21: seriatim.v1.DurableObjects.Connect:input_type -> seriatim.v1.ConnectRequest
	10, // 22: seriatim.v1.DurableObjects.ConnectMany:input_type -> seriatim.v1.ConnectManyRequest
	14, // 23: seriatim.v1.DurableObjects.DescribeNamespace:input_type -> seriatim.v1.DescribeNamespaceRequest
	17, // 24: seriatim.v1.DurableObjects.ListNamespaces:input_type -> seriatim.v1.ListNamespacesRequest
	4,  // 25: seriatim.v1.DurableObjects.Connect:output_type -> seriatim.v1.ConnectResponse
	12, // 26: seriatim.v1.DurableObjects.ConnectMany:output_type -> seriatim.v1.ConnectManyResponse
	15, // 27: seriatim.v1.DurableObjects.DescribeNamespace:output_type -> seriatim.v1.DescribeNamespaceResponse
	18, // 28: seriatim.v1.DurableObjects.ListNamespaces:output_type -> seriatim.v1.ListNamespacesResponse
	25, // [25:29] is the sub-list for method output_type
	21, // [21:25] is the sub-list for method input_type
	21, // [21:21] is the sub-list for extension type_name
	21, // [21:21] is the sub-list for extension extendee
	0,  // [0:21] is the sub-list for field type_name
}

func init() { file_seriatim_v1_durable_objects_proto_init() }
func file_seriatim_v1_durable_objects_proto_init() {
	if File_seriatim_v1_durable_objects_proto != nil {
		return
	}
	file_seriatim_v1_durable_objects_proto_msgTypes[1].OneofWrappers = []any{
		(*Open_Name)(nil),
		(*Open_Id)(nil),
		(*Open_Unique)(nil),
	}
	file_seriatim_v1_durable_objects_proto_msgTypes[3].OneofWrappers = []any{
		(*Invocation_Message)(nil),
		(*Invocation_Json)(nil),
	}
	file_seriatim_v1_durable_objects_proto_msgTypes[5].OneofWrappers = []any{}
	file_seriatim_v1_durable_objects_proto_msgTypes[8].OneofWrappers = []any{
		(*Outcome_Message)(nil),
		(*Outcome_Json)(nil),
	}
	file_seriatim_v1_durable_objects_proto_msgTypes[11].OneofWrappers = []any{
		(*LaneRequest_Frame)(nil),
		(*LaneRequest_HalfClose)(nil),
		(*LaneRequest_Cancel)(nil),
	}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_seriatim_v1_durable_objects_proto_rawDesc), len(file_seriatim_v1_durable_objects_proto_rawDesc)),
			NumEnums:      0,
			NumMessages:   20,
			NumExtensions: 0,
			NumServices:   1,
		},
		GoTypes:           file_seriatim_v1_durable_objects_proto_goTypes,
		DependencyIndexes: file_seriatim_v1_durable_objects_proto_depIdxs,
		MessageInfos:      file_seriatim_v1_durable_objects_proto_msgTypes,
	}.Build()
	File_seriatim_v1_durable_objects_proto = out.File
	file_seriatim_v1_durable_objects_proto_goTypes = nil
	file_seriatim_v1_durable_objects_proto_depIdxs = nil
}
