// Command counting makes many calls on a new counter, and holds each answer to the number of its call: a call that was lost,
// or executed twice, would show. Its stub outlives its connections, so the server may be stopped meanwhile, and started again
// on its data.
//
// usage: go run ./examples/counting [-target HOST:PORT] [-calls COUNT]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"google.golang.org/grpc/credentials/insecure"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// atOnce is how many calls are made ahead of their answers.
const atOnce = 64

func main() {
	log.SetFlags(0)
	target := flag.String("target", "localhost:7070", "where scripts/run listens")
	calls := flag.Int64("calls", 1000, "how many calls")
	flag.Parse()
	if err := run(context.Background(), *target, *calls); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d calls, each executed once\n", *calls)
}

func run(ctx context.Context, target string, count int64) error {
	objects, err := seriatim.Connect(target, insecure.NewCredentials(), nil)
	if err != nil {
		return err
	}
	defer objects.Close()
	counters := objects.Namespace("COUNTER").Resumable()
	id, err := counters.NewUniqueID(ctx)
	if err != nil {
		return err
	}
	stub, err := counters.Get(id)
	if err != nil {
		return err
	}
	counter := examplesv1.NewCounterClient(stub)

	var waiting []*seriatim.Future[examplesv1.CounterValue]
	for made, answered := int64(0), int64(0); answered < count; {
		if made < count && made-answered < atOnce {
			waiting = append(waiting, seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: 1}))
			made++
			continue
		}
		answered++
		value, err := waiting[0].Get()
		if err != nil {
			return err
		}
		if value.GetValue() != answered {
			return fmt.Errorf("call %d has made the counter %d", answered, value.GetValue())
		}
		waiting = waiting[1:]
	}
	stub.Close()
	return stub.AwaitEnd(ctx)
}
