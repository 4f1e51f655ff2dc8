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

// @generated by protoc-gen-es v2.13.0 with parameter "target=ts,import_extension=js"
// @generated from file seriatim/v1/durable_objects.proto (package seriatim.v1, syntax proto3)
/* eslint-disable */

import type { GenFile, GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";
import { fileDesc, messageDesc, serviceDesc } from "@bufbuild/protobuf/codegenv2";
import type { Duration, Value } from "@bufbuild/protobuf/wkt";
import { file_google_protobuf_duration, file_google_protobuf_struct } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "../../google/rpc/error_details_pb.js";
import type { Status } from "../../google/rpc/status_pb.js";
import { file_google_rpc_status } from "../../google/rpc/status_pb.js";
import type { Message } from "@bufbuild/protobuf";

/**
 * Describes the file seriatim/v1/durable_objects.proto.
 */
export const file_seriatim_v1_durable_objects: GenFile = /*@__PURE__*/
  fileDesc("CiFzZXJpYXRpbS92MS9kdXJhYmxlX29iamVjdHMucHJvdG8SC3NlcmlhdGltLnYxIn0KDkNvbm5lY3RSZXF1ZXN0Eh8KBG9wZW4YASABKAsyES5zZXJpYXRpbS52MS5PcGVuEiwKC2ludm9jYXRpb25zGAIgAygLMhcuc2VyaWF0aW0udjEuSW52b2NhdGlvbhIcChRhY2tub3dsZWRnZWRfdGhyb3VnaBgDIAEoBCJ6CgRPcGVuEhEKCW5hbWVzcGFjZRgBIAEoCRIOCgRuYW1lGAIgASgJSAASDAoCaWQYAyABKAlIABIQCgZ1bmlxdWUYBCABKAhIABIlCgdzZXNzaW9uGAUgASgLMhQuc2VyaWF0aW0udjEuU2Vzc2lvbkIICgZvYmplY3QidgoHU2Vzc2lvbhIKCgJpZBgBIAEoDBISCgpjb25uZWN0aW9uGAIgASgNEhgKEGFuc3dlcmVkX3Rocm91Z2gYAyABKAQSMQoOdW5hbnN3ZXJlZF9mb3IYBCABKAsyGS5nb29nbGUucHJvdG9idWYuRHVyYXRpb24iiwIKCkludm9jYXRpb24SEAoIc2VxdWVuY2UYASABKAQSDgoGbWV0aG9kGAIgASgJEhEKB21lc3NhZ2UYAyABKAxIABImCgRqc29uGAQgASgLMhYuZ29vZ2xlLnByb3RvYnVmLlZhbHVlSAASKgoHdGltZW91dBgFIAEoCzIZLmdvb2dsZS5wcm90b2J1Zi5EdXJhdGlvbhI3CghtZXRhZGF0YRgGIAMoCzIlLnNlcmlhdGltLnYxLkludm9jYXRpb24uTWV0YWRhdGFFbnRyeRovCg1NZXRhZGF0YUVudHJ5EgsKA2tleRgBIAEoCRINCgV2YWx1ZRgCIAEoCToCOAFCCgoIYXJndW1lbnQigwEKD0Nvbm5lY3RSZXNwb25zZRIjCgZvcGVuZWQYASABKAsyEy5zZXJpYXRpbS52MS5PcGVuZWQSJgoIb3V0Y29tZXMYAiADKAsyFC5zZXJpYXRpbS52MS5PdXRjb21lEiMKBmJyb2tlbhgDIAEoCzITLnNlcmlhdGltLnYxLkJyb2tlbiKAAQoGT3BlbmVkEgoKAmlkGAEgASgJEhEKBG5hbWUYAiABKAlIAIgBARIhCgVyb3V0ZRgEIAEoCzISLnNlcmlhdGltLnYxLlJvdXRlEisKB3Nlc3Npb24YAyABKAsyGi5zZXJpYXRpbS52MS5PcGVuZWRTZXNzaW9uQgcKBV9uYW1lIlgKDU9wZW5lZFNlc3Npb24SGQoRY29tcGxldGVkX3Rocm91Z2gYASABKAQSLAoJcmV0ZW50aW9uGAIgASgLMhkuZ29vZ2xlLnByb3RvYnVmLkR1cmF0aW9uIi0KBVJvdXRlEg8KB2FkZHJlc3MYASABKAkSEwoLcHJlZml4X2JpdHMYAiABKA0iYAoHT3V0Y29tZRIQCghzZXF1ZW5jZRgBIAEoBBIRCgdtZXNzYWdlGAIgASgMSAASJgoEanNvbhgDIAEoCzIWLmdvb2dsZS5wcm90b2J1Zi5WYWx1ZUgAQggKBnJlc3VsdCKWAQoGQnJva2VuEiEKBWNhdXNlGAEgASgLMhIuZ29vZ2xlLnJwYy5TdGF0dXMSGQoRY29tcGxldGVkX3Rocm91Z2gYAiABKAQSFwoPZmFpbGVkX3NlcXVlbmNlGAMgASgEEhEKCXJldHJ5YWJsZRgEIAEoCBISCgpvdmVybG9hZGVkGAUgASgIEg4KBnJlbW90ZRgGIAEoCCI9ChJDb25uZWN0TWFueVJlcXVlc3QSJwoFbGFuZXMYASADKAsyGC5zZXJpYXRpbS52MS5MYW5lUmVxdWVzdCKNAQoLTGFuZVJlcXVlc3QSDAoEbGFuZRgBIAEoBBIsCgVmcmFtZRgCIAEoCzIbLnNlcmlhdGltLnYxLkNvbm5lY3RSZXF1ZXN0SAASFAoKaGFsZl9jbG9zZRgDIAEoCEgAEhAKBmNhbmNlbBgEIAEoCEgAEhIKCm1vcmVfYnl0ZXMYBSABKA1CBgoEd2hhdCI/ChNDb25uZWN0TWFueVJlc3BvbnNlEigKBWxhbmVzGAEgAygLMhkuc2VyaWF0aW0udjEuTGFuZVJlc3BvbnNlImoKDExhbmVSZXNwb25zZRIMCgRsYW5lGAEgASgEEisKBWZyYW1lGAIgASgLMhwuc2VyaWF0aW0udjEuQ29ubmVjdFJlc3BvbnNlEh8KA2VuZBgDIAEoCzISLmdvb2dsZS5ycGMuU3RhdHVzIigKGERlc2NyaWJlTmFtZXNwYWNlUmVxdWVzdBIMCgRuYW1lGAEgASgJInQKGURlc2NyaWJlTmFtZXNwYWNlUmVzcG9uc2USDAoEbmFtZRgBIAEoCRISCgp1bmlxdWVfa2V5GAIgASgJEg8KB3NlcnZpY2UYAyABKAkSJAoHbWV0aG9kcxgEIAMoCzITLnNlcmlhdGltLnYxLk1ldGhvZCJDCgZNZXRob2QSDAoEbmFtZRgBIAEoCRIUCgxyZXF1ZXN0X3R5cGUYAiABKAkSFQoNcmVzcG9uc2VfdHlwZRgDIAEoCSIXChVMaXN0TmFtZXNwYWNlc1JlcXVlc3QiJwoWTGlzdE5hbWVzcGFjZXNSZXNwb25zZRINCgVuYW1lcxgBIAMoCTLvAgoORHVyYWJsZU9iamVjdHMSSAoHQ29ubmVjdBIbLnNlcmlhdGltLnYxLkNvbm5lY3RSZXF1ZXN0Ghwuc2VyaWF0aW0udjEuQ29ubmVjdFJlc3BvbnNlKAEwARJUCgtDb25uZWN0TWFueRIfLnNlcmlhdGltLnYxLkNvbm5lY3RNYW55UmVxdWVzdBogLnNlcmlhdGltLnYxLkNvbm5lY3RNYW55UmVzcG9uc2UoATABEmIKEURlc2NyaWJlTmFtZXNwYWNlEiUuc2VyaWF0aW0udjEuRGVzY3JpYmVOYW1lc3BhY2VSZXF1ZXN0GiYuc2VyaWF0aW0udjEuRGVzY3JpYmVOYW1lc3BhY2VSZXNwb25zZRJZCg5MaXN0TmFtZXNwYWNlcxIiLnNlcmlhdGltLnYxLkxpc3ROYW1lc3BhY2VzUmVxdWVzdBojLnNlcmlhdGltLnYxLkxpc3ROYW1lc3BhY2VzUmVzcG9uc2VCUAoPZGV2LnNlcmlhdGltLnYxQhNEdXJhYmxlT2JqZWN0c1Byb3RvUAFaJnNlcmlhdGltLmRldi9nby9zZXJpYXRpbS92MTtzZXJpYXRpbXYxYgZwcm90bzM", [file_google_protobuf_duration, file_google_protobuf_struct, file_google_rpc_error_details, file_google_rpc_status]);

/**
 * A frame from the client. A frame carries a list, so that one message can carry many calls: a client
 * SHOULD send a call at once while few frames are unanswered, and otherwise gather calls until an answer
 * comes back. A frame with neither field is allowed, and does nothing, anywhere but first.
 *
 * A host limits the size of one frame, decompressed if it came compressed; the default is 4 MiB. A frame
 * over it breaks the stub with OVERLOADED in its place. (One many times over it is cut off by the transport,
 * without a `broken`.)
 *
 * A frame that can't be read, since its bytes are no `ConnectRequest`, breaks the stub with
 * PROTOCOL_VIOLATION in its place. Invocations that stand whole in front of the fault SHOULD run.
 *
 * @generated from message seriatim.v1.ConnectRequest
 */
export type ConnectRequest = Message<"seriatim.v1.ConnectRequest"> & {
  /**
   * What the stub is a reference to. MUST be in the first frame, and MUST NOT be in any later one.
   * Errors: PROTOCOL_VIOLATION, in the place of the frame, none of whose invocations then runs.
   *
   * @generated from field: seriatim.v1.Open open = 1;
   */
  open?: Open | undefined;

  /**
   * Invocations in the order of their numbers. The first one of the stub MUST have number 1, and each
   * one MUST have the number after that of the one before it, across all frames.
   * Errors: SEQUENCE_VIOLATION, whose message names the number expected and the number got.
   *
   * @generated from field: repeated seriatim.v1.Invocation invocations = 2;
   */
  invocations: Invocation[];

  /**
   * Every outcome of this stub up to this number has been received; the host may forget them. It never goes
   * back: a lower one than before says nothing, as 0 does. Without a session it does nothing.
   *
   * With a session a client SHOULD set it in every frame. It MUST send a frame that has nothing else when
   * it has received 256 outcomes, or 64 KiB of them, since it last set it, and no invocation can leave: a
   * host lets the session's turns wait while too much is unacknowledged (default: 4,096 outcomes, or 1
   * MiB). Such a frame is not answered, and doesn't count as unanswered. Errors: PROTOCOL_VIOLATION, if no
   * such outcome was sent.
   *
   * @generated from field: uint64 acknowledged_through = 3;
   */
  acknowledgedThrough: bigint;
};

/**
 * Describes the message seriatim.v1.ConnectRequest.
 * Use `create(ConnectRequestSchema)` to create a new message.
 */
export const ConnectRequestSchema: GenMessage<ConnectRequest> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 0);

