package seriatim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// certificates are those that every language is tested with.
const certificates = "../../conformance-tests/src/main/resources/tls"

func certificateOf(t *testing.T, who string) []tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(certificates, who+".pem"), filepath.Join(certificates, who+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return []tls.Certificate{pair}
}

func trusting(t *testing.T, ca string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(certificates, ca+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// callersHost is a scripted host on loopback that notes who calls.
type callersHost struct {
	*scriptedHost
	target string

	mu             sync.Mutex
	authorizations []string // Of each gRPC call, in order; "" for none.
}

func (h *callersHost) note(ctx context.Context) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.authorizations = append(h.authorizations, strings.Join(incoming.Get("authorization"), ", "))
}

func (h *callersHost) expectCallers(expected ...string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.authorizations, expected) {
		h.t.Errorf("called by %q, expected %q", h.authorizations, expected)
	}
}

// newCallersHost is one with TLS, if there is a configuration.
func newCallersHost(t *testing.T, config *tls.Config, scripts ...func(*play)) *callersHost {
	t.Helper()
	h := &callersHost{scriptedHost: &scriptedHost{t: t, scripts: scripts}}
	creds := insecure.NewCredentials()
	if config != nil {
		creds = credentials.NewTLS(config)
	}
	server := grpc.NewServer(grpc.Creds(creds),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			h.note(stream.Context())
			return handler(srv, stream)
		}),
		grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			h.note(ctx)
			return handler(ctx, request)
		}))
	seriatimv1.RegisterDurableObjectsServer(server, h.scriptedHost)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.target = listener.Addr().String()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return h
}

