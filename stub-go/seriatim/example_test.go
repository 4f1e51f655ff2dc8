package seriatim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

func Example() {
	ctx := context.Background()
	objects, err := seriatim.Connect("localhost:7070", insecure.NewCredentials(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer objects.Close()

	stub, err := objects.Namespace("COUNTER").GetByName("foo")
	if err != nil {
		log.Fatal(err)
	}
	defer stub.Close()

	counter := examplesv1.NewCounterClient(stub) // The client that protoc generates.
	value, err := counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(value.GetValue())
}

func ExampleBearerToken() {
	var pool *x509.CertPool
	var certificate tls.Certificate
	var token func(ctx context.Context) (string, error)

	config := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}}
	objects, err := seriatim.Connect("objects.example:7070", credentials.NewTLS(config), &seriatim.Options{
		DialOptions: []grpc.DialOption{grpc.WithPerRPCCredentials(seriatim.BearerToken(token))},
	})
	_, _ = objects, err
}

func ExampleNamespace_Resumable() {
	var ctx context.Context
	var objects *seriatim.DurableObjects

	stub, err := objects.Namespace("COUNTER").Resumable().GetByName("foo")
	if err != nil {
		log.Fatal(err)
	}
	defer stub.Close()

	value, err := examplesv1.NewCounterClient(stub).Increment(ctx, &examplesv1.IncrementRequest{Amount: 5})
	_, _ = value, err
}

func Example_idempotencyKey() {
	var counter examplesv1.CounterClient
	{
		ctx := context.Background()
		ctx = metadata.AppendToOutgoingContext(ctx, "seriatim-idempotency-key", "order-12345")
		value, err := counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 5})
		_, _ = value, err
	}
}

func ExampleCall() {
	var ctx context.Context
	var stub *seriatim.Stub

	counter := examplesv1.NewCounterClient(stub)
	first := seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: 1})
	second := seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: 2})

	value, err := second.Get() // Waits. first has been executed by now.
	_, _, _ = first, value, err
}

func ExampleCallFailure() {
	var ctx context.Context
	var counter examplesv1.CounterClient

	_, err := counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: 0})
	var failure *seriatim.CallFailure
	if errors.As(err, &failure) {
		fmt.Println(failure.Fate)           // NOT_EXECUTED: it is safe to make this call again
		fmt.Println(failure.Reason)         // OBJECT_EXCEPTION
		fmt.Println(failure.Retryable)      // false: a new stub won't help
		fmt.Println(failure.FailedSequence) // 1: the call that is to blame
	}
	fmt.Println(errors.Is(err, seriatim.ReasonObjectException)) // true
	fmt.Println(status.Code(err))                               // InvalidArgument
}

func ExampleRetry() {
	var ctx context.Context
	var counters *seriatim.Namespace

	retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) { return counters.GetByName("foo") }, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer retry.Close()
	var value *examplesv1.CounterValue
	err = retry.Do(ctx, func(stub *seriatim.Stub) error {
		value, err = examplesv1.NewCounterClient(stub).Increment(ctx, &examplesv1.IncrementRequest{Amount: 1})
		return err
	})
	_ = value
}

func Example_aStubForEachCall() {
	ctx := context.Background()
	objects, err := seriatim.Connect("localhost:7070", insecure.NewCredentials(), &seriatim.Options{SharedCalls: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer objects.Close()

	increment := func(name string) (*examplesv1.CounterValue, error) {
		stub, err := objects.Namespace("COUNTER").GetByName(name)
		if err != nil {
			return nil, err
		}
		defer stub.Close()
		return examplesv1.NewCounterClient(stub).Increment(ctx, &examplesv1.IncrementRequest{Amount: 1})
	}

	value, err := increment("foo")
	fmt.Println(value, err)
}
