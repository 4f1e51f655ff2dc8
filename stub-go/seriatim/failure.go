package seriatim

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// domain is that of the one ErrorInfo in every cause that a host tells.
const domain = "seriatim.dev"

// A Reason says why a stub broke, or why a single call failed without breaking it. It is an error only so
// that errors.Is(err, seriatim.ReasonBufferFull) works; calls never fail with a bare Reason.
type Reason string

// These come from the host, and the contract of seriatim.v1 says when. A newer host may send others.
const (
	// ReasonObjectException: the method threw, or failed its reply.
	ReasonObjectException Reason = "OBJECT_EXCEPTION"
	// ReasonObjectStartFailed: the object could not be made.
	ReasonObjectStartFailed Reason = "OBJECT_START_FAILED"
	// ReasonUnknownMethod: the namespace's service has no such method.
	ReasonUnknownMethod Reason = "UNKNOWN_METHOD"
	// ReasonMalformedArgument: the argument is not the method's request type.
	ReasonMalformedArgument Reason = "MALFORMED_ARGUMENT"
	// ReasonInvocationTimedOut: the call's deadline, or the host's limit on a turn, ran out.
	ReasonInvocationTimedOut Reason = "INVOCATION_TIMED_OUT"
	// ReasonObjectReset: the object was aborted, a commit failed, or the turn was cut off.
	ReasonObjectReset Reason = "OBJECT_RESET"
	// ReasonCallCycle: the object waits for this very call, which comes, through other objects, from itself.
	ReasonCallCycle Reason = "CALL_CYCLE"
	// ReasonOverloaded: a limit of the host was passed.
	ReasonOverloaded Reason = "OVERLOADED"
	// ReasonHostDraining: the host is shutting down.
	ReasonHostDraining Reason = "HOST_DRAINING"
	// ReasonOwnerUnavailable: no host had the object in time, or none that serves its namespace. Nothing was delivered.
	ReasonOwnerUnavailable Reason = "OWNER_UNAVAILABLE"
	// ReasonObjectMoved: the object went to another host, and the stub could not go along.
	ReasonObjectMoved Reason = "OBJECT_MOVED"
	// ReasonUnknownNamespace: the host serves no such namespace.
	ReasonUnknownNamespace Reason = "UNKNOWN_NAMESPACE"
	// ReasonInvalidID: the id or the name can't be one of this namespace.
	ReasonInvalidID Reason = "INVALID_ID"
	// ReasonSequenceViolation: an invocation had the wrong number.
	ReasonSequenceViolation Reason = "SEQUENCE_VIOLATION"
	// ReasonProtocolViolation: the frames that were sent break the rules of the contract.
	ReasonProtocolViolation Reason = "PROTOCOL_VIOLATION"
	// ReasonSessionExpired: a resumable stub came back too late: the host may have forgotten what it has executed.
	ReasonSessionExpired Reason = "SESSION_EXPIRED"
	// ReasonSessionSuperseded: the host has seen a connection of a resumable stub with the same number, or a higher one.
	ReasonSessionSuperseded Reason = "SESSION_SUPERSEDED"
	// ReasonIdempotencyMismatch: the idempotency key of the call belongs to another call.
	ReasonIdempotencyMismatch Reason = "IDEMPOTENCY_MISMATCH"
	// ReasonUnauthenticated: the host doesn't know the caller: there were no credentials, or some that don't count.
	ReasonUnauthenticated Reason = "UNAUTHENTICATED"
	// ReasonPermissionDenied: the caller may not open the object, or may not call the method.
	ReasonPermissionDenied Reason = "PERMISSION_DENIED"
	// ReasonCredentialsExpired: the credentials ran out, or the caller's rights changed, while the stub was open; or the
	// host can't verify them for now.
	ReasonCredentialsExpired Reason = "CREDENTIALS_EXPIRED"
)