/**
 * Chooses the object.
 *
 * @generated from message seriatim.v1.Open
 */
export type Open = Message<"seriatim.v1.Open"> & {
  /**
   * The name of a namespace that the host serves. Errors: UNKNOWN_NAMESPACE.
   *
   * @generated from field: string namespace = 1;
   */
  namespace: string;

  /**
   * Which object of the namespace. MUST be set. Errors: PROTOCOL_VIOLATION.
   *
   * @generated from oneof seriatim.v1.Open.object
   */
  object: {
    /**
     * The object with this name: 1 to 1,024 bytes of UTF-8. Its id is derived from the name as
     * below, so that the same name means the same object for ever. Errors: INVALID_ID.
     *
     * @generated from field: string name = 2;
     */
    value: string;
    case: "name";
  } | {
    /**
     * The object with this id: 64 lower-case hex digits, as in `Opened.id`. Errors: INVALID_ID, also
     * for an id that belongs to another namespace.
     *
     * An id is 32 bytes, `base` and then `check`, 16 bytes each. With `key = SHA-256(unique key)`:
     *   check = the first 16 bytes of HMAC-SHA-256(key, base)
     *   base  = the first 16 bytes of HMAC-SHA-256(key, name)    for a named object
     *   base  = 16 random bytes                                  for a unique one
     * Strings are hashed as their UTF-8 bytes. The unique key is in `DescribeNamespaceResponse`.
     *
     * @generated from field: string id = 3;
     */
    value: string;
    case: "id";
  } | {
    /**
     * A new object that no one has named or opened before. MUST be true. The host makes its id, and
     * says it in `Opened.id`. Errors: PROTOCOL_VIOLATION, if false.
     *
     * @generated from field: bool unique = 4;
     */
    value: boolean;
    case: "unique";
  } | { case: undefined; value?: undefined };

  /**
   * Makes the stub resumable, if the host says so too, in `Opened.session`. MUST NOT be set together with
   * `unique`. Errors: PROTOCOL_VIOLATION.
   *
   * @generated from field: seriatim.v1.Session session = 5;
   */
  session?: Session | undefined;
};

