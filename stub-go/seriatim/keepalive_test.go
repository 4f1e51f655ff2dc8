package seriatim_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
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

// silentConn carries everything until it is silenced, and then nothing, but is never closed by its other end.
type silentConn struct {
	net.Conn
	silent atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (c *silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.silent.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *silentConn) Write(p []byte) (int, error) {
	if c.silent.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *silentConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// leadsTo are credentials whose handshake goes on with another connection than the one that was made: with one
// that lives in a bubble of fake time, as a socket can't.
type leadsTo struct {
	credentials.TransportCredentials
	conn net.Conn
}

func (l leadsTo) ClientHandshake(
	ctx context.Context, authority string, made net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	_, info, err := l.TransportCredentials.ClientHandshake(ctx, authority, made)
	return l.conn, info, err
}

func (l leadsTo) Clone() credentials.TransportCredentials { return l }

func TestAConnectionThatGoesSilentIsGivenUp(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	synctest.Test(t, func(t *testing.T) {
		server := grpc.NewServer()
		defer server.Stop()
		seriatimv1.RegisterDurableObjectsServer(server, &scriptedHost{t: t, scripts: []func(*play){func(p *play) {
			p.open()
			p.receiveCalls(1)
			p.send(outcomes(1))
			p.untilGone()
		}}})
		listener := bufconn.Listen(1 << 20)
		go func() { _ = server.Serve(listener) }()
		inner, err := listener.Dial()
		if err != nil {
			t.Fatal(err)
		}
		conn := &silentConn{Conn: inner, closed: make(chan struct{})}

		objects, err := seriatim.Connect(socket.Addr().String(),
			leadsTo{insecure.NewCredentials(), conn},
			asCarried(&seriatim.Options{KeepAliveTime: 20 * time.Second, KeepAliveTimeout: 5 * time.Second}))
		if err != nil {
			t.Fatal(err)
		}
		defer objects.Close()
		stub, err := objects.Namespace("COUNTER").GetByName("foo")
		if err != nil {
			t.Fatal(err)
		}
		counter := examplesv1.NewCounterClient(stub)
		request := &examplesv1.IncrementRequest{Amount: 1}
		if _, err := counter.Increment(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		conn.silent.Store(true)
		start := time.Now()
		if _, err := counter.Increment(t.Context(), request); word(err) != "CONNECTION_LOST UNKNOWN" {
			t.Errorf("the call saw %v", err)
		}
		if passed := time.Since(start); passed != 25*time.Second {
			t.Errorf("after %v, expected 25s", passed)
		}
	})
}
