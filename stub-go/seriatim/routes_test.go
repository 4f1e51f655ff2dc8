package seriatim_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// routed are hosts by address, and a client of the one called "edge" that follows routes.
type routed struct {
	t         *testing.T
	listeners map[string]*bufconn.Listener
	hosts     map[string]*scriptedHost
	objects   *seriatim.DurableObjects

	mu      sync.Mutex
	dialled []*grpc.ClientConn // For routes. Guarded.
}

func newRouted(t *testing.T, options seriatim.Options, scripts map[string][]func(*play)) *routed {
	t.Helper()
	r := &routed{t: t, listeners: map[string]*bufconn.Listener{}, hosts: map[string]*scriptedHost{}}
	for address, ofHost := range scripts {
		listener := bufconn.Listen(1 << 20)
		r.listeners[address] = listener
		r.hosts[address] = &scriptedHost{t: t, scripts: ofHost}
		server := grpc.NewServer()
		seriatimv1.RegisterDurableObjectsServer(server, r.hosts[address])
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(server.Stop)
	}
	edge, err := r.dial("edge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = edge.Close() })
	options.FollowRoutes = true
	if options.DialRoute == nil {
		options.DialRoute = func(address string) (*grpc.ClientConn, error) {
			conn, err := r.dial(address)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dialled = append(r.dialled, conn)
			return conn, err
		}
	}
	r.objects, err = seriatim.On(edge, asCarried(&options))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.objects.Close() })
	return r
}

func (r *routed) dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			listener := r.listeners[address]
			if listener == nil {
				return nil, errors.New("nobody listens")
			}
			return listener.DialContext(ctx)
		}))
}

// use opens a stub and makes a call on it, which fails the test if it doesn't see this.
func (r *routed) use(expected string) *seriatim.Stub {
	r.t.Helper()
	stub, err := r.objects.Namespace("COUNTER").GetByName("foo")
	if err != nil {
		r.t.Fatal(err)
	}
	future := seriatim.Call(r.t.Context(), examplesv1.NewCounterClient(stub).Increment, &examplesv1.IncrementRequest{})
	if got := seen(future); got != expected {
		r.t.Errorf("the call saw %s, expected %s", got, expected)
	}
	return stub
}

// expectShutdown waits until this many connections for routes were made, and all are closed.
func (r *routed) expectShutdown(connections int) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.dialled) != connections {
		r.t.Errorf("%d connections were made for routes, expected %d", len(r.dialled), connections)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for _, conn := range r.dialled {
		for state := conn.GetState(); state != connectivity.Shutdown; state = conn.GetState() {
			if !conn.WaitForStateChange(ctx, state) {
				r.t.Fatalf("a connection for a route is %v, expected it to be closed", state)
			}
		}
	}
}

// answers opens the stub, with a route to there if it isn't empty, and answers one call.
func answers(address string) func(*play) {
	return func(p *play) {
		frame := opened()
		if address != "" {
			frame.Opened.Route = &seriatimv1.Route{Address: address, PrefixBits: 10}
		}
		p.send(frame)
		p.receiveCalls(1)
		p.send(outcomes(1))
		p.receive()
	}
}