/**
 * Describes the message seriatim.v1.Open.
 * Use `create(OpenSchema)` to create a new message.
 */
export const OpenSchema: GenMessage<Open> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 1);

/**
 * One connection of a session.
 *
 * @generated from message seriatim.v1.Session
 */
export type Session = Message<"seriatim.v1.Session"> & {
  /**
   * Names the session: 16 random bytes, made anew for each resumable stub. Whoever knows it can take the
   * session over, so it is the client's secret: it MUST come from a good source, and SHOULD not be logged.
   * A session belongs to the object and, where there is one, to the authenticated caller that opened it.
   * Errors: PROTOCOL_VIOLATION, if it isn't 16 bytes.
   *
   * @generated from field: bytes id = 1;
   */
  id: Uint8Array;

  /**
   * The number of this connection: 1 for the first, and a higher one for each that follows, also for those
   * that failed. A host serves the highest that it has seen. The one before, if its call is still there,
   * ends with ABORTED, without a `broken`, when the turn that it is in has ended; what it had queued is not
   * executed for it. Errors: PROTOCOL_VIOLATION, if it is 0; SESSION_SUPERSEDED, if one with this number or
   * a higher one was opened.
   *
   * @generated from field: uint32 connection = 2;
   */
  connection: number;

  /**
   * Every outcome up to this number has been received on earlier connections. 0 on the first. Errors:
   * PROTOCOL_VIOLATION, if it isn't, or if more than that has been acknowledged before, and so is forgotten.
   *
   * @generated from field: uint64 answered_through = 3;
   */
  answeredThrough: bigint;

  /**
   * For how long the oldest invocation that was sent and not answered has been on its way. Not set if there
   * is none. Errors: SESSION_EXPIRED, if the host has no record, and this is more than half of its
   * retention.
   *
   * @generated from field: google.protobuf.Duration unanswered_for = 4;
   */
  unansweredFor?: Duration | undefined;
};

