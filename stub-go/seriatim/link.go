package seriatim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

type connectStream = grpc.BidiStreamingClient[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]

// carrying are the options of a call that carries stubs.
func carrying(codec *frameCodec, maxInboundBytes int) []grpc.CallOption {
	return []grpc.CallOption{
		grpc.ForceCodecV2(codec),
		grpc.MaxCallRecvMsgSize(maxInboundBytes),
		grpc.MaxCallSendMsgSize(math.MaxInt32), // Our own limits count.
		grpc.MaxRetryRPCBufferSize(0),          // A retry by gRPC itself could execute calls twice.
	}
}

// frameOf is a frame as it stands now.
func frameOf(out *outgoing) *seriatimv1.ConnectRequest {
	frame := &seriatimv1.ConnectRequest{
		Open:                out.open,
		Invocations:         make([]*seriatimv1.Invocation, len(out.calls)),
		AcknowledgedThrough: out.acknowledged,
	}
	invocations := make([]invocation, len(out.calls))
	for i, call := range out.calls {
		frame.Invocations[i] = invocations[i].invoke(call)
	}
	return frame
}

// link is the gRPC call that carries one session alone. Two goroutines live from its begin to its end: the reader, which alone receives, and the writer, which alone sends. What they send, and what comes of what they receive,
// the session says.
type link struct {
	session  *session
	access   *access
	end      context.CancelFunc // Ends the call and its goroutines.
	wakeUp   sync.Cond          // Wakes the writer. Its lock is the session's.
	streamed bool               // A stream carries the call. Guarded by the session's lock.
	sending  chan struct{}      // Holds what stands for the writer's being at a frame, until it has told what came of that.
}

// startLink begins a link. Under the session's lock.
func startLink(session *session) *link {
	// Outside of the caller's context: a stub outlives its first caller.
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{session: session, access: session.access, end: cancel, sending: make(chan struct{}, 1)}
	l.wakeUp.L = &session.mu
	go l.run(ctx)
	return l
}

func (l *link) wake() { l.wakeUp.Signal() }

func (l *link) hangUp() { l.end() }

func (l *link) isCarried() bool { return l.streamed }

// callOut holds up this stub alone.
func (l *link) callOut(f func()) { f() }

func (l *link) run(ctx context.Context) {
	defer l.leave()
	// This waits for a connection, and for a stream of it while there are as many as its other end permits.
	codec := &frameCodec{}
	client, err := l.access.client()
	if err != nil {
		l.session.lose(l, lostCause(err), endedLost)
		return
	}
	stream, err := client.Connect(ctx, carrying(codec, l.session.options.MaxInboundFrameBytes)...)
	if err != nil {
		l.session.lose(l, lostCause(err), endedLost)
		return
	}
	l.carried()
	go l.write(stream)
	l.read(stream, codec)
}

func (l *link) carried() {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.streamed = true
	l.access.streams.Add(1)
}

func (l *link) leave() {
	l.session.leave(l)
	l.hangUp()
	if l.streamed {
		l.access.streams.Add(-1)
	}
}

func (l *link) write(stream connectStream) {
	var scratch []*pendingCall
	for {
		out := l.session.next(l, scratch[:0], &l.wakeUp)
		if out.do == stepHalfClose {
			_ = stream.CloseSend() // The reader hears of what is wrong with the call.
		}
		if out.do != stepSend {
			return
		}
		frame := frameOf(&out)
		clear(out.calls)
		scratch = out.calls
		if !l.send(stream, frame) {
			return
		}
	}
}

// send tells whether the frame was sent. If it can't be, it is this that breaks the stub, and not that gRPC ends the call for it.
func (l *link) send(stream connectStream, frame *seriatimv1.ConnectRequest) bool {
	l.sending <- struct{}{}
	defer func() { <-l.sending }()
	err := stream.Send(frame)
	if err != nil && !errors.Is(err, io.EOF) { // Which says that the reader hears why.
		l.session.lose(l, newCause(ReasonClientFault, codes.Internal, fmt.Sprintf("can't send: %v", err)), endedLost)
	}
	return err == nil
}

// awaitSent waits until the writer isn't at a frame any more. The call has ended, so that this doesn't take long.
func (l *link) awaitSent() {
	l.end()
	l.sending <- struct{}{}
	<-l.sending
}

// read receives until the call has ended, or the host has nothing more to say that counts.
func (l *link) read(stream connectStream, codec *frameCodec) {
	var answered []*pendingCall
	for {
		frame, err := stream.Recv()
		if err != nil {
			l.awaitSent()
			if !errors.Is(err, io.EOF) || !l.session.endedInOrder(l) {
				l.session.lose(l, codec.lostCause(err), endedLost)
			}
			return
		}
		var goesOn bool
		answered, goesOn = l.session.receive(l, frame, answered[:0])
		clear(answered)
		if !goesOn {
			_, _ = stream.Recv() // The end of the call. What else may come must be ignored.
			return
		}
	}
}
