package seriatim_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// guarded is a buffer for any number of goroutines.
type guarded struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buffer.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buffer.String()
}

// Not in a bubble, to which the garbage collector doesn't belong.
func TestStubsThatAreDroppedAreClosed(t *testing.T) {
	logged := &guarded{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	defer slog.SetDefault(before)

	const stubs = 200
	ended := make(chan string, stubs+1)
	answerLast := make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	defer server.Stop()
	seriatimv1.RegisterDurableObjectsServer(server, &scriptedHost{t: t, scripts: []func(*play){func(p *play) {
		p.open()
		name := ""
		for answered := uint64(1); ; answered++ {
			frame := p.receive()
			if frame == nil {
				ended <- name
				return
			}
			if frame.GetOpen() != nil {
				name = frame.GetOpen().GetName()
			}
			if name == "last" {
				<-answerLast
			}
			p.send(outcomes(answered))
		}
	}}})
	go func() { _ = server.Serve(listener) }()
	objects, err := seriatim.Connect(listener.Addr().String(), insecure.NewCredentials(), asCarried(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()

	for i := range stubs {
		stub, err := objects.Namespace("COUNTER").GetByName(fmt.Sprint("dropped ", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := examplesv1.NewCounterClient(stub).Get(t.Context(), &examplesv1.GetRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	// One more is dropped with its call in flight, which is answered nevertheless.
	last, err := objects.Namespace("COUNTER").GetByName("last")
	if err != nil {
		t.Fatal(err)
	}
	inFlight := seriatim.Call(t.Context(), examplesv1.NewCounterClient(last).Get, &examplesv1.GetRequest{})
	last = nil

	seen, mayAnswer := map[string]bool{}, false
	patience := time.After(60 * time.Second)
	for len(seen) < stubs+1 {
		if len(seen) == stubs && !seen["last"] && !mayAnswer {
			close(answerLast)
			mayAnswer = true
		}
		runtime.GC()
		select {
		case name := <-ended:
			seen[name] = true
		case <-time.After(10 * time.Millisecond):
		case <-patience:
			t.Fatalf("%d of %d dropped stubs have been closed, and no more come", len(seen), stubs+1)
		}
	}
	if value, err := inFlight.Get(); err != nil || value.GetValue() != 1 {
		t.Errorf("the call of a dropped stub: got %v, %v, expected 1", value, err)
	}
	if lines := strings.Count(logged.String(), "a stub was dropped without Close"); lines != 1 {
		t.Errorf("logged %d times, expected once:\n%s", lines, logged)
	}
}