/**
 * Describes the message seriatim.v1.Session.
 * Use `create(SessionSchema)` to create a new message.
 */
export const SessionSchema: GenMessage<Session> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 2);

/**
 * One method call on the object.
 *
 * @generated from message seriatim.v1.Invocation
 */
export type Invocation = Message<"seriatim.v1.Invocation"> & {
  /**
   * The number of this invocation in its stub: 1, 2, 3, ...
   *
   * @generated from field: uint64 sequence = 1;
   */
  sequence: bigint;

  /**
   * A unary method of the namespace's service: its short name, such as `Increment`, or its full one,
   * such as `seriatim.examples.v1.Counter/Increment`. Errors: UNKNOWN_METHOD, also for a method that
   * is not unary.
   *
   * @generated from field: string method = 2;
   */
  method: string;

  /**
   * The argument: the method's request message. If neither is set, it is the empty message, and the
   * outcome comes as `message`. Errors: MALFORMED_ARGUMENT.
   *
   * @generated from oneof seriatim.v1.Invocation.argument
   */
  argument: {
    /**
     * Serialized, in the protobuf binary format.
     *
     * @generated from field: bytes message = 3;
     */
    value: Uint8Array;
    case: "message";
  } | {
    /**
     * In the protobuf JSON mapping. A field that the message doesn't have is an error.
     *
     * Numbers in a `Value` are doubles, and so exact only up to 2^53 - 1. Where a field of 64 bits is meant,
     * also in a list, a map, a wrapper or an `Any`, a larger one may be another than was written, and is a
     * malformed argument: clients MUST write it as a string, as the mapping allows.
     *
     * A host MUST take 32 objects or lists nested in each other, and MAY take more. What is nested deeper
     * is a malformed argument like any other, and leaves the rest of its frame as it is.
     *
     * @generated from field: google.protobuf.Value json = 4;
     */
    value: Value;
    case: "json";
  } | { case: undefined; value?: undefined };

  /**
   * How long the invocation may take, from its arrival at the host to the end of its turn, waiting in
   * the queue included. Zero or less has run out on arrival. The host has a limit on a turn of its own
   * (default: 60 s, from the start of the turn); the earlier one counts.
   *
   * An invocation whose time runs out before its turn has begun has no effect, and breaks the stub:
   *   - if every invocation before it on its stub has completed, and it waits only for the object (for
   *     another stub's turn, an alarm, a start), the host breaks the stub at once, in its place:
   *     `failed_sequence` is its number, `completed_through` the number before. So it does when the last
   *     invocation before it completes, and its time has run out already.
   *   - if an invocation of its own stub still stands before it, nothing happens until that one has
   *     completed; then as above. If that one fails, this one is behind a failure like any other.
   * One whose time runs out during its turn is cut off: its writes are dropped, and the object starts anew
   * from storage.
   *
   * A client MUST NOT break a stub because an invocation's time has run out: it is the host that tells.
   * It MAY give a single call up, for its caller alone, when the host can't be about to tell, or doesn't:
   * the stub and its other calls go on, and the outcome, if it comes, is counted and dropped. See TIMEOUTS
   * at the head of this file.
   * Errors: INVOCATION_TIMED_OUT; PROTOCOL_VIOLATION, if it isn't a valid Duration.
   *
   * @generated from field: google.protobuf.Duration timeout = 5;
   */
  timeout?: Duration | undefined;

  /**
   * Metadata for the method, as gRPC metadata: it reaches the object's interceptors and its context.
   * Keys MUST be valid gRPC header names in lower case. The value of a key that ends in `-bin` is
   * standard base64; the others MUST be printable ASCII. Keys that begin with `seriatim-` or `grpc-`
   * are reserved, but for `seriatim-idempotency-key`: see IDEMPOTENCY KEYS. Errors: PROTOCOL_VIOLATION, in
   * the place of the invocation.
   *
   * A caller that traces its calls puts `traceparent` there, and `tracestate` if it has one, as the W3C's
   * Trace Context has them. It SHOULD leave both out where its trace isn't sampled, for every entry costs
   * something on its way. A host MUST take a `traceparent` that breaks those rules as none.
   *
   * @generated from field: map<string, string> metadata = 6;
   */
  metadata: { [key: string]: string };
};

