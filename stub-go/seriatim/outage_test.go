package seriatim_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// leadsInto are credentials whose handshake goes on with a new connection to a server in the bubble of the test.
type leadsInto struct {
	credentials.TransportCredentials
	listener *bufconn.Listener
}

func (l leadsInto) ClientHandshake(
	ctx context.Context, authority string, made net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	_, info, err := l.TransportCredentials.ClientHandshake(ctx, authority, made)
	if err != nil {
		return nil, nil, err
	}
	inner, err := l.listener.DialContext(ctx)
	return inner, info, err
}

func (l leadsInto) Clone() credentials.TransportCredentials { return l }

// heldPort is an address on which nobody listens until the function beside it is called. It is held for the whole test:
// one that was only free a moment ago is soon somebody else's.
func heldPort(t *testing.T) (address string, listen func() error) {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	inet, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("got an address %T, expected one of IPv4", bound)
	}
	return fmt.Sprintf("127.0.0.1:%d", inet.Port), func() error { return syscall.Listen(socket, 16) }
}

// A target that refuses every connection until listen is called, and then leads to a host that answers; all waiting is
// in the bubble's time.
func inOutage(t *testing.T, test func(t *testing.T, objects *seriatim.DurableObjects, listen func())) {
	t.Helper()
	target, listens := heldPort(t)
	synctest.Test(t, func(t *testing.T) {
		server := grpc.NewServer()
		defer server.Stop()
		seriatimv1.RegisterDurableObjectsServer(server, &scriptedHost{t: t, scripts: []func(*play){answersOne}})
		listener := bufconn.Listen(1 << 20)
		go func() { _ = server.Serve(listener) }()
		objects, err := seriatim.Connect(target, leadsInto{insecure.NewCredentials(), listener}, asCarried(nil))
		if err != nil {
			t.Fatal(err)
		}
		defer objects.Close()
		test(t, objects, func() {
			if err := listens(); err != nil {
				t.Error(err)
			}
		})
	})
}

const outage = 30 * time.Second

func TestNewStubsWorkSoonAfterAnOutage(t *testing.T) {
	inOutage(t, func(t *testing.T, objects *seriatim.DurableObjects, listen func()) {
		start := time.Now()
		time.AfterFunc(outage, listen)
		for {
			stub, err := objects.Namespace("COUNTER").GetByName("foo")
			if err != nil {
				t.Fatal(err)
			}
			_, err = examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
			stub.Close()
			if err == nil {
				break
			}
			if got := word(err); got != "CONNECTION_LOST NOT_EXECUTED" {
				t.Fatalf("got %v", err)
			}
			time.Sleep(50 * time.Millisecond)
			if time.Since(start) > 2*outage {
				t.Fatalf("not back after twice the outage: %v", err)
			}
		}
		// Of the bubble's time, in which nothing but waiting takes any.
		if back := time.Since(start) - outage; back < 0 || back > 2*time.Second {
			t.Errorf("back %v after the host listened, expected 2s at most", back)
		}
	})
}

func TestRetryOutlastsAnOutageByDefault(t *testing.T) {
	inOutage(t, func(t *testing.T, objects *seriatim.DurableObjects, listen func()) {
		time.AfterFunc(outage, listen)
		retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) {
			return objects.Namespace("COUNTER").GetByName("foo")
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer retry.Close()
		if err := retry.Do(t.Context(), func(stub *seriatim.Stub) error {
			_, err := examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}
