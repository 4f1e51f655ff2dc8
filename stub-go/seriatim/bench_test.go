package seriatim_test

import (
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// echoHost answers every frame with one frame, and does nothing else.
type echoHost struct {
	seriatimv1.UnimplementedDurableObjectsServer
}

func (echoHost) Connect(stream grpc.BidiStreamingServer[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]) error {
	if err := stream.Send(opened()); err != nil {
		return err
	}
	result := outcome(1).GetResult().(*seriatimv1.Outcome_Message)
	for {
		frame, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &seriatimv1.ConnectResponse{Outcomes: make([]*seriatimv1.Outcome, len(frame.GetInvocations()))}
		for i, invocation := range frame.GetInvocations() {
			answer.Outcomes[i] = &seriatimv1.Outcome{Sequence: invocation.GetSequence(), Result: result}
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// overLoopback gives a client of an echoHost in this process.
func overLoopback(b *testing.B) examplesv1.CounterClient {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	seriatimv1.RegisterDurableObjectsServer(server, echoHost{})
	go func() { _ = server.Serve(listener) }()
	objects, err := seriatim.Connect(listener.Addr().String(), insecure.NewCredentials(), nil)
	if err != nil {
		b.Fatal(err)
	}
	stub, err := objects.Namespace("COUNTER").GetByName("foo")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stub.Cancel("the benchmark is over")
		_ = objects.Close()
		server.Stop()
	})
	return examplesv1.NewCounterClient(stub)
}

func BenchmarkOneAtATime(b *testing.B) {
	counter := overLoopback(b)
	for b.Loop() {
		if _, err := counter.Get(b.Context(), &examplesv1.GetRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPipelined keeps 4,096 calls of one goroutine unanswered.
func BenchmarkPipelined(b *testing.B) {
	counter := overLoopback(b)
	window := make([]*seriatim.Future[examplesv1.CounterValue], 4096)
	for i := 0; b.Loop(); i++ {
		slot := &window[i%len(window)]
		if *slot != nil {
			if _, err := (*slot).Get(); err != nil {
				b.Fatal(err)
			}
		}
		*slot = seriatim.Call(b.Context(), counter.Get, &examplesv1.GetRequest{})
	}
}