/**
 * Describes the message seriatim.v1.Invocation.
 * Use `create(InvocationSchema)` to create a new message.
 */
export const InvocationSchema: GenMessage<Invocation> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 3);

/**
 * A frame from the host.
 *
 * @generated from message seriatim.v1.ConnectResponse
 */
export type ConnectResponse = Message<"seriatim.v1.ConnectResponse"> & {
  /**
   * In the first frame, and only there. Sent at once when the stub opens. Missing if the stub could not
   * be opened: the first frame then has `broken`.
   *
   * @generated from field: seriatim.v1.Opened opened = 1;
   */
  opened?: Opened | undefined;

  /**
   * Outcomes in the order of their numbers: the first one of the stub has number 1, and each one has
   * the number after that of the one before it, across all frames. A client MUST treat any other
   * number as a lost connection.
   *
   * @generated from field: repeated seriatim.v1.Outcome outcomes = 2;
   */
  outcomes: Outcome[];

  /**
   * In the last frame, if the stub broke. It comes behind the outcomes of the same frame. The host
   * sends nothing after it, and a client MUST ignore anything after it but the end of the call.
   *
   * @generated from field: seriatim.v1.Broken broken = 3;
   */
  broken?: Broken | undefined;
};

/**
 * Describes the message seriatim.v1.ConnectResponse.
 * Use `create(ConnectResponseSchema)` to create a new message.
 */
export const ConnectResponseSchema: GenMessage<ConnectResponse> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 4);

/**
 * Tells which object the stub is open on.
 *
 * @generated from message seriatim.v1.Opened
 */
export type Opened = Message<"seriatim.v1.Opened"> & {
  /**
   * The object's id: 64 lower-case hex digits.
   *
   * @generated from field: string id = 1;
   */
  id: string;

  /**
   * The object's name, if and only if this stub was opened by name.
   *
   * @generated from field: optional string name = 2;
   */
  name?: string | undefined;

  /**
   * Where the object is, if it is at another host than the one that this call went to. A hint for stubs
   * that are opened later, and never needed: every host passes stubs on.
   *
   * @generated from field: seriatim.v1.Route route = 4;
   */
  route?: Route | undefined;

  /**
   * Set if and only if the stub is resumable. `opened` then comes when the turn that was running has ended
   * and the record has been looked up, and still before any turn of the stub. On the first connection
   * nobody needs to wait for it.
   *
   * @generated from field: seriatim.v1.OpenedSession session = 3;
   */
  session?: OpenedSession | undefined;
};

/**
 * Describes the message seriatim.v1.Opened.
 * Use `create(OpenedSchema)` to create a new message.
 */
export const OpenedSchema: GenMessage<Opened> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 5);

/**
 * Where a session stands.
 *
 * @generated from message seriatim.v1.OpenedSession
 */
export type OpenedSession = Message<"seriatim.v1.OpenedSession"> & {
  /**
   * Invocations up to this number have completed. The outcomes above `Session.answered_through` follow, and
   * the next invocation has the number after this. A client MUST treat a number below its
   * `answered_through`, or above the last invocation that it has sent, as a lost connection from which it
   * can't resume.
   *
   * @generated from field: uint64 completed_through = 1;
   */
  completedThrough: bigint;

  /**
   * For how long the host remembers, after the last turn that wrote.
   *
   * @generated from field: google.protobuf.Duration retention = 2;
   */
  retention?: Duration | undefined;
};

/**
 * Describes the message seriatim.v1.OpenedSession.
 * Use `create(OpenedSessionSchema)` to create a new message.
 */
export const OpenedSessionSchema: GenMessage<OpenedSession> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 6);

