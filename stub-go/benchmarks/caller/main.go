// Command caller makes the calls of the benchmarks in Go, as it is told on its standard input. benchmarks/README.md, at
// the top of the tree, says how.
//
// usage: caller BARE HOST, each as HOST:PORT
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	benchmarksv1 "seriatim.dev/go/benchmarks/v1"
	"seriatim.dev/go/seriatim"
)

const (
	objectCount = 1_000  // With a stub or a stream each.
	nameCount   = 10_000 // For a stub for each call.
)

// A load is calls on a connection of its own.
type load interface {
	// send makes one more call.
	send() error

	// receive waits for the answer to the oldest one.
	receive() error

	close()
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatalf("%d arguments, expected BARE and HOST, each as HOST:PORT", len(os.Args)-1)
	}
	fmt.Println("ready")
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		if err := obey(commands.Text(), os.Args[1], os.Args[2]); err != nil {
			log.Fatalf("%s: %v", commands.Text(), err)
		}
	}
}

func obey(command, bare, host string) error {
	var name string
	var inFlight int
	var warmUpMillis, millis int64
	if _, err := fmt.Sscan(command, &name, &inFlight, &warmUpMillis, &millis); err != nil {
		return err
	}
	var calls load
	var err error
	switch name {
	case "stream":
		calls, err = openStreams(bare, 1, inFlight)
	case "streams":
		calls, err = openStreams(bare, objectCount, inFlight)
	case "unary":
		calls, err = openUnary(bare, inFlight)
	case "stub":
		calls, err = openStubs(host, 1, inFlight, 0)
	case "stubs":
		calls, err = openStubs(host, objectCount, inFlight, 0)
	case "lanes":
		calls, err = openStubs(host, objectCount, inFlight, 1)
	case "each":
		calls, err = openForEach(host, inFlight, 0)
	case "each-lane":
		calls, err = openForEach(host, inFlight, 1)
	default:
		err = fmt.Errorf("load %q, expected stream, streams, unary, stub, stubs, lanes, each or each-lane", name)
	}
	if err != nil {
		return err
	}
	defer calls.close()
	for range inFlight {
		if err := calls.send(); err != nil {
			return err
		}
	}
	if _, _, err := run(calls, time.Duration(warmUpMillis)*time.Millisecond); err != nil {
		return err
	}
	rate, nanos, err := run(calls, time.Duration(millis)*time.Millisecond)
	if err != nil {
		return err
	}
	fmt.Printf("%.1f", rate)
	if inFlight == 1 {
		slices.Sort(nanos)
		for percent := range 101 {
			fmt.Printf(" %.2f", float64(nanos[percent*(len(nanos)-1)/100])/1e3)
		}
	}
	fmt.Println()
	return nil
}

// run makes a call for each answer, for a time. It gives the answers in a second, and the time from one to the next.
func run(calls load, duration time.Duration) (rate float64, nanos []int64, err error) {
	start := time.Now()
	for now := start; now.Sub(start) < duration; {
		if err := calls.receive(); err != nil {
			return 0, nil, err
		}
		if err := calls.send(); err != nil {
			return 0, nil, err
		}
		answered := time.Now()
		nanos = append(nanos, answered.Sub(now).Nanoseconds())
		now = answered
	}
	return float64(len(nanos)) / time.Since(start).Seconds(), nanos, nil
}

func payload() *benchmarksv1.Payload {
	return &benchmarksv1.Payload{Data: make([]byte, 32)}
}

// bareStreams are the reference: a message on a bidirectional stream for each call, on each stream in turn.
type bareStreams struct {
	conn    *grpc.ClientConn
	streams []grpc.BidiStreamingClient[benchmarksv1.Payload, benchmarksv1.Payload]
	payload *benchmarksv1.Payload
	sent    int
	come    int
}

func openStreams(target string, count, inFlight int) (*bareStreams, error) {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	b := &bareStreams{conn: conn, payload: payload()}
	for range count {
		stream, err := benchmarksv1.NewBareClient(conn).Stream(context.Background())
		if err != nil {
			return nil, err
		}
		b.streams = append(b.streams, stream)
	}
	return b, warm(b, count, inFlight)
}