// These are found out by this client.
const (
	// ReasonConnectionLost: the stub's connection ended without a word from the host about why. The stub is
	// broken.
	ReasonConnectionLost Reason = "CONNECTION_LOST"
	// ReasonHostViolation: the host's frames break the rules of the contract. The stub is broken.
	ReasonHostViolation Reason = "HOST_VIOLATION"
	// ReasonAnswerOverdue: no answer came by a call's deadline, or not even Options.DeadlineGrace after it; the stub is not
	// broken by that. Or the host didn't end a stub that had nothing left within Options.EndTimeout: the stub is broken.
	ReasonAnswerOverdue Reason = "ANSWER_OVERDUE"
	// ReasonOpenOverdue: the stub was not opened within Options.OpenTimeout: there was no connection, or it carries as many
	// stubs as it may, or the host said nothing. The stub is broken.
	ReasonOpenOverdue Reason = "OPEN_OVERDUE"
	// ReasonStubCancelled: Stub.Cancel was called. The stub is broken.
	ReasonStubCancelled Reason = "STUB_CANCELLED"
	// ReasonClientFault: this client failed in a way that it should not. The stub is broken.
	ReasonClientFault Reason = "CLIENT_FAULT"
	// ReasonStubClosed: the call was made after Stub.Close.
	ReasonStubClosed Reason = "STUB_CLOSED"
	// ReasonCallCancelled: the context of the call was cancelled. The stub is not broken.
	ReasonCallCancelled Reason = "CALL_CANCELLED"
	// ReasonCallRefused: the call can't be made on a stub at all; its message says why. The stub is not broken.
	ReasonCallRefused Reason = "CALL_REFUSED"
	// ReasonCallTooLarge: the call is over Options.MaxInvocationBytes. The stub is not broken.
	ReasonCallTooLarge Reason = "CALL_TOO_LARGE"
	// ReasonBufferFull: the stub's buffer has no room for the call; see Options.MaxBufferedInvocations and
	// Options.MaxBufferedBytes. The stub is not broken.
	ReasonBufferFull Reason = "BUFFER_FULL"
)

// Error is the reason itself.
func (r Reason) Error() string { return string(r) }

// Fate is what a caller knows about the effect of a call that failed.
type Fate int

const (
	// FateUnknown: the call was sent and then given up, or lost with the connection. It may or may not have been
	// executed, or may still be.
	FateUnknown Fate = iota
	// FateNotExecuted: the call had no effect. It was never sent, or the host said that it never started, or it
	// failed and what it did was undone. It is safe to make it again.
	FateNotExecuted
	// FateCompleted: the call was executed and its effect is durable, but its result could not be used, since it
	// isn't a response of the method.
	FateCompleted
)

// String is UNKNOWN, NOT_EXECUTED or COMPLETED.
func (f Fate) String() string {
	switch f {
	case FateUnknown:
		return "UNKNOWN"
	case FateNotExecuted:
		return "NOT_EXECUTED"
	case FateCompleted:
		return "COMPLETED"
	}
	return fmt.Sprintf("Fate(%d)", int(f))
}

// FailureCause says why a stub broke, or why a single call failed without breaking it. Go by Retryable and
// Overloaded rather than by Reason: a newer host may give reasons that this client doesn't know.
//
// It is shared by all the calls that failed with one stub: don't change it. As an error it works with
// status.FromError, and errors.Is finds its Reason.
type FailureCause struct {
	// Reason is one of the constants, another one that a newer host gave, or empty if the host gave none.
	Reason Reason
	// Code is never codes.OK.
	Code codes.Code
	// Message says what happened, in words.
	Message string
	// Retryable: a new stub may well succeed with the same calls, a little later.
	Retryable bool
	// Overloaded: there was too much to do. Never try again at once, and send less.
	Overloaded bool
	// Remote: the object's own code failed, rather than Seriatim or the way there.
	Remote bool
	// FailedSequence is the number of the invocation that is to blame, or 0 if no one invocation is.
	FailedSequence uint64
	// Metadata is what the host added to its reason. With ReasonObjectException, the object's own ErrorInfo is
	// under object.reason, object.domain and object.metadata.KEY. Often empty.
	Metadata map[string]string

	proto *spb.Status
}

// Error is the message and the reason.
func (c *FailureCause) Error() string {
	return fmt.Sprintf("%s [%s]", wordOr(c.Message, "no message"), wordOr(string(c.Reason), "no reason"))
}

func wordOr(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}

// GRPCStatus is the code, the message and the details, as the host gave them.
func (c *FailureCause) GRPCStatus() *status.Status { return status.FromProto(c.proto) }

// Is tells whether target is the reason.
func (c *FailureCause) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == c.Reason
}

// CallFailure is what a caller needs to know about one failed call: why it failed, and whether it had an
// effect. Every call on a stub that fails, fails with one:
//
//	var failure *seriatim.CallFailure
//	if errors.As(err, &failure) && failure.Fate == seriatim.FateNotExecuted { … }
//
// It also works with status.FromError, and errors.Is finds its Reason, the FailureCause that Stub.BreakCause
// gives, and, for a call whose context was cancelled, context.Canceled.
type CallFailure struct {
	// FailureCause is why the call failed; the same for all the calls that failed with one stub.
	*FailureCause
	// Fate tells whether this call had an effect.
	Fate Fate
	// Sequence is the number of this call in its stub, or 0 if it failed before it got one.
	Sequence uint64

	cause error // What lies behind the FailureCause, if anything.
}