/**
 * Which host has an object, and others beside it.
 *
 * @generated from message seriatim.v1.Route
 */
export type Route = Message<"seriatim.v1.Route"> & {
  /**
   * The host's address, as in a gRPC target: `10.0.0.7:7070`. A client that follows it MUST forget the route
   * when a stub that was opened there is lost, or ends with UNAVAILABLE, and open the next one where it would
   * have without a route. This mends a route and repeats no call: what became of the stub's invocations is
   * what it is after any break.
   *
   * @generated from field: string address = 1;
   */
  address: string;

  /**
   * The objects whose ids begin with the same so many bits are there, too, of whatever namespace: at most 256.
   * 0 if nothing is said of others.
   *
   * @generated from field: uint32 prefix_bits = 2;
   */
  prefixBits: number;
};

/**
 * Describes the message seriatim.v1.Route.
 * Use `create(RouteSchema)` to create a new message.
 */
export const RouteSchema: GenMessage<Route> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 7);

/**
 * The reply to one invocation that completed normally, and whose writes are durable.
 *
 * @generated from message seriatim.v1.Outcome
 */
export type Outcome = Message<"seriatim.v1.Outcome"> & {
  /**
   * The number of the invocation.
   *
   * @generated from field: uint64 sequence = 1;
   */
  sequence: bigint;

  /**
   * The method's response message, in the form that the argument had.
   *
   * @generated from oneof seriatim.v1.Outcome.result
   */
  result: {
    /**
     * Serialized, in the protobuf binary format.
     *
     * @generated from field: bytes message = 2;
     */
    value: Uint8Array;
    case: "message";
  } | {
    /**
     * In the protobuf JSON mapping, fields without presence included even if they have their default.
     * What would be nested deeper than a client reads fails the invocation instead, with OBJECT_EXCEPTION.
     *
     * @generated from field: google.protobuf.Value json = 3;
     */
    value: Value;
    case: "json";
  } | { case: undefined; value?: undefined };
};

/**
 * Describes the message seriatim.v1.Outcome.
 * Use `create(OutcomeSchema)` to create a new message.
 */
export const OutcomeSchema: GenMessage<Outcome> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 8);

/**
 * Why and where a stub broke. After this frame the fate of every invocation is known.
 *
 * @generated from message seriatim.v1.Broken
 */
export type Broken = Message<"seriatim.v1.Broken"> & {
  /**
   * Code, message and details, with exactly one `google.rpc.ErrorInfo` (see REASONS above). The host
   * cuts a message that is longer than 2,000 bytes of UTF-8, so that it also fits the call's status.
   *
   * @generated from field: google.rpc.Status cause = 1;
   */
  cause?: Status | undefined;

  /**
   * Invocations 1 to `completed_through` completed, are durable, and had their outcomes sent before
   * this. Everything above had no effect.
   *
   * @generated from field: uint64 completed_through = 2;
   */
  completedThrough: bigint;

  /**
   * The number of the invocation that is to blame, as it was sent; 0 if no one invocation is.
   * With SEQUENCE_VIOLATION it may be any number, so a client MUST go by `completed_through`.
   *
   * @generated from field: uint64 failed_sequence = 3;
   */
  failedSequence: bigint;

  /**
   * A new stub may well succeed with the same calls.
   *
   * @generated from field: bool retryable = 4;
   */
  retryable: boolean;

  /**
   * The host or the object has too much to do. A client MUST NOT try again at once.
   *
   * @generated from field: bool overloaded = 5;
   */
  overloaded: boolean;

  /**
   * The object's own code failed, rather than Seriatim or the way there.
   *
   * @generated from field: bool remote = 6;
   */
  remote: boolean;
};

/**
 * Describes the message seriatim.v1.Broken.
 * Use `create(BrokenSchema)` to create a new message.
 */
export const BrokenSchema: GenMessage<Broken> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 9);

/**
 * A message from the client: parts of lanes.
 *
 * @generated from message seriatim.v1.ConnectManyRequest
 */
export type ConnectManyRequest = Message<"seriatim.v1.ConnectManyRequest"> & {
  /**
   * In the order in which they are to be taken in. A lane may stand here more than once.
   *
   * @generated from field: repeated seriatim.v1.LaneRequest lanes = 1;
   */
  lanes: LaneRequest[];
};

/**
 * Describes the message seriatim.v1.ConnectManyRequest.
 * Use `create(ConnectManyRequestSchema)` to create a new message.
 */
export const ConnectManyRequestSchema: GenMessage<ConnectManyRequest> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 10);

/**
 * What a client says on one lane.
 *
 * @generated from message seriatim.v1.LaneRequest
 */
