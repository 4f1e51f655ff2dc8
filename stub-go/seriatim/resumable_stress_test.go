package seriatim_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// Submit against loss against outcome against close, at random, with a host that keeps its sessions.

// recordHost keeps the sessions that come, and loses their connections again and again. The outcome of a call is how many the
// session has executed.
type recordHost struct {
	t *testing.T

	mu       sync.Mutex
	random   *rand.Rand // Guarded, and so is what follows.
	sessions map[string]*record
	lost     int
}

type record struct {
	connection uint32
	owner      *play
	amounts    []int64 // What was executed.
	told       int     // How many outcomes were sent, on any connection.
	closed     bool
}

// happens tells by chance.
func (h *recordHost) happens(oneIn int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(oneIn) == 0
}

func (h *recordHost) pause() {
	h.mu.Lock()
	pause := time.Duration(0)
	if h.random.IntN(4) == 0 {
		pause = time.Duration(h.random.IntN(int(200 * time.Millisecond)))
	}
	h.mu.Unlock()
	time.Sleep(pause)
}

func (h *recordHost) serve(p *play) {
	frame := p.receive()
	session := frame.GetOpen().GetSession()
	if h.happens(8) {
		h.lose()
		p.refuse(seriatim.ReasonHostDraining, codes.Unavailable, true)
	}
	h.pause()
	r, through := h.claim(p, session)
	p.openThrough(uint64(through))
	for n := int(session.GetAnsweredThrough()) + 1; n <= through; n++ {
		p.send(outcomes(uint64(n)))
	}
	for ; frame != nil; frame = p.receive() {
		h.execute(p, r, frame)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.owner == p {
		r.closed = true
	}
}

func (h *recordHost) claim(p *play, session *seriatimv1.Session) (r *record, through int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r = h.sessions[string(session.GetId())]
	if r == nil {
		r = &record{}
		h.sessions[string(session.GetId())] = r
	}
	if session.GetConnection() <= r.connection {
		h.t.Errorf("connection %d behind %d", session.GetConnection(), r.connection)
	}
	if answered := int(session.GetAnsweredThrough()); answered > r.told {
		h.t.Errorf("answered through %d, and %d were told", answered, r.told)
	}
	r.connection, r.owner = session.GetConnection(), p
	r.told = len(r.amounts)
	return r, len(r.amounts)
}

func (h *recordHost) lose() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost++
}

// execute executes what a frame has, and tells it, unless the connection is lost in the midst.
func (h *recordHost) execute(p *play, r *record, frame *seriatimv1.ConnectRequest) {
	for _, invocation := range frame.GetInvocations() {
		if h.happens(30) {
			h.lose()
			p.cut()
		}
		h.run(p, r, invocation)
		h.pause()
		if h.happens(30) {
			h.lose()
			p.cut()
		}
		h.tell(p, r, invocation.GetSequence())
		if h.happens(30) {
			h.lose()
			p.breakRetryably(invocation.GetSequence())
		}
	}
}

func (h *recordHost) run(p *play, r *record, invocation *seriatimv1.Invocation) {
	request := &examplesv1.IncrementRequest{}
	if err := proto.Unmarshal(invocation.GetMessage(), request); err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.owner != p {
		p.end = status.Error(codes.Aborted, "superseded")
		panic(errCut)
	}
	if expected := uint64(len(r.amounts) + 1); invocation.GetSequence() != expected {
		h.t.Errorf("call %d came, expected %d", invocation.GetSequence(), expected)
	}
	r.amounts = append(r.amounts, request.GetAmount())
}

func (h *recordHost) tell(p *play, r *record, sequence uint64) {
	h.mu.Lock()
	r.told = max(r.told, int(sequence))
	h.mu.Unlock()
	p.send(outcomes(sequence))
}

// stressedCall is a call, and what it has to add to which stub.
type stressedCall struct {
	amount int64
	future *seriatim.Future[examplesv1.CounterValue]
}