func (b *bareStreams) send() error {
	stream := b.streams[b.sent%len(b.streams)]
	b.sent++
	return stream.Send(b.payload)
}

func (b *bareStreams) receive() error {
	stream := b.streams[b.come%len(b.streams)]
	b.come++
	_, err := stream.Recv()
	return err
}

func (b *bareStreams) close() { _ = b.conn.Close() }

// warm makes a call on each of the streams or stubs, so that all are open when it begins.
func warm(calls load, count, inFlight int) error {
	for made := 0; made < count; made += inFlight {
		some := min(inFlight, count-made)
		for range some {
			if err := calls.send(); err != nil {
				return err
			}
		}
		for range some {
			if err := calls.receive(); err != nil {
				return err
			}
		}
	}
	return nil
}

// bareUnary is the other reference: a unary call for each call, on a goroutine of its own, since it waits.
type bareUnary struct {
	conn    *grpc.ClientConn
	client  benchmarksv1.BareClient
	payload *benchmarksv1.Payload
	ends    chan chan error
}

func openUnary(target string, inFlight int) (*bareUnary, error) {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &bareUnary{conn, benchmarksv1.NewBareClient(conn), payload(), make(chan chan error, inFlight)}, nil
}

func (b *bareUnary) send() error {
	end := make(chan error, 1)
	b.ends <- end
	go func() {
		_, err := b.client.Unary(context.Background(), b.payload)
		end <- err
	}()
	return nil
}

func (b *bareUnary) receive() error { return <-<-b.ends }

func (b *bareUnary) close() { _ = b.conn.Close() }

// stubCalls are calls of stubs in turn, which their futures hold in order.
type stubCalls struct {
	objects *seriatim.DurableObjects
	next    func() (benchmarksv1.BenchClient, func(), error) // What to call, and what to do when it is called.
	payload *benchmarksv1.Payload
	futures chan *seriatim.Future[benchmarksv1.Payload]
}

func openCalls(target string, inFlight, sharedCalls int) (*stubCalls, error) {
	objects, err := seriatim.Connect(target, insecure.NewCredentials(), &seriatim.Options{SharedCalls: sharedCalls})
	if err != nil {
		return nil, err
	}
	return &stubCalls{
		objects: objects,
		payload: payload(),
		futures: make(chan *seriatim.Future[benchmarksv1.Payload], inFlight),
	}, nil
}

// openStubs opens a stub on each of so many objects.
func openStubs(target string, count, inFlight, sharedCalls int) (*stubCalls, error) {
	calls, err := openCalls(target, inFlight, sharedCalls)
	if err != nil {
		return nil, err
	}
	var clients []benchmarksv1.BenchClient
	for i := range count {
		stub, err := calls.objects.Namespace("BENCH").GetByName(fmt.Sprint("bench-", i))
		if err != nil {
			return nil, err
		}
		clients = append(clients, benchmarksv1.NewBenchClient(stub))
	}
	made := 0
	calls.next = func() (benchmarksv1.BenchClient, func(), error) {
		client := clients[made%len(clients)]
		made++
		return client, func() {}, nil
	}
	return calls, warm(calls, count, inFlight)
}

// openForEach opens a stub for each call, and closes it.
func openForEach(target string, inFlight, sharedCalls int) (*stubCalls, error) {
	calls, err := openCalls(target, inFlight, sharedCalls)
	if err != nil {
		return nil, err
	}
	names := make([]string, nameCount)
	for i := range names {
		names[i] = fmt.Sprint("bench-", i)
	}
	made := 0
	calls.next = func() (benchmarksv1.BenchClient, func(), error) {
		stub, err := calls.objects.Namespace("BENCH").GetByName(names[made%len(names)])
		made++
		if err != nil {
			return nil, nil, err
		}
		return benchmarksv1.NewBenchClient(stub), stub.Close, nil
	}
	return calls, warm(calls, nameCount, inFlight)
}

func (s *stubCalls) send() error {
	client, called, err := s.next()
	if err != nil {
		return err
	}
	s.futures <- seriatim.Call(context.Background(), client.Echo, s.payload)
	called()
	return nil
}

func (s *stubCalls) receive() error {
	_, err := (<-s.futures).Get()
	return err
}

func (s *stubCalls) close() { _ = s.objects.Close() }
