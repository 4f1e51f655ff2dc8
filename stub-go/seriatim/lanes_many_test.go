package seriatim_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// ---- many ----------------------------------------------------------------------------------------------

// Not in a bubble, for the heap's sake.
func TestAStubForEachCallLeavesNothingBehind(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	defer server.Stop()
	seriatimv1.RegisterDurableObjectsServer(server, &scriptedHost{t: t, scripts: []func(*play){answersAll}})
	go func() { _ = server.Serve(listener) }()
	objects, err := seriatim.Connect(listener.Addr().String(), insecure.NewCredentials(), onShared(t))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	counters := objects.Namespace("COUNTER")
	callEach := func(stubs int) {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for range stubs / 20 {
					stub, err := counters.GetByName("foo")
					if err != nil {
						t.Error(err)
						return
					}
					value, err := examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
					if err != nil || value.GetValue() != 1 {
						t.Errorf("got %v, %v", value, err)
					}
					stub.Close()
					if err := stub.AwaitEnd(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	}
	callEach(2_000)
	before := heap()
	callEach(20_000)
	if numbered, open := objects.Lanes(); numbered != 0 || open != 0 {
		t.Errorf("%d and %d lanes are left", numbered, open)
	}
	if after := heap(); after > before+20_000*50 {
		t.Errorf("%d bytes of heap, and %d after 20,000 stubs", before, after)
	}
}

func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestNegativeSharedCallsAreAnError(t *testing.T) {
	for _, wrong := range []struct {
		options seriatim.Options
		message string
	}{
		{seriatim.Options{SharedCalls: -1}, "SharedCalls -1, expected 0 for a call for each stub, or more"},
		{seriatim.Options{SharedCallIdleTimeout: -1}, "SharedCallIdleTimeout -1ns, expected more than 0"},
	} {
		if _, err := seriatim.On(nil, &wrong.options); err == nil || !strings.Contains(err.Error(), wrong.message) {
			t.Errorf("got %v, expected %q", err, wrong.message)
		}
	}
}

// Stubs of hosts that are right, wrong at random, and of callers that leave, all on one call: the good ones notice nothing,
// and nothing is left.
func TestStubsComeAndGoAtRandom(t *testing.T) {
	for _, seed := range seriatim.Seeds(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			options := onShared(t)
			options.MaxUnansweredFrames = 1 + int(seed%4)
			inWorld(t, options, func(w *world) {
				var group sync.WaitGroup
				for g := range uint64(16) {
					group.Go(func() { w.comeAndGo(rand.New(rand.NewPCG(seed, g)), g%2 == 0) })
				}
				group.Wait()
				time.Sleep(time.Minute) // In the bubble: until the client has lost its patience with all that is wrong.
				if numbered, open := w.objects.Lanes(); numbered != 0 || open != 0 {
					t.Errorf("%d and %d lanes are left", numbered, open)
				}
				w.expectCalls(1)
			}, func(p *play) { playByName(p, seed) })
		})
	}
}

// playByName answers well, if the stub's name says so, and wrongly at random otherwise.
func playByName(p *play, seed uint64) {
	frame := p.receive()
	if frame == nil {
		return
	}
	p.stream.(*laneStream).unreceive(frame)
	if frame.GetOpen().GetName() == "good" {
		answersAll(p)
	} else {
		misbehave(p, rand.New(rand.NewPCG(seed, p.stream.(*laneStream).number)))
	}
}

func (w *world) comeAndGo(random *rand.Rand, good bool) {
	name := "bad"
	if good {
		name = "good"
	}
	for range 8 {
		stub, err := w.objects.Namespace("COUNTER").GetByName(name)
		if err != nil {
			w.t.Error(err)
			return
		}
		leaves := !good && random.IntN(3) == 0
		ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second) // Of the bubble.
		counter := w.counterOn(stub)
		var futures []*seriatim.Future[examplesv1.CounterValue]
		for range 1 + random.IntN(12) {
			futures = append(futures, seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: 1}))
			if random.IntN(4) == 0 {
				time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
			}
		}
		if leaves {
			stub.Cancel("leaves")
		} else if random.IntN(2) == 0 {
			stub.Close()
		}
		checkPrefix(w.t, futures)
		for i, future := range futures {
			if err := errorOf(future); good && err != nil {
				w.t.Errorf("call %d of a good stub: %v", i+1, err)
			}
		}
		stub.Close()
		if err := stub.AwaitEnd(ctx); good && err != nil {
			w.t.Errorf("a good stub ended with %v", err)
		}
		cancel()
	}
}
