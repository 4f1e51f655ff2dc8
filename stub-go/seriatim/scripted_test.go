package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// objectID is the id that a scripted host opens, whatever it is asked for.
const objectID = "59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234"

// scriptedHost is a host that does what a test says, good or bad. The nth call of Connect plays the nth script,
// and the last one again when there are no more.
type scriptedHost struct {
	seriatimv1.UnimplementedDurableObjectsServer
	t        *testing.T
	scripts  []func(*play)
	connects atomic.Int64                           // Stubs, whatever carries them.
	manys    atomic.Int64                           // Calls of ConnectMany.
	many     atomic.Pointer[func(manyStream) error] // In place of the scripts, if it is set.
	describe func() (*seriatimv1.DescribeNamespaceResponse, error)
}

func (h *scriptedHost) Connect(stream grpc.BidiStreamingServer[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]) error {
	return h.play(int(h.connects.Add(1)), stream)
}

func (h *scriptedHost) play(n int, stream stubStream) error {
	p := &play{host: h, stream: stream}
	p.perform(h.scripts[min(n, len(h.scripts))-1])
	return p.end
}

func (h *scriptedHost) DescribeNamespace(
	context.Context, *seriatimv1.DescribeNamespaceRequest,
) (*seriatimv1.DescribeNamespaceResponse, error) {
	return h.describe()
}

type stubStream = grpc.BidiStreamingServer[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]

// play is one call of Connect, or one lane, as the script sees it.
type play struct {
	host   *scriptedHost
	stream stubStream
	end    error
}

// errCut ends a script early, without harm: the client has gone.
var errCut = errors.New("cut")

func (p *play) perform(script func(*play)) {
	defer func() {
		if r := recover(); r != nil && r != errCut {
			panic(r)
		}
	}()
	script(p)
}

// receive gives the next frame; nil, after the half-close.
func (p *play) receive() *seriatimv1.ConnectRequest {
	frame, err := p.stream.Recv()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		panic(errCut)
	}
	return frame
}

// receiveCalls receives frames until it has seen n calls.
func (p *play) receiveCalls(n int) []*seriatimv1.Invocation {
	var calls []*seriatimv1.Invocation
	for len(calls) < n {
		frame := p.receive()
		if frame == nil {
			p.host.t.Errorf("half-closed after %d calls, expected %d", len(calls), n)
			panic(errCut)
		}
		calls = append(calls, frame.GetInvocations()...)
	}
	return calls
}

func (p *play) send(frame *seriatimv1.ConnectResponse) {
	if err := p.stream.Send(frame); err != nil {
		panic(errCut)
	}
}

func (p *play) open() { p.send(opened()) }

// untilGone waits for the client to cancel.
func (p *play) untilGone() { <-p.stream.Context().Done() }

func opened() *seriatimv1.ConnectResponse {
	return &seriatimv1.ConnectResponse{Opened: &seriatimv1.Opened{Id: objectID}}
}

// outcome answers with the sequence as the value.
func outcome(sequence uint64) *seriatimv1.Outcome {
	return &seriatimv1.Outcome{
		Sequence: sequence,
		Result:   &seriatimv1.Outcome_Message{Message: marshal(&examplesv1.CounterValue{Value: int64(sequence)})},
	}
}

func outcomes(sequences ...uint64) *seriatimv1.ConnectResponse {
	frame := &seriatimv1.ConnectResponse{}
	for _, sequence := range sequences {
		frame.Outcomes = append(frame.Outcomes, outcome(sequence))
	}
	return frame
}

func broken(reason seriatim.Reason, code codes.Code, completedThrough uint64) *seriatimv1.Broken {
	detail, err := anypb.New(&errdetails.ErrorInfo{Domain: "seriatim.dev", Reason: string(reason),
		Metadata: map[string]string{"object.reason": "TEAPOT"}})
	if err != nil {
		panic(err)
	}
	return &seriatimv1.Broken{
		Cause: &spb.Status{Code: int32(code), Message: "as told", Details: []*anypb.Any{detail}},

		CompletedThrough: completedThrough,
		FailedSequence:   completedThrough + 1,
	}
}

func breaks(told *seriatimv1.Broken) *seriatimv1.ConnectResponse {
	return &seriatimv1.ConnectResponse{Broken: told}
}

func marshal(message proto.Message) []byte {
	bytes, err := proto.Marshal(message)
	if err != nil {
		panic(err)
	}
	return bytes
}

