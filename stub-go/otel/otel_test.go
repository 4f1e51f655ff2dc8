package otel_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/otel"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// host answers every call of every stub, but breaks it at an amount of 0; it keeps what metadata came.
type host struct {
	seriatimv1.UnimplementedDurableObjectsServer
	told chan map[string]string
}

func (h *host) Connect(stream grpc.BidiStreamingServer[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]) error {
	opened := &seriatimv1.Opened{Id: "0000000000000000000000000000000000000000000000000000000000000000"}
	for {
		frame, err := stream.Recv()
		if err != nil {
			return nil
		}
		response := &seriatimv1.ConnectResponse{Opened: opened}
		opened = nil
		for _, invocation := range frame.GetInvocations() {
			h.told <- invocation.GetMetadata()
			request := &examplesv1.IncrementRequest{}
			if err := proto.Unmarshal(invocation.GetMessage(), request); err != nil {
				return err
			}
			if request.GetAmount() == 0 {
				response.Broken = broken(invocation.GetSequence())
				return errors.Join(stream.Send(response))
			}
			value, err := proto.Marshal(&examplesv1.CounterValue{Value: request.GetAmount()})
			if err != nil {
				return err
			}
			response.Outcomes = append(response.Outcomes, &seriatimv1.Outcome{
				Sequence: invocation.GetSequence(), Result: &seriatimv1.Outcome_Message{Message: value},
			})
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func broken(sequence uint64) *seriatimv1.Broken {
	info, err := anypb.New(&errdetails.ErrorInfo{Reason: "OBJECT_EXCEPTION", Domain: "seriatim.dev"})
	if err != nil {
		panic(err)
	}
	return &seriatimv1.Broken{
		Cause:            &spb.Status{Code: int32(grpccodes.InvalidArgument), Details: []*anypb.Any{info}},
		CompletedThrough: sequence - 1,
		FailedSequence:   sequence,
	}
}

type fixture struct {
	told     chan map[string]string
	recorder *tracetest.SpanRecorder
	provider *sdk.TracerProvider
	counter  examplesv1.CounterClient
}

func start(t *testing.T, options ...otel.Option) *fixture {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made := &fixture{told: make(chan map[string]string, 100), recorder: tracetest.NewSpanRecorder()}
	server := grpc.NewServer()
	seriatimv1.RegisterDurableObjectsServer(server, &host{told: made.told})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	objects, err := seriatim.Connect(listener.Addr().String(), insecure.NewCredentials(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = objects.Close() })
	made.provider = sdk.NewTracerProvider(sdk.WithSpanProcessor(made.recorder))
	stub, err := objects.Namespace("COUNTER").GetByName("foo")
	if err != nil {
		t.Fatal(err)
	}
	made.counter = examplesv1.NewCounterClient(otel.Traced(stub, append(options, otel.WithTracerProvider(made.provider))...))
	return made
}

func (f *fixture) next(t *testing.T) map[string]string {
	t.Helper()
	select {
	case told := <-f.told:
		return told
	case <-time.After(60 * time.Second):
		t.Fatal("never came: an invocation")
		return nil
	}
}

// calls waits for the spans of so many calls.
func (f *fixture) calls(t *testing.T, count int) []sdk.ReadOnlySpan {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) {
		var found []sdk.ReadOnlySpan
		for _, span := range f.recorder.Ended() {
			if span.SpanKind() == trace.SpanKindClient {
				found = append(found, span)
			}
		}
		if len(found) == count {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d spans of calls, expected %d", len(found), count)
		}
	}
}

func traceparent(span trace.SpanContext) map[string]string {
	return map[string]string{
		"traceparent": "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String(),
	}
}

func TestCallsInASampledSpanTellTheObject(t *testing.T) {
	f := start(t)
	ctx, outer := f.provider.Tracer("test").Start(t.Context(), "outer")
	if _, err := f.counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 1}); err != nil {
		t.Fatal(err)
	}
	future := seriatim.Call(ctx, f.counter.Increment, &examplesv1.IncrementRequest{Amount: 2})
	if value, err := future.Get(); err != nil || value.GetValue() != 2 {
		t.Fatalf("%v, %v, expected 2", value, err)
	}
	for _, span := range f.calls(t, 2) {
		if told, expected := f.next(t), traceparent(span.SpanContext()); !maps.Equal(told, expected) {
			t.Errorf("metadata %v, expected %v", told, expected)
		}
		if span.Parent().SpanID() != outer.SpanContext().SpanID() {
			t.Errorf("parent %v, expected %v", span.Parent().SpanID(), outer.SpanContext().SpanID())
		}
		if span.Name() != "seriatim.examples.v1.Counter/Increment" || span.Status().Code != codes.Unset {
			t.Errorf("span %q with %v", span.Name(), span.Status())
		}
	}
}

func TestOtherCallsStayAsTheyAre(t *testing.T) {
	f := start(t)
	unsampled := sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample()))
	within, _ := unsampled.Tracer("test").Start(t.Context(), "outer")
	for _, ctx := range []context.Context{t.Context(), within} {
		if _, err := f.counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 1}); err != nil {
			t.Fatal(err)
		}
		if told := f.next(t); len(told) != 0 {
			t.Errorf("metadata %v, expected none", told)
		}
	}
	f.calls(t, 0)
}

func TestBaggageGoesAlongWhereThatIsAskedFor(t *testing.T) {
	member, err := baggage.NewMemberRaw("tenant", "acme & sons")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range []struct {
		options []otel.Option
		sampler sdk.Sampler
		carried string
	}{
		{[]otel.Option{otel.WithBaggage(true)}, sdk.AlwaysSample(), "tenant=acme%20&%20sons"},
		{[]otel.Option{otel.WithBaggage(true)}, sdk.NeverSample(), ""},
		{[]otel.Option{otel.WithBaggage(false)}, sdk.AlwaysSample(), ""},
		{nil, sdk.AlwaysSample(), ""},
	} {
		f := start(t, each.options...)
		ctx, _ := sdk.NewTracerProvider(sdk.WithSampler(each.sampler)).Tracer("test").Start(t.Context(), "outer")
		ctx = baggage.ContextWithBaggage(ctx, bag)
		if _, err := f.counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 1}); err != nil {
			t.Fatal(err)
		}
		if told := f.next(t)["baggage"]; told != each.carried {
			t.Errorf("baggage %q, expected %q", told, each.carried)
		}
	}
}

func TestAFailureEndsTheSpanWithItsReason(t *testing.T) {
	f := start(t)
	ctx, _ := f.provider.Tracer("test").Start(t.Context(), "outer")
	broken := seriatim.Call(ctx, f.counter.Increment, &examplesv1.IncrementRequest{})
	if _, err := broken.Get(); err == nil {
		t.Fatal("no failure")
	}
	if _, err := f.counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 1}); err == nil {
		t.Fatal("no failure of a broken stub")
	}
	for _, span := range f.calls(t, 2) {
		if span.Status().Code != codes.Error {
			t.Errorf("status %v, expected an error", span.Status())
		}
		found := attribute.NewSet(span.Attributes()...)
		for key, expected := range map[attribute.Key]string{
			"error.type":               "OBJECT_EXCEPTION",
			"rpc.response.status_code": "INVALID_ARGUMENT",
			"seriatim.fate":            "NOT_EXECUTED",
		} {
			if value, _ := found.Value(key); value.AsString() != expected {
				t.Errorf("%s %q, expected %q", key, value.AsString(), expected)
			}
		}
	}
}
