package seriatim

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
)

// What a host lets one stub have queued, by its own default.
const (
	hostQueueInvocations = 65_536
	hostQueueBytes       = 64 << 20
)

// Options are the limits and times of a client. A field that is zero has its default, which suits most.
//
// All limits on calls hold for each stub by itself.
type Options struct {
	// MaxUnansweredFrames: with fewer frames than this unanswered, a call leaves at once; otherwise it waits, and
	// leaves with others, in one frame, when an answer comes back. Default: 4.
	MaxUnansweredFrames int

	// MaxFrameInvocations is the most invocations in one frame. Default: 256.
	MaxFrameInvocations int

	// MaxFrameBytes is the most bytes in one frame, unless a single invocation is bigger: that one goes alone.
	// Default: 1 MiB. A host's own limit is 4 MiB by default.
	MaxFrameBytes int

	// MaxInvocationBytes is the size of the largest invocation, with its argument, method name and metadata. A
	// larger one fails with ReasonCallTooLarge and breaks nothing. Default: 4 MiB less 8 KiB, which just fits a
	// host's default limit on a frame.
	MaxInvocationBytes int

	// MaxBufferedInvocations is the most invocations that may wait to be sent. One more fails with
	// ReasonBufferFull and breaks nothing. Default: 65,536.
	MaxBufferedInvocations int

	// MaxBufferedBytes is the most bytes that may wait to be sent. An invocation that would pass this fails with
	// ReasonBufferFull and breaks nothing. Default: 64 MiB.
	MaxBufferedBytes int

	// SharedCalls is over how many gRPC calls the client spreads its stubs, in turn: each stub is then a lane of one of these
	// calls, rather than a call of its own. That suits many stubs, and a stub for each call; for all else nothing changes. A
	// host that has no shared calls gets a call for each stub nevertheless. Default: 0, a call for each stub. 1 suits most.
	SharedCalls int

	// SharedCallIdleTimeout is for how long a shared call stays without a stub before it is ended. 1 ns ends it at once.
	// Default: 10 s.
	SharedCallIdleTimeout time.Duration

	// FollowRoutes opens later stubs right at the host that has their object, where the host that they would go to has said
	// which one that is. It saves the hop over that host. An object's host is known when a stub was opened before on it, or
	// on another whose id begins with the same bits; for a stub that is got by name, the client must know the namespace's
	// unique key for the latter, as with DurableObjects.NamespaceWithKey. A route is forgotten when a stub that was opened
	// by it is lost, can't be opened, or ends with codes.Unavailable; the next one goes the usual way, and no call is
	// repeated for that. Default: false.
	FollowRoutes bool

	// MaxRoutes is how many routes are remembered, each for the objects whose ids begin with the same bits. Default: 1,024.
	MaxRoutes int

	// DialRoute makes the connection to the address of a route, such as "10.0.0.7:7070", with FollowRoutes. It is called
	// once for each address, when the first stub is opened there, and must not block; the connection is the client's,
	// which closes it when no route and no stub needs it any more. Default: one like the client's own, which only
	// Connect knows how to make: with the same TLS and the same DialOptions.
	DialRoute func(address string) (*grpc.ClientConn, error)

	// DialOptions are for each connection that the client makes, also along a route: such as grpc.WithPerRPCCredentials, to say
	// who calls. They stand behind the client's own, so they win; only for Connect. Default: none.
	DialOptions []grpc.DialOption

	// MaxInboundFrameBytes is the largest frame taken from a host. A larger one breaks the stub. Default: 16 MiB.
	MaxInboundFrameBytes int

	// DeadlineGrace: the host watches a call's deadline, and breaks the stub at the call when it passes. If no word of
	// that has come this long after the deadline, the call ends without it, and the stub goes on. Default: 1 s.
	DeadlineGrace time.Duration

	// OpenTimeout is how long the host may take to open a stub, from its first call, with the time that it takes to get a
	// connection and a stream of it. Then the stub breaks; a resumable one tries again. Default: 10 s.
	OpenTimeout time.Duration

	// EndTimeout is how long a host may take to end a stub's call that has nothing left: the stub is closed and all
	// its calls are answered, or the host has told why it broke. Then the client ends the call, and the stub is
	// broken. Default: 10 s.
	EndTimeout time.Duration

	// ResumeTimeout is for how long a resumable stub that has lost its connection tries to get another one that opens it. Then
	// it breaks. Default: 60 s. It never takes longer than half of the time for which the host remembers, since the oldest
	// unanswered call was sent: five minutes, by a host's default.
	ResumeTimeout time.Duration

	// ResumeBackoff is the most that a resumable stub waits before it tries for the second time to get another connection, and
	// half of it the least: the rest is random. It doubles from one time to the next. The first time the stub tries at once;
	// but if the host had too much to do, it waits for 1 s, which doubles, too. Default: 50 ms.
	ResumeBackoff time.Duration

	// MaxResumeBackoff is what this grows to. Default: 5 s.
	MaxResumeBackoff time.Duration

	// MaxResumesWithoutProgress is how many connections in a row may be opened for a resumable stub, with calls that have no
	// answer, and lost again without one more outcome. Then the stub breaks. Default: 10.
	MaxResumesWithoutProgress int

	// DescribeTimeout is how long to wait for the description of a namespace. Default: 10 s.
	DescribeTimeout time.Duration

	// ConnectTimeout is how long one attempt to connect may take; only for Connect. Default: 5 s.
	ConnectTimeout time.Duration

	// MaxReconnectDelay is the longest pause between two attempts to connect, give or take a fifth; only for Connect. A
	// host that listens again after an outage is found within it. Default: 500 ms.
	MaxReconnectDelay time.Duration

	// KeepAliveTime is how long a connection with open stubs may be silent before it is probed; only for Connect.
	// Default: 30 s; the least that gRPC permits is 10 s. If a proxy in between answers with too_many_pings, raise
	// it: many permit only 5 minutes.
	KeepAliveTime time.Duration

	// KeepAliveTimeout is how long a probe may stay unanswered before the connection is given up, which breaks all
	// its stubs; only for Connect. Default: 10 s.
	KeepAliveTimeout time.Duration
}