// counterScript is a good host with one counter, that throws at amount 0. It remembers the amounts that ran.
func counterScript(ran *[]int64) func(*play) {
	return func(p *play) {
		p.open()
		value, done := int64(0), uint64(0)
		for frame := p.receive(); frame != nil; frame = p.receive() {
			answer := &seriatimv1.ConnectResponse{}
			for _, invocation := range frame.GetInvocations() {
				request := &examplesv1.IncrementRequest{}
				if err := proto.Unmarshal(invocation.GetMessage(), request); err != nil {
					p.host.t.Error(err)
				}
				if request.GetAmount() == 0 {
					answer.Broken = broken(seriatim.ReasonObjectException, codes.InvalidArgument, done)
					answer.Broken.Remote = true
					p.send(answer)
					return
				}
				if invocation.GetSequence() != done+1 {
					p.host.t.Errorf("sequence %d, expected %d", invocation.GetSequence(), done+1)
				}
				done++
				value += request.GetAmount()
				*ran = append(*ran, request.GetAmount())
				answer.Outcomes = append(answer.Outcomes, &seriatimv1.Outcome{
					Sequence: done,
					Result:   &seriatimv1.Outcome_Message{Message: marshal(&examplesv1.CounterValue{Value: value})},
				})
			}
			p.send(answer)
		}
	}
}

// world is a host and a client of it, both in one bubble of fake time.
type world struct {
	t       *testing.T
	host    *scriptedHost
	server  *grpc.Server
	objects *seriatim.DurableObjects
	onLanes bool
	stub    *seriatim.Stub
	counter examplesv1.CounterClient
	conn    *grpc.ClientConn
	told    []*seriatim.FailureCause // By the break of a resumable stub.
}

// inWorld runs a test in a bubble, where time passes only when everyone waits, against a host that plays these
// scripts. It fails if the ended stubs have left a goroutine behind.
func inWorld(t *testing.T, options *seriatim.Options, test func(*world), scripts ...func(*play)) {
	t.Helper()
	inWorldOf(t, options, nil, test, scripts...)
}

// inWorldOf is the same with a server that has these options.
func inWorldOf(
	t *testing.T, options *seriatim.Options, ofServer []grpc.ServerOption, test func(*world), scripts ...func(*play),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// A script may still have to notice that its client is gone when the world ends.
		server := grpc.NewServer(append([]grpc.ServerOption{grpc.WaitForHandlers(true)}, ofServer...)...)
		w := &world{t: t, host: &scriptedHost{t: t, scripts: scripts}, server: server}
		listener := bufconn.Listen(1 << 20)
		seriatimv1.RegisterDurableObjectsServer(w.server, w.host)
		go func() { _ = w.server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///host",
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Stop()
		defer conn.Close()
		w.conn = conn
		options = asCarried(options)
		w.onLanes = options != nil && options.SharedCalls > 0
		w.objects, err = seriatim.On(conn, options)
		if err != nil {
			t.Fatal(err)
		}
		w.stub = w.newStub()
		w.counter = examplesv1.NewCounterClient(w.stub)
		test(w)
		w.stub.Close()
		if err := w.stub.AwaitEnd(t.Context()); err != nil && !w.stub.IsBroken() {
			t.Error(err)
		}
		w.noneLeft()
	})
}

func (w *world) newStub() *seriatim.Stub {
	w.t.Helper()
	stub, err := w.objects.Namespace("COUNTER").GetByName("foo")
	if err != nil {
		w.t.Fatal(err)
	}
	return stub
}

// noneLeft fails if a goroutine of a stub is left, on the connection that is still there.
func (w *world) noneLeft() {
	w.t.Helper()
	if w.onLanes {
		time.Sleep(time.Minute) // Of the bubble: a shared call without stubs ends.
	}
	synctest.Wait()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if head, _, _ := strings.Cut(stack, "\n"); !strings.Contains(head, "synctest bubble") {
			continue // Of a test without a bubble, or the runtime's own, which tells a stub that it was collected.
		}
		if strings.Contains(stack, "seriatim.(*link)") || strings.Contains(stack, "seriatim.(*sharedCall)") ||
			strings.Contains(stack, "seriatim.(*session)") {
			w.t.Errorf("a goroutine is left:\n%s", stack)
		}
	}
}

// call makes a call of Increment without waiting.
func (w *world) call(ctx context.Context, amount int64) *seriatim.Future[examplesv1.CounterValue] {
	return seriatim.Call(ctx, w.counter.Increment, &examplesv1.IncrementRequest{Amount: amount})
}

func (w *world) calls(n int) []*seriatim.Future[examplesv1.CounterValue] {
	futures := make([]*seriatim.Future[examplesv1.CounterValue], n)
	for i := range futures {
		futures[i] = w.call(w.t.Context(), int64(i+1))
	}
	return futures
}

// seen is what became of a call, in a word: its value, or its reason and fate.
func seen(future *seriatim.Future[examplesv1.CounterValue]) string {
	value, err := future.Get()
	if err != nil {
		return word(err)
	}
	return fmt.Sprint(value.GetValue())
}

func word(err error) string {
	var failure *seriatim.CallFailure
	ok := errors.As(err, &failure)
	if !ok {
		return fmt.Sprintf("no CallFailure: %v", err)
	}
	return fmt.Sprintf("%s %v", failure.Reason, failure.Fate)
}

func (w *world) expect(futures []*seriatim.Future[examplesv1.CounterValue], expected ...string) {
	w.t.Helper()
	var got []string
	for _, future := range futures {
		got = append(got, seen(future))
	}
	if strings.Join(got, ", ") != strings.Join(expected, ", ") {
		w.t.Errorf("the calls saw %q, expected %q", got, expected)
	}
}
