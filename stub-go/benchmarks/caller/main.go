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
		calls, err = openStream(bare)
	case "stub":
		calls, err = openStub(host, inFlight)
	default:
		err = fmt.Errorf("load %q, expected stream or stub", name)
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

// bareStream is the reference: a message on a bidirectional stream for each call.
type bareStream struct {
	conn    *grpc.ClientConn
	stream  grpc.BidiStreamingClient[benchmarksv1.Payload, benchmarksv1.Payload]
	payload *benchmarksv1.Payload
}

func openStream(target string) (*bareStream, error) {
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	stream, err := benchmarksv1.NewBareClient(conn).Stream(context.Background())
	if err != nil {
		return nil, err
	}
	return &bareStream{conn, stream, payload()}, nil
}

func (b *bareStream) send() error { return b.stream.Send(b.payload) }

func (b *bareStream) receive() error {
	_, err := b.stream.Recv()
	return err
}

func (b *bareStream) close() { _ = b.conn.Close() }

// stubCalls are calls of one stub, which their futures hold in order.
type stubCalls struct {
	objects *seriatim.DurableObjects
	bench   benchmarksv1.BenchClient
	payload *benchmarksv1.Payload
	futures chan *seriatim.Future[benchmarksv1.Payload]
}

func openStub(target string, inFlight int) (*stubCalls, error) {
	objects, err := seriatim.Connect(target, insecure.NewCredentials(), nil)
	if err != nil {
		return nil, err
	}
	stub, err := objects.Namespace("BENCH").GetByName("bench-0")
	if err != nil {
		return nil, err
	}
	return &stubCalls{
		objects: objects,
		bench:   benchmarksv1.NewBenchClient(stub),
		payload: payload(),
		futures: make(chan *seriatim.Future[benchmarksv1.Payload], inFlight),
	}, nil
}

func (s *stubCalls) send() error {
	s.futures <- seriatim.Call(context.Background(), s.bench.Echo, s.payload)
	return nil
}

func (s *stubCalls) receive() error {
	_, err := (<-s.futures).Get()
	return err
}

func (s *stubCalls) close() { _ = s.objects.Close() }