func TestLaterStubsAreOpenedWhereTheRouteSays(t *testing.T) {
	r := newRouted(t, seriatim.Options{}, map[string][]func(*play){
		"edge": {answers("owner")}, "owner": {answers("")},
	})
	first := r.use("1")
	second, third := r.use("1"), r.use("1")
	if edge, owner := r.hosts["edge"].connects.Load(), r.hosts["owner"].connects.Load(); edge != 1 || owner != 2 {
		t.Errorf("%d stubs at the edge and %d at the owner, expected 1 and 2", edge, owner)
	}
	first.Close()
	second.Close()
	third.Close()
	for _, stub := range []*seriatim.Stub{first, second, third} {
		if err := stub.AwaitEnd(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if state := r.dialled[0].GetState(); state == connectivity.Shutdown {
		t.Error("the connection is closed, though there is a route to it")
	}
	_ = r.objects.Close()
	r.expectShutdown(1)
}

func TestARouteIsForgottenThatLeadsNowhere(t *testing.T) {
	r := newRouted(t, seriatim.Options{}, map[string][]func(*play){"edge": {answers("nowhere"), answers("")}})
	r.use("1")
	r.use("CONNECTION_LOST NOT_EXECUTED")
	r.use("1")
	r.expectShutdown(1)
}

func TestARouteIsForgottenThatCanNotBeDialled(t *testing.T) {
	refuse := func(string) (*grpc.ClientConn, error) { return nil, errors.New("no way there") }
	r := newRouted(t, seriatim.Options{DialRoute: refuse}, map[string][]func(*play){"edge": {answers("owner"), answers("")}})
	r.use("1")
	r.use("CONNECTION_LOST NOT_EXECUTED")
	r.use("1")
}

// A stub that is on a route which was forgotten for another one's sake keeps its connection.
func TestAConnectionStaysAsLongAsAStubIsOnIt(t *testing.T) {
	two := func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(outcomes(1))
		p.receiveCalls(1)
		p.send(outcomes(2))
		p.receive()
	}
	moved := func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.send(breaks(broken(seriatim.ReasonObjectMoved, codes.Unavailable, 0)))
	}
	lost := func(p *play) {
		p.open()
		p.receiveCalls(1)
		p.end = status.Error(codes.Unavailable, "gone")
	}
	r := newRouted(t, seriatim.Options{}, map[string][]func(*play){
		"edge": {answers("owner"), answers("owner"), answers("")}, "owner": {two, moved, lost},
	})
	r.use("1")
	stays := r.use("1")
	r.use("OBJECT_MOVED NOT_EXECUTED")
	r.use("1") // At the edge, which tells of the route again.
	r.use("CONNECTION_LOST UNKNOWN")
	r.use("1")

	future := seriatim.Call(t.Context(), examplesv1.NewCounterClient(stays).Increment, &examplesv1.IncrementRequest{})
	if got := seen(future); got != "2" {
		t.Errorf("the call saw %s, expected 2", got)
	}
	stays.Close()
	if err := stays.AwaitEnd(t.Context()); err != nil {
		t.Error(err)
	}
	r.expectShutdown(1)
}

func TestAResumableStubThatIsLostForgetsItsRoute(t *testing.T) {
	lost := func(p *play) {
		p.openThrough(0)
		p.receiveCalls(1)
		p.end = status.Error(codes.Unavailable, "gone")
	}
	resumed := func(p *play) {
		p.reopen(2, 0)
		frame := openedThrough(0)
		frame.Opened.Route = &seriatimv1.Route{Address: "heir", PrefixBits: 10}
		p.send(frame)
		p.receiveThese(1)
		p.send(breaks(&seriatimv1.Broken{Cause: broken(seriatim.ReasonObjectMoved, codes.Unavailable, 0).Cause, Retryable: true}))
	}
	moved := func(p *play) {
		p.reopen(3, 0)
		p.openThrough(0)
		p.receiveThese(1)
		p.send(outcomes(1))
		p.receiveEnd(1)
	}
	r := newRouted(t, seriatim.Options{}, map[string][]func(*play){
		"edge": {answers("owner"), resumed}, "owner": {lost}, "heir": {moved},
	})
	r.use("1")
	stub, err := r.objects.Namespace("COUNTER").Resumable().GetByName("foo")
	if err != nil {
		t.Fatal(err)
	}
	future := seriatim.Call(t.Context(), examplesv1.NewCounterClient(stub).Increment, &examplesv1.IncrementRequest{})
	if got := seen(future); got != "1" {
		t.Errorf("the call saw %s, expected 1", got)
	}
	stub.Close()
	if err := stub.AwaitEnd(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAGivenConnectionNeedsAWayToMakeOthers(t *testing.T) {
	_, err := seriatim.On(nil, &seriatim.Options{FollowRoutes: true})
	expected := "seriatim: FollowRoutes on a connection that was given, expected DialRoute with it"
	if err == nil || err.Error() != expected {
		t.Errorf("got %v, expected %q", err, expected)
	}
}
