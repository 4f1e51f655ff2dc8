package seriatim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

const (
	overheadBytes         = 48 // Tags, lengths, the number and a timeout.
	metadataOverheadBytes = 16
)

// pendingCall is one call on its way through a stub. It is completed exactly once, by whoever claims it first:
// the stub's reader with the outcome, whoever breaks the stub, or the caller's context.
type pendingCall struct {
	method   string
	argument []byte
	metadata map[string]string
	deadline time.Time // Zero, if there is none. Not before the call was made.
	bytes    int       // At least the size that the invocation has in a frame.
	sequence uint64    // Written once, by the ledger, before the caller goes on.
	overdue  bool      // It has ended for its caller, since its time ran out. The ledger's.

	claimed atomic.Bool
	done    chan struct{} // Closed when the call is completed.
	reply   proto.Message // Owned by who claimed the call, and then by the caller.
	failure *CallFailure  // Likewise; nil, if the call succeeded.

	stopWatching atomic.Pointer[func() bool] // Lets go of the context that cancels the call, if one was set.
}

// newPendingCall makes a call that a stub can take, or says why it can't be one.
func newPendingCall(
	ctx context.Context, method string, request, reply any, options []grpc.CallOption,
) (*pendingCall, error) {
	for _, option := range options {
		if _, ok := option.(grpc.PerRPCCredsCallOption); ok {
			return nil, refused(codes.Unimplemented,
				"call credentials have no place on a stub: put them on the connection under it")
		}
	}
	requestMessage, replyMessage := asMessage(request), asMessage(reply)
	if requestMessage == nil || replyMessage == nil {
		return nil, refused(codes.Internal,
			fmt.Sprintf("%s has request %T and reply %T, expected protobuf messages", method, request, reply))
	}
	if !utf8.ValidString(method) {
		return nil, refused(codes.InvalidArgument, fmt.Sprintf("method %q, expected UTF-8", method))
	}
	argument, err := proto.Marshal(requestMessage)
	if err != nil {
		return nil, refused(codes.Internal, fmt.Sprintf("%s: the request can't be serialized: %v", method, err))
	}
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	headers, err := invocationMetadata(outgoing)
	if err != nil {
		return nil, refused(codes.InvalidArgument, err.Error())
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, cancelled(ctx, FateNotExecuted, 0)
	}
	call := &pendingCall{
		method:   strings.TrimPrefix(method, "/"),
		argument: argument,
		metadata: headers,
		reply:    replyMessage,
		done:     make(chan struct{}),
	}
	if deadline, ok := ctx.Deadline(); ok {
		call.deadline = later(deadline, time.Now()) // The host has its grace also if it passed long ago.
	}
	call.bytes = overheadBytes + len(call.method) + len(argument)
	for key, value := range headers {
		call.bytes += metadataOverheadBytes + len(key) + len(value)
	}
	return call, nil
}

// timeIsUp tells whether the call's deadline has passed.
func (p *pendingCall) timeIsUp(now time.Time) bool {
	return !p.deadline.IsZero() && !now.Before(p.deadline)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// asMessage is nil if v isn't a protobuf message.
func asMessage(v any) proto.Message {
	switch message := v.(type) {
	case proto.Message:
		return message
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(message)
	}
	return nil
}

// invocation is one on its way into a frame, in one piece.
type invocation struct {
	message  seriatimv1.Invocation
	argument seriatimv1.Invocation_Message
}

// invoke makes this the invocation of a call as it stands now: its timeout is the time that remains.
func (i *invocation) invoke(p *pendingCall) *seriatimv1.Invocation {
	i.argument.Message = p.argument
	i.message.Sequence = p.sequence
	i.message.Method = p.method
	i.message.Argument = &i.argument
	i.message.Metadata = p.metadata
	if !p.deadline.IsZero() {
		i.message.Timeout = durationpb.New(max(0, time.Until(p.deadline)))
	}
	return &i.message
}

// succeed completes the call with the bytes of its response. If they aren't one, the call is not completed, and
// the caller has to fail it with FateCompleted.
func (p *pendingCall) succeed(result []byte) error {
	if !p.claimed.CompareAndSwap(false, true) {
		return nil // Cancelled meanwhile.
	}
	if err := proto.Unmarshal(result, p.reply); err != nil {
		proto.Reset(p.reply)
		err = fmt.Errorf("is no %s: %w", p.reply.ProtoReflect().Descriptor().FullName(), err)
		p.claimed.Store(false)
		return err
	}
	p.complete()
	return nil
}

// fail completes the call, unless it has been.
func (p *pendingCall) fail(failure *CallFailure) {
	if p.claimed.CompareAndSwap(false, true) {
		p.failure = failure
		p.complete()
	}
}

func (p *pendingCall) complete() {
	close(p.done)
	if stop := p.stopWatching.Load(); stop != nil {
		(*stop)()
	}
}

// cancelLaterWith gives the call up when its context is cancelled, with no one waiting.
func (p *pendingCall) cancelLaterWith(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { p.cancelWith(ctx) })
	p.stopWatching.Store(&stop)
	select {
	case <-p.done: // Maybe before it could stop that.
		stop()
	default:
	}
}

// cancelWith gives the call up if its context was cancelled. A deadline is not a cancellation: the host watches
// it, and the session watches the host.
func (p *pendingCall) cancelWith(ctx context.Context) {
	if p.deadline.IsZero() || errors.Is(ctx.Err(), context.Canceled) {
		p.fail(cancelled(ctx, FateUnknown, p.sequence))
	}
}

// wait returns when the call is completed, which a cancelled context does too.
func (p *pendingCall) wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		p.cancelWith(ctx)
		<-p.done
	}
	return p.err()
}

// err is why the call failed. Only for a call that is done.
func (p *pendingCall) err() error {
	if p.failure == nil {
		return nil // And not a nil *CallFailure, which is an error that isn't nil.
	}
	return p.failure
}

func refused(code codes.Code, message string) *CallFailure {
	return &CallFailure{FailureCause: newCause(ReasonCallRefused, code, message), Fate: FateNotExecuted}
}

func cancelled(ctx context.Context, fate Fate, sequence uint64) *CallFailure {
	return &CallFailure{
		FailureCause: newCause(ReasonCallCancelled, codes.Canceled, "the caller's context was cancelled"),
		Fate:         fate,
		Sequence:     sequence,
		cause:        errors.Join(ctx.Err(), context.Cause(ctx)),
	}
}