// stress makes calls on one stub from two goroutines, and ends the stub in one way or the other. It gives the calls.
func (w *world) stress(seed uint64, first int64, stub *seriatim.Stub) []stressedCall {
	const each = 30
	calls := make([]stressedCall, 2*each)
	var calling sync.WaitGroup
	for half := range 2 {
		random := rand.New(rand.NewPCG(seed, uint64(first)+uint64(half)))
		calling.Go(func() {
			counter := examplesv1.NewCounterClient(stub)
			for i := half * each; i < (half+1)*each; i++ {
				ctx, cancel := w.t.Context(), context.CancelFunc(func() {})
				if random.IntN(20) == 0 {
					ctx, cancel = context.WithCancel(ctx)
				}
				amount := first + int64(i)
				calls[i] = stressedCall{amount, seriatim.Call(ctx, counter.Increment, &examplesv1.IncrementRequest{Amount: amount})}
				if random.IntN(3) == 0 {
					time.Sleep(time.Duration(random.IntN(int(300 * time.Millisecond))))
				}
				cancel()
			}
		})
	}
	random := rand.New(rand.NewPCG(seed, uint64(first)+2))
	if end := random.IntN(4); end > 0 {
		calling.Go(func() {
			time.Sleep(time.Duration(random.IntN(int(10 * time.Second))))
			if end == 1 {
				stub.Cancel("by chance")
			} else {
				stub.Close()
			}
		})
	}
	calling.Wait()
	stub.Close()
	return calls
}

// check holds what a stub's callers saw to what its host did.
func (h *recordHost) check(w *world, stub *seriatim.Stub, calls []stressedCall) (succeeded int) {
	err := stub.AwaitEnd(w.t.Context())
	cancelled := errors.Is(err, seriatim.ReasonStubCancelled)
	if err != nil && !cancelled {
		w.t.Errorf("ended with %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ran := map[int64]int{}
	for _, one := range h.sessions {
		for i, amount := range one.amounts {
			if ran[amount] != 0 {
				w.t.Errorf("%d was added twice", amount)
			}
			ran[amount] = i + 1
		}
	}
	for _, call := range calls {
		value, err := call.future.Get()
		var failure *seriatim.CallFailure
		_ = errors.As(err, &failure)
		switch {
		case err == nil:
			succeeded++
			if ran[call.amount] != int(value.GetValue()) {
				w.t.Errorf("%d was answered with %d, and was executed as %d", call.amount, value.GetValue(), ran[call.amount])
			}
		case failure == nil:
			w.t.Error(err)
		case failure.Fate == seriatim.FateNotExecuted && ran[call.amount] > 0:
			w.t.Errorf("%d: %v, and it was executed as %d", call.amount, failure, ran[call.amount])
		case failure.Fate == seriatim.FateUnknown && !cancelled && failure.Reason != seriatim.ReasonCallCancelled:
			w.t.Errorf("%d: %v", call.amount, failure)
		}
	}
	return succeeded
}

func TestStressOfResumableStubs(t *testing.T) {
	for _, seed := range seriatim.Seeds(20) {
		host := &recordHost{t: t, random: rand.New(rand.NewPCG(seed, 99)), sessions: map[string]*record{}}
		random := rand.New(rand.NewPCG(seed, 98))
		options := &seriatim.Options{
			MaxUnansweredFrames: 1 + random.IntN(4), MaxFrameInvocations: 1 + random.IntN(5), MaxResumesWithoutProgress: 1000,
		}
		inWorld(t, options, func(w *world) {
			host.t = w.t
			var all sync.WaitGroup
			for n := range int64(3) {
				stub, err := w.objects.Namespace("COUNTER").Resumable().GetByName("foo")
				if err != nil {
					w.t.Fatal(err)
				}
				all.Go(func() {
					calls := w.stress(seed, 1000*(n+1), stub)
					succeeded := host.check(w, stub, calls)
					if !stub.IsBroken() && succeeded == 0 {
						w.t.Error("no call succeeded")
					}
				})
			}
			all.Wait()
		}, host.serve)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		t.Logf("seed %d: %d connections lost of %d stubs, %d of which ended in order", seed, host.lost, len(host.sessions), host.ended())
	}
}

// ended is how many stubs have half-closed their last connection.
func (h *recordHost) ended() (count int) {
	for _, one := range h.sessions {
		if one.closed {
			count++
		}
	}
	return count
}
