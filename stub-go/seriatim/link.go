package seriatim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

type connectStream = grpc.BidiStreamingClient[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]

// link is the gRPC call that carries one session. Two goroutines live from the first call to the end of the stub: the
// reader, which alone receives, and the writer, which alone sends. What they send, and what comes of what they receive,
// the session says.
type link struct {
	session   *session
	hangUp    context.CancelFunc // Ends the call and its goroutines.
	isCarried bool               // A stream carries the call. Guarded by the session's lock.
}

// startLink begins a link. Under the session's lock.
func startLink(session *session) *link {
	// Outside of the caller's context: a stub outlives its first caller.
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{session: session, hangUp: cancel}
	go l.run(ctx)
	return l
}

func (l *link) run(ctx context.Context) {
	defer l.leave()
	// This waits for a connection, and for a stream of it while there are as many as its other end permits.
	stream, err := l.session.objects.client.Connect(ctx,
		grpc.MaxCallRecvMsgSize(l.session.options.MaxInboundFrameBytes),
		grpc.MaxCallSendMsgSize(math.MaxInt32), // Our own limits count.
		grpc.MaxRetryRPCBufferSize(0))          // A retry by gRPC itself could execute calls twice.
	if err != nil {
		l.session.connectionEnded(lostCause(err), false)
		return
	}
	l.carried()
	go l.write(stream)
	l.read(stream)
}

func (l *link) carried() {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.isCarried = true
	l.session.objects.streams.Add(1)
}

func (l *link) leave() {
	l.session.leave()
	l.hangUp()
	if l.isCarried {
		l.session.objects.streams.Add(-1)
	}
}

func (l *link) write(stream connectStream) {
	var scratch []*pendingCall
	for {
		do, calls, open := l.session.next(scratch[:0])
		if do == stepHalfClose {
			_ = stream.CloseSend() // The reader hears of what is wrong with the call.
			return
		}
		frame := &seriatimv1.ConnectRequest{Open: open, Invocations: make([]*seriatimv1.Invocation, len(calls))}
		for i, call := range calls {
			frame.Invocations[i] = call.toInvocation()
		}
		clear(calls)
		scratch = calls
		if err := stream.Send(frame); err != nil {
			if !errors.Is(err, io.EOF) { // Which says that the reader hears why.
				l.session.breakStub(
					newCause(ReasonClientFault, codes.Internal, fmt.Sprintf("can't send: %v", err)), FateUnknown)
			}
			return
		}
	}
}

// read receives until the call has ended, or the host has nothing more to say that counts.
func (l *link) read(stream connectStream) {
	var answered []*pendingCall
	for {
		frame, err := stream.Recv()
		if err != nil {
			l.session.connectionEnded(lostCause(err), errors.Is(err, io.EOF))
			return
		}
		var goesOn bool
		answered, goesOn = l.session.receive(frame, answered[:0])
		clear(answered)
		if !goesOn {
			_, _ = stream.Recv() // The end of the call. What else may come must be ignored.
			return
		}
	}
}