// Error is what a person needs to know: the message of the cause, and the reason, the number of the call and its fate.
//
//	amount 0, expected any other number [OBJECT_EXCEPTION, call 3, NOT_EXECUTED]
//	amount 0, expected any other number [OBJECT_EXCEPTION, call 4 behind 3, NOT_EXECUTED]
//	the stub is closed [STUB_CLOSED, NOT_EXECUTED]
func (f *CallFailure) Error() string {
	call := ""
	switch {
	case f.Sequence == 0:
	case f.FailedSequence == 0 || f.FailedSequence >= f.Sequence:
		call = fmt.Sprintf("call %d, ", f.Sequence)
	default:
		call = fmt.Sprintf("call %d behind %d, ", f.Sequence, f.FailedSequence)
	}
	return fmt.Sprintf("%s [%s, %s%v]",
		wordOr(f.Message, "no message"), wordOr(string(f.Reason), "no reason"), call, f.Fate)
}

// GRPCStatus is the code and the details of the cause, as the host gave them, with the text of Error as its message.
func (f *CallFailure) GRPCStatus() *status.Status {
	told := proto.CloneOf(f.proto)
	told.Message = f.Error()
	return status.FromProto(told)
}

// Unwrap gives the FailureCause, and what lies behind it.
func (f *CallFailure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.FailureCause}
	}
	return []error{f.FailureCause, f.cause}
}

// newCause is a cause that this client found by itself.
func newCause(reason Reason, code codes.Code, message string) *FailureCause {
	return &FailureCause{
		Reason:     reason,
		Code:       code,
		Message:    message,
		Overloaded: reason == ReasonBufferFull,
		proto:      &spb.Status{Code: int32(code), Message: message},
	}
}

// violation is the cause of a stub that the host broke by its frames.
func violation(format string, args ...any) *FailureCause {
	return newCause(ReasonHostViolation, codes.Internal,
		"the host broke the protocol: "+fmt.Sprintf(format, args...))
}

// toldCause is the cause that a host told in its last frame.
func toldCause(broken *seriatimv1.Broken) *FailureCause {
	told := broken.GetCause()
	if code := knownCode(told.GetCode()); int32(code) != told.GetCode() {
		told = proto.CloneOf(told)
		told.Code = int32(code)
	}
	cause := &FailureCause{
		Code:           codes.Code(told.GetCode()),
		Message:        told.GetMessage(),
		Retryable:      broken.GetRetryable(),
		Overloaded:     broken.GetOverloaded(),
		Remote:         broken.GetRemote(),
		FailedSequence: broken.GetFailedSequence(),
		proto:          told,
	}
	info := toldInfo(told)
	cause.Reason = Reason(info.GetReason())
	cause.Metadata = info.GetMetadata()
	return cause
}

// toldInfo is the contract's own detail of a status; nil, if it has none.
func toldInfo(told *spb.Status) *errdetails.ErrorInfo {
	for _, detail := range told.GetDetails() {
		info := &errdetails.ErrorInfo{}
		if detail.MessageIs(info) && detail.UnmarshalTo(info) == nil && info.GetDomain() == domain {
			return info
		}
	}
	return nil
}

// lostCause is the cause of a stub whose call ended, with this error, without the host's last frame.
func lostCause(err error) *FailureCause {
	if errors.Is(err, io.EOF) {
		cause := newCause(ReasonConnectionLost, codes.Unavailable, "the host ended the stub's call")
		cause.Retryable = true
		return cause
	}
	ended, _ := status.FromError(err) // Anything else than a status becomes UNKNOWN.
	code := knownCode(int32(ended.Code()))
	cause := newCause(ReasonConnectionLost, code, explained(ended.Message()))
	if details := ended.Proto(); code == ended.Code() {
		cause.proto = details
	}
	switch code {
	case codes.Unavailable, codes.Canceled, codes.Aborted, codes.Internal, codes.Unknown:
		cause.Retryable = true
	}
	cause.Overloaded = code == codes.ResourceExhausted
	return cause
}

// explained says what TLS says in words of its own.
func explained(message string) string {
	switch {
	case strings.Contains(message, "first record does not look like a TLS handshake"):
		return "the host doesn't speak TLS: " + message
	case refusesCertificate(message):
		return "the host wants another certificate of the client, or one at all: " + message
	case strings.Contains(message, "failed to verify certificate"):
		return "the host's certificate isn't trusted: " + message
	}
	return message
}

// refusesCertificate tells whether that is what TLS says of the other end.
func refusesCertificate(message string) bool {
	_, alert, found := strings.Cut(message, "remote error: tls: ")
	return found && strings.Contains(alert, "certificate")
}

// knownCode is a code that gRPC has; anything else becomes UNKNOWN, and so does OK, which is no failure.
func knownCode(code int32) codes.Code {
	if code <= int32(codes.OK) || code > int32(codes.Unauthenticated) {
		return codes.Unknown
	}
	return codes.Code(code)
}