// withDefaults is a copy with the defaults in place of zeros, or an error that names what is wrong.
func (o *Options) withDefaults() (Options, error) {
	var options Options
	if o != nil {
		options = *o
	}
	if options.SharedCalls < 0 {
		return options, fmt.Errorf("seriatim: SharedCalls %d, expected 0 for a call for each stub, or more", options.SharedCalls)
	}
	for _, field := range []struct {
		name         string
		value        *int
		defaultValue int
	}{
		{"MaxUnansweredFrames", &options.MaxUnansweredFrames, 4},
		{"MaxFrameInvocations", &options.MaxFrameInvocations, 256},
		{"MaxFrameBytes", &options.MaxFrameBytes, 1 << 20},
		{"MaxInvocationBytes", &options.MaxInvocationBytes, 4<<20 - 8<<10},
		{"MaxBufferedInvocations", &options.MaxBufferedInvocations, 65_536},
		{"MaxBufferedBytes", &options.MaxBufferedBytes, 64 << 20},
		{"MaxRoutes", &options.MaxRoutes, 1024},
		{"MaxResumesWithoutProgress", &options.MaxResumesWithoutProgress, 10},
		{"MaxInboundFrameBytes", &options.MaxInboundFrameBytes, 16 << 20},
	} {
		if err := orDefault(field.name, field.value, field.defaultValue); err != nil {
			return options, err
		}
	}
	for _, field := range []struct {
		name         string
		value        *time.Duration
		defaultValue time.Duration
	}{
		{"DeadlineGrace", &options.DeadlineGrace, time.Second},
		{"SharedCallIdleTimeout", &options.SharedCallIdleTimeout, 10 * time.Second},
		{"OpenTimeout", &options.OpenTimeout, 10 * time.Second},
		{"EndTimeout", &options.EndTimeout, 10 * time.Second},
		{"ResumeTimeout", &options.ResumeTimeout, time.Minute},
		{"ResumeBackoff", &options.ResumeBackoff, 50 * time.Millisecond},
		{"MaxResumeBackoff", &options.MaxResumeBackoff, 5 * time.Second},
		{"DescribeTimeout", &options.DescribeTimeout, 10 * time.Second},
		{"ConnectTimeout", &options.ConnectTimeout, 5 * time.Second},
		{"MaxReconnectDelay", &options.MaxReconnectDelay, 500 * time.Millisecond},
		{"KeepAliveTime", &options.KeepAliveTime, 30 * time.Second},
		{"KeepAliveTimeout", &options.KeepAliveTimeout, 10 * time.Second},
	} {
		if err := orDefault(field.name, field.value, field.defaultValue); err != nil {
			return options, err
		}
	}
	return options, options.check()
}

// check holds the limits against each other, and against what a host queues by its defaults.
func (o *Options) check() error {
	if o.MaxFrameInvocations > hostQueueInvocations/o.MaxUnansweredFrames {
		return fmt.Errorf("seriatim: MaxUnansweredFrames %d × MaxFrameInvocations %d, expected at most %d",
			o.MaxUnansweredFrames, o.MaxFrameInvocations, hostQueueInvocations)
	}
	if largest := max(o.MaxFrameBytes, o.MaxInvocationBytes); largest > hostQueueBytes/o.MaxUnansweredFrames {
		return fmt.Errorf("seriatim: MaxUnansweredFrames %d × the larger of MaxFrameBytes and MaxInvocationBytes, %d, "+
			"expected at most %d", o.MaxUnansweredFrames, largest, hostQueueBytes)
	}
	if o.MaxBufferedBytes < o.MaxInvocationBytes {
		return fmt.Errorf("seriatim: MaxBufferedBytes %d, expected at least MaxInvocationBytes %d",
			o.MaxBufferedBytes, o.MaxInvocationBytes)
	}
	return nil
}

func orDefault[T int | time.Duration](name string, value *T, defaultValue T) error {
	if *value < 0 {
		return fmt.Errorf("seriatim: %s %v, expected more than 0, or 0 for the default %v", name, *value, defaultValue)
	}
	if *value == 0 {
		*value = defaultValue
	}
	return nil
}
