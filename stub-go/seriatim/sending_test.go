package seriatim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// mute is a connection on which nothing can be sent that stubs want to send. As gRPC does, it ends the call for that before
// it says so to whoever sends.
type mute struct {
	grpc.ClientConnInterface
}

func (m *mute) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := m.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	return &muteStream{stream, make(chan struct{})}, err
}

type muteStream struct {
	grpc.ClientStream
	ended chan struct{}
}

func (s *muteStream) SendMsg(any) error {
	close(s.ended)
	time.Sleep(time.Second) // Of the bubble: whoever can go on does.
	return errors.New("nothing can be sent")
}

func (s *muteStream) Header() (metadata.MD, error) { return nil, nil }

func (s *muteStream) RecvMsg(any) error {
	<-s.ended
	return status.Error(codes.Internal, "the call has ended for something of its own")
}

func TestWhatCannotBeSentIsToldAsSuch(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		objects, err := seriatim.On(&mute{w.conn}, asCarried(nil))
		if err != nil {
			w.t.Fatal(err)
		}
		stub, err := objects.Namespace("COUNTER").GetByName("foo")
		if err != nil {
			w.t.Fatal(err)
		}
		counter := examplesv1.NewCounterClient(stub)
		w.expect([]*seriatim.Future[examplesv1.CounterValue]{
			seriatim.Call(w.t.Context(), counter.Increment, &examplesv1.IncrementRequest{Amount: 1}),
		}, "CLIENT_FAULT UNKNOWN")
		_ = stub.AwaitEnd(w.t.Context())
	}, func(p *play) { p.open(); p.untilGone() })
}