export type LaneRequest = Message<"seriatim.v1.LaneRequest"> & {
  /**
   * The lane's number: 1, 2, 3, ... in the order in which lanes are opened, each one by the first part with
   * its number. It is never used again. Parts of a lane that has ended are ignored, and so are frames behind
   * its half-close.
   *
   * @generated from field: uint64 lane = 1;
   */
  lane: bigint;

  /**
   * What the client of a call would do. With none of them, the part only gives credit.
   *
   * @generated from oneof seriatim.v1.LaneRequest.what
   */
  what: {
    /**
     * Sends a frame. The limits on a frame, and what becomes of a bad one, are those of `Connect`. (One many
     * times over the limit ends the whole call, with RESOURCE_EXHAUSTED.)
     *
     * @generated from field: seriatim.v1.ConnectRequest frame = 2;
     */
    value: ConnectRequest;
    case: "frame";
  } | {
    /**
     * Half-closes the lane. MUST be true; otherwise it is a PROTOCOL_VIOLATION.
     *
     * @generated from field: bool half_close = 3;
     */
    value: boolean;
    case: "halfClose";
  } | {
    /**
     * Cancels the lane. The host sends nothing more on it. MUST be true, as above.
     *
     * @generated from field: bool cancel = 4;
     */
    value: boolean;
    case: "cancel";
  } | { case: undefined; value?: undefined };

  /**
   * The host may send so many more bytes of frames with outcomes on this lane.
   *
   * @generated from field: uint32 more_bytes = 5;
   */
  moreBytes: number;
};

/**
 * Describes the message seriatim.v1.LaneRequest.
 * Use `create(LaneRequestSchema)` to create a new message.
 */
export const LaneRequestSchema: GenMessage<LaneRequest> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 11);

/**
 * A message from the host: parts of lanes.
 *
 * @generated from message seriatim.v1.ConnectManyResponse
 */
export type ConnectManyResponse = Message<"seriatim.v1.ConnectManyResponse"> & {
  /**
   * In the order in which they were made. A lane may stand here more than once.
   *
   * @generated from field: repeated seriatim.v1.LaneResponse lanes = 1;
   */
  lanes: LaneResponse[];
};

/**
 * Describes the message seriatim.v1.ConnectManyResponse.
 * Use `create(ConnectManyResponseSchema)` to create a new message.
 */
export const ConnectManyResponseSchema: GenMessage<ConnectManyResponse> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 12);

/**
 * What a host says on one lane.
 *
 * @generated from message seriatim.v1.LaneResponse
 */
export type LaneResponse = Message<"seriatim.v1.LaneResponse"> & {
  /**
   * The lane's number.
   *
   * @generated from field: uint64 lane = 1;
   */
  lane: bigint;

  /**
   * A frame, if there is one.
   *
   * @generated from field: seriatim.v1.ConnectResponse frame = 2;
   */
  frame?: ConnectResponse | undefined;

  /**
   * If set, the lane has ended behind the frame, with this status: the one that the call of `Connect` would
   * have, OK or the code and message of the cause. It is the last thing on the lane.
   *
   * @generated from field: google.rpc.Status end = 3;
   */
  end?: Status | undefined;
};

/**
 * Describes the message seriatim.v1.LaneResponse.
 * Use `create(LaneResponseSchema)` to create a new message.
 */
export const LaneResponseSchema: GenMessage<LaneResponse> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 13);

/**
 * Asks for one namespace.
 *
 * @generated from message seriatim.v1.DescribeNamespaceRequest
 */
export type DescribeNamespaceRequest = Message<"seriatim.v1.DescribeNamespaceRequest"> & {
  /**
   * The name of the namespace.
   *
   * @generated from field: string name = 1;
   */
  name: string;
};

/**
 * Describes the message seriatim.v1.DescribeNamespaceRequest.
 * Use `create(DescribeNamespaceRequestSchema)` to create a new message.
 */
export const DescribeNamespaceRequestSchema: GenMessage<DescribeNamespaceRequest> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 14);

/**
 * What a client may want to know of a namespace.
 *
 * @generated from message seriatim.v1.DescribeNamespaceResponse
 */
export type DescribeNamespaceResponse = Message<"seriatim.v1.DescribeNamespaceResponse"> & {
  /**
   * The name of the namespace.
   *
   * @generated from field: string name = 1;
   */
  name: string;

  /**
   * The key from which ids are derived; see `Open.id`. It is no secret. It stays the same for as long
   * as the objects are to keep their ids.
   *
   * @generated from field: string unique_key = 2;
   */
  uniqueKey: string;

  /**
   * The full name of the gRPC service that the objects implement.
   *
   * @generated from field: string service = 3;
   */
  service: string;

  /**
   * The methods of that service that can be invoked, in the order of their declaration.
   *
   * @generated from field: repeated seriatim.v1.Method methods = 4;
   */
  methods: Method[];
};