// connect gives a client, with shared calls if the tests run so.
func connect(t *testing.T, target string, config *tls.Config, dialOptions ...grpc.DialOption) *seriatim.DurableObjects {
	t.Helper()
	creds := insecure.NewCredentials()
	if config != nil {
		creds = credentials.NewTLS(config)
	}
	objects, err := seriatim.Connect(target, creds, asCarried(&seriatim.Options{
		DialOptions: dialOptions, ResumeBackoff: time.Millisecond, OpenTimeout: time.Minute}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { objects.Close() })
	return objects
}

// use makes one call on a new stub.
func use(t *testing.T, namespace *seriatim.Namespace) (*examplesv1.CounterValue, error) {
	t.Helper()
	stub, err := namespace.GetByName("foo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stub.Close)
	return examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
}

func expectUse(t *testing.T, namespace *seriatim.Namespace) {
	t.Helper()
	if value, err := use(t, namespace); err != nil || value.GetValue() != 1 {
		t.Errorf("got %v, %v, expected 1", value, err)
	}
}

func failureAt(t *testing.T, objects *seriatim.DurableObjects) *seriatim.CallFailure {
	t.Helper()
	value, err := use(t, objects.Namespace("COUNTER"))
	var failure *seriatim.CallFailure
	ok := errors.As(err, &failure)
	if !ok {
		t.Fatalf("got %v, %v, expected a CallFailure", value, err)
	}
	return failure
}

func expectRefused(t *testing.T, failure *seriatim.CallFailure, code codes.Code, retryable bool, message string) {
	t.Helper()
	if failure.Reason != seriatim.ReasonConnectionLost || failure.Fate != seriatim.FateNotExecuted ||
		failure.Code != code || failure.Retryable != retryable || !strings.HasPrefix(failure.Message, message) {
		t.Errorf("got %v (%v, retryable %v), expected %v, retryable %v: %q",
			failure, failure.Code, failure.Retryable, code, retryable, message)
	}
}

func serverTLS(t *testing.T) *tls.Config {
	return &tls.Config{Certificates: certificateOf(t, "server")}
}

func mutualTLS(t *testing.T) *tls.Config {
	config := serverTLS(t)
	config.ClientCAs = trusting(t, "ca")
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config
}

func counted() grpc.DialOption {
	var fetches atomic.Int64
	return grpc.WithPerRPCCredentials(seriatim.BearerToken(func(context.Context) (string, error) {
		return fmt.Sprint("token-", fetches.Add(1)), nil
	}))
}

func fixed(token string, err error) grpc.DialOption {
	return grpc.WithPerRPCCredentials(seriatim.BearerToken(func(context.Context) (string, error) { return token, err }))
}

func expiresAtFirst(p *play) {
	p.receiveCalls(1)
	told := broken(seriatim.ReasonCredentialsExpired, codes.Unauthenticated, 0)
	told.FailedSequence, told.Retryable = 0, true
	p.send(breaks(told))
}

func opensSession(p *play) {
	p.send(&seriatimv1.ConnectResponse{Opened: &seriatimv1.Opened{
		Id: objectID, Session: &seriatimv1.OpenedSession{Retention: durationpb.New(time.Hour)}}})
	p.receiveCalls(1)
	p.send(outcomes(1))
	p.receive()
}

func TestTLSToAHostWhoseCAIsKnown(t *testing.T) {
	host := newCallersHost(t, serverTLS(t), answersAll)
	config := &tls.Config{RootCAs: trusting(t, "ca")}
	expectUse(t, connect(t, host.target, config, fixed("a-token", nil)).Namespace("COUNTER"))
	host.expectCallers("Bearer a-token")
}

func TestTLSToAHostThatNobodyKnowsSaysSo(t *testing.T) {
	host := newCallersHost(t, serverTLS(t), answersAll)
	for _, config := range []*tls.Config{{}, {RootCAs: trusting(t, "other-ca")}} {
		expectRefused(t, failureAt(t, connect(t, host.target, config, fixed("a-token", nil))),
			codes.Unavailable, true, "the host's certificate isn't trusted: ")
	}
	host.expectCallers()
}

func TestTLSWithACertificateOfTheClient(t *testing.T) {
	host := newCallersHost(t, mutualTLS(t), answersAll)
	config := &tls.Config{RootCAs: trusting(t, "ca"), Certificates: certificateOf(t, "client")}
	expectUse(t, connect(t, host.target, config).Namespace("COUNTER"))
}

// Up to TLS 1.2 the client hears of it in the handshake. With 1.3 the handshake is over for it by then, and what it hears
// is that, or that the connection was closed.
func TestTLSWithACertificateThatTheHostDoesNotKnowSaysSo(t *testing.T) {
	host := mutualTLS(t)
	host.ClientCAs = trusting(t, "other-ca")
	host.MaxVersion = tls.VersionTLS12
	at := newCallersHost(t, host, answersAll)
	config := &tls.Config{RootCAs: trusting(t, "ca"), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &certificateOf(t, "client")[0], nil // Though the host has said that it knows others only.
	}}
	expectRefused(t, failureAt(t, connect(t, at.target, config)),
		codes.Unavailable, true, "the host wants another certificate of the client, or one at all: ")
	at.expectCallers()
}

func TestTLSWithoutTheCertificateThatTheHostWantsSendsNothing(t *testing.T) {
	host := newCallersHost(t, mutualTLS(t), answersAll)
	config := &tls.Config{RootCAs: trusting(t, "ca")}
	expectRefused(t, failureAt(t, connect(t, host.target, config)), codes.Unavailable, true, "")
	host.expectCallers()
}

func TestABearerTokenIsFetchedAnewByARetry(t *testing.T) {
	host := newCallersHost(t, nil, expiresAtFirst, answersAll)
	counters := connect(t, host.target, nil, counted()).Namespace("COUNTER")
	retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) { return counters.GetByName("foo") },
		&seriatim.RetryOptions{InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer retry.Close()
	err = retry.Do(t.Context(), func(stub *seriatim.Stub) error {
		_, err := examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	host.expectCallers("Bearer token-1", "Bearer token-2")
}

func TestABearerTokenIsFetchedAnewForEachConnectionOfAResumableStub(t *testing.T) {
	host := newCallersHost(t, nil, expiresAtFirst, opensSession)
	expectUse(t, connect(t, host.target, nil, counted()).Namespace("COUNTER").Resumable())
	host.expectCallers("Bearer token-1", "Bearer token-2")
}

func TestABearerTokenIsOfCallsWithoutAStubAsWell(t *testing.T) {
	host := newCallersHost(t, nil)
	host.describe = func() (*seriatimv1.DescribeNamespaceResponse, error) {
		return &seriatimv1.DescribeNamespaceResponse{}, nil
	}
	conn, err := grpc.NewClient(host.target, grpc.WithTransportCredentials(insecure.NewCredentials()), counted())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 {
		if _, err := seriatimv1.NewDurableObjectsClient(conn).DescribeNamespace(
			t.Context(), &seriatimv1.DescribeNamespaceRequest{}); err != nil {
			t.Error(err)
		}
	}
	host.expectCallers("Bearer token-1", "Bearer token-2")
}

func TestATokenThatNobodyGivesFailsTheStubBeforeAnythingWasSent(t *testing.T) {
	host := newCallersHost(t, nil, answersAll)
	expectRefused(t, failureAt(t, connect(t, host.target, nil, fixed("", errors.New("the issuer sleeps")))),
		codes.Unavailable, true, "no bearer token for the call: the issuer sleeps")
	expectRefused(t, failureAt(t, connect(t, host.target, nil, fixed("", status.Error(codes.PermissionDenied, "not with me")))),
		codes.PermissionDenied, false, "not with me")
	host.expectCallers()
}

func TestATokenThatNoHeaderCanHaveIsNotShown(t *testing.T) {
	host := newCallersHost(t, nil, answersAll)
	for token, why := range map[string]string{
		"":         "there is none",
		"se\ncret": "it has byte 0x0A at 2, expected visible ASCII",
		"secret ":  "it has byte 0x20 at 6, expected visible ASCII",
		"secr\xc3": "it has byte 0xC3 at 4, expected visible ASCII",
	} {
		failure := failureAt(t, connect(t, host.target, nil, fixed(token, nil)))
		expectRefused(t, failure, codes.Unavailable, true, "no bearer token for the call: "+why)
		if shown := fmt.Sprintf("%v %+v %#v", failure, failure, failure.FailureCause); strings.Contains(shown, "secr") ||
			strings.Contains(shown, "cret") {
			t.Error(shown)
		}
	}
	host.expectCallers()
}

func TestATokenIsNotInAFailureNorInWhatIsPrinted(t *testing.T) {
	host := newCallersHost(t, nil, expiresAtFirst)
	creds := seriatim.BearerToken(func(context.Context) (string, error) { return "a-secret", nil })
	failure := failureAt(t, connect(t, host.target, nil, grpc.WithPerRPCCredentials(creds)))
	host.expectCallers("Bearer a-secret")
	if shown := fmt.Sprintf("%v %+v %#v %v %+v", failure, failure, failure.FailureCause, creds, creds); strings.Contains(
		shown, "a-secret") {
		t.Error(shown)
	}
}

func TestATokenIsNeitherFetchedNorSentInPlainText(t *testing.T) {
	const elsewhere = "192.0.2.7:7070"
	host := newCallersHost(t, nil, answersAll)
	fetches := 0
	creds := seriatim.BearerToken(func(context.Context) (string, error) { fetches++; return "a-secret", nil })
	objects := connect(t, elsewhere, nil, grpc.WithPerRPCCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host.target)
			if err != nil {
				return nil, err
			}
			return farConn{conn}, nil
		}))
	expectRefused(t, failureAt(t, objects), codes.Unauthenticated, false,
		"a bearer token is sent over TLS only, or to a loopback address: the connection to "+elsewhere+" is neither")
	if fetches != 0 {
		t.Errorf("%d fetches, expected none", fetches)
	}
	host.expectCallers()
}

// farConn says that its other end is elsewhere.
type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 7070} }
