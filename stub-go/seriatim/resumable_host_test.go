package seriatim_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// wire leads to a server, until it is cut. Then it leads there again.
type wire struct {
	listener net.Listener
	to       string

	mu   sync.Mutex
	ends []net.Conn // Guarded: both of each connection.
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, to: to}
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
	})
	go w.accept()
	return w
}

func (w *wire) accept() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		w.mu.Lock()
		w.ends = append(w.ends, in, out)
		w.mu.Unlock()
		go func() { _, _ = io.Copy(in, out) }()
		go func() { _, _ = io.Copy(out, in) }()
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range w.ends {
		_ = end.Close()
	}
	w.ends = nil
}

func TestRealHostTellsAgainWhatAConnectionWasCutBefore(t *testing.T) {
	realHost(t) // Or there is none.
	wire := newWire(t, os.Getenv("SERIATIM_TARGET"))
	objects, err := seriatim.Connect(wire.listener.Addr().String(), insecure.NewCredentials(), asCarried(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	counters := objects.Namespace("COUNTER").Resumable()
	stub := open(t, counters, newID(t, counters))
	counter := examplesv1.NewCounterClient(stub)

	const calls, apart = 3000, 400
	var futures []*seriatim.Future[examplesv1.CounterValue]
	for i := range calls {
		futures = append(futures, seriatim.Call(t.Context(), counter.Increment, &examplesv1.IncrementRequest{Amount: 1}))
		if i%apart == apart-1 {
			if _, err := futures[i-apart/2].Get(); err != nil {
				t.Fatal(err)
			}
			wire.cut() // In the midst of those behind it.
		}
	}
	for i, future := range futures {
		if got := seen(future); got != fmt.Sprint(i+1) {
			t.Fatalf("call %d saw %s", i+1, got)
		}
	}
	if !stub.IsResumable() {
		t.Error("the stub isn't resumable")
	}
	stub.Close()
	if err := stub.AwaitEnd(t.Context()); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRealHostExecutesAnIdempotencyKeyOnce(t *testing.T) {
	counters := realHost(t).Namespace("COUNTER")
	id := newID(t, counters)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "seriatim-idempotency-key", "order-12345")
	call := func(amount int64) string {
		counter := examplesv1.NewCounterClient(open(t, counters, id))
		return seen(seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: amount}))
	}
	for _, one := range []struct {
		amount   int64
		expected string
	}{{5, "5"}, {5, "5"}, {6, "IDEMPOTENCY_MISMATCH NOT_EXECUTED"}, {5, "5"}} {
		if got := call(one.amount); got != one.expected {
			t.Errorf("amount %d saw %s, expected %s", one.amount, got, one.expected)
		}
	}
}