/**
 * Describes the message seriatim.v1.DescribeNamespaceResponse.
 * Use `create(DescribeNamespaceResponseSchema)` to create a new message.
 */
export const DescribeNamespaceResponseSchema: GenMessage<DescribeNamespaceResponse> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 15);

/**
 * One method that can be invoked on the objects of a namespace.
 *
 * @generated from message seriatim.v1.Method
 */
export type Method = Message<"seriatim.v1.Method"> & {
  /**
   * The short name, such as `Increment`.
   *
   * @generated from field: string name = 1;
   */
  name: string;

  /**
   * The full name of the request message; empty if the method doesn't take protobuf messages.
   *
   * @generated from field: string request_type = 2;
   */
  requestType: string;

  /**
   * The full name of the response message; empty if the method doesn't give protobuf messages.
   *
   * @generated from field: string response_type = 3;
   */
  responseType: string;
};

/**
 * Describes the message seriatim.v1.Method.
 * Use `create(MethodSchema)` to create a new message.
 */
export const MethodSchema: GenMessage<Method> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 16);

/**
 * Asks for the names of all namespaces.
 *
 * @generated from message seriatim.v1.ListNamespacesRequest
 */
export type ListNamespacesRequest = Message<"seriatim.v1.ListNamespacesRequest"> & {
};

/**
 * Describes the message seriatim.v1.ListNamespacesRequest.
 * Use `create(ListNamespacesRequestSchema)` to create a new message.
 */
export const ListNamespacesRequestSchema: GenMessage<ListNamespacesRequest> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 17);

/**
 * The names of all namespaces.
 *
 * @generated from message seriatim.v1.ListNamespacesResponse
 */
export type ListNamespacesResponse = Message<"seriatim.v1.ListNamespacesResponse"> & {
  /**
   * Names, in ascending order.
   *
   * @generated from field: repeated string names = 1;
   */
  names: string[];
};

/**
 * Describes the message seriatim.v1.ListNamespacesResponse.
 * Use `create(ListNamespacesResponseSchema)` to create a new message.
 */
export const ListNamespacesResponseSchema: GenMessage<ListNamespacesResponse> = /*@__PURE__*/
  messageDesc(file_seriatim_v1_durable_objects, 18);

/**
 * Durable objects, reached through stubs.
 *
 * @generated from service seriatim.v1.DurableObjects
 */
export const DurableObjects: GenService<{
  /**
   * Opens a stub on one object and carries its invocations. One call is one stub.
   *
   * The client's first frame MUST have `open`; a call that is half-closed before it ends with OK, and
   * opens nothing. After the last invocation the client SHOULD half-close, and SHOULD keep reading until
   * the call ends. It MUST be ready to receive frames at any time: a client that stops reading stops its
   * own stub, whose turns then wait, but no other.
   *
   * Errors: every failure arrives as a `broken` frame, followed by the same code and message as the
   * status of the call. Without that frame the call was lost on its way.
   *
   * @generated from rpc seriatim.v1.DurableObjects.Connect
   */
  connect: {
    methodKind: "bidi_streaming";
    input: typeof ConnectRequestSchema;
    output: typeof ConnectResponseSchema;
  },
  /**
   * Carries many stubs, each on a lane: see MANY STUBS IN ONE CALL.
   *
   * Errors: what fails on a lane is told on the lane. UNIMPLEMENTED, if the host has no such method;
   * INVALID_ARGUMENT, for a fault that is no lane's.
   *
   * @generated from rpc seriatim.v1.DurableObjects.ConnectMany
   */
  connectMany: {
    methodKind: "bidi_streaming";
    input: typeof ConnectManyRequestSchema;
    output: typeof ConnectManyResponseSchema;
  },
  /**
   * Describes one namespace: what a client needs to derive ids by itself and to know the methods.
   *
   * Errors: NOT_FOUND with reason UNKNOWN_NAMESPACE among the status details.
   *
   * @generated from rpc seriatim.v1.DurableObjects.DescribeNamespace
   */
  describeNamespace: {
    methodKind: "unary";
    input: typeof DescribeNamespaceRequestSchema;
    output: typeof DescribeNamespaceResponseSchema;
  },
  /**
   * Lists the namespaces that the host serves, in the order of their names.
   *
   * @generated from rpc seriatim.v1.DurableObjects.ListNamespaces
   */
  listNamespaces: {
    methodKind: "unary";
    input: typeof ListNamespacesRequestSchema;
    output: typeof ListNamespacesResponseSchema;
  },
}> = /*@__PURE__*/
  serviceDesc(file_seriatim_v1_durable_objects, 0);

