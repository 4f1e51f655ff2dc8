package seriatim

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// BearerToken gives credentials that say who calls, by a token in the header authorization, which is fetched anew for each
// gRPC call that is opened: for each stub that has a call of its own, for each connection of a resumable one, for each shared
// call, and for each call without a stub. They go into Options.DialOptions, or into those of a connection of your own:
//
//	seriatim.Connect(target, credentials.NewTLS(nil), &seriatim.Options{
//		DialOptions: []grpc.DialOption{grpc.WithPerRPCCredentials(seriatim.BearerToken(current))},
//	})
//
// fetch gives the token as it is now, without the word Bearer. It is called by any number of goroutines, with the context of
// the gRPC call. What takes long, such as to ask somebody for a token, had better be kept by it until shortly before it runs
// out. If it fails, the call fails with codes.Unavailable, so that it is retryable; or with the status that the error has. The
// error is told to callers, so it must not have the token.
//
// The token goes wherever the client makes a connection: also, with Options.FollowRoutes, to the address that a host has
// named, over the same TLS. Without TLS it is sent to loopback addresses only; anywhere else the call fails with
// codes.Unauthenticated, and the token isn't even fetched.
func BearerToken(fetch func(ctx context.Context) (string, error)) credentials.PerRPCCredentials {
	return bearerToken{fetch}
}

type bearerToken struct {
	fetch func(ctx context.Context) (string, error)
}

// GetRequestMetadata is for gRPC.
func (b bearerToken) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if err := checkPrivate(ctx); err != nil {
		return nil, err
	}
	token, err := b.fetch(ctx)
	if err == nil {
		err = checkToken(token)
	}
	if err == nil {
		return map[string]string{"authorization": "Bearer " + token}, nil
	}
	if told, ok := status.FromError(err); ok {
		return nil, told.Err()
	}
	return nil, status.Error(codes.Unavailable, fmt.Sprintf("no bearer token for the call: %v", err))
}

// RequireTransportSecurity is for gRPC. Whether the way is private is looked at for each call.
func (b bearerToken) RequireTransportSecurity() bool { return false }

// String says what it is, and nothing of the token.
func (b bearerToken) String() string { return "BearerToken" }

// checkPrivate tells whether nobody on the way can read what is sent.
func checkPrivate(ctx context.Context) error {
	request, _ := credentials.RequestInfoFromContext(ctx)
	if credentials.CheckSecurityLevel(request.AuthInfo, credentials.PrivacyAndIntegrity) == nil {
		return nil
	}
	to := "somebody"
	if host, ok := peer.FromContext(ctx); ok && host.Addr != nil {
		tcp, remote := host.Addr.(*net.TCPAddr)
		if !remote || tcp.IP.IsLoopback() {
			return nil
		}
		to = host.Addr.String()
	}
	return status.Errorf(codes.Unauthenticated,
		"a bearer token is sent over TLS only, or to a loopback address: the connection to %s is neither", to)
}

// checkToken tells whether a header can have it.
func checkToken(token string) error {
	if token == "" {
		return errors.New("there is none")
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return fmt.Errorf("it has byte 0x%02X at %d, expected visible ASCII", token[i], i) // And nothing more of it.
		}
	}
	return nil
}
