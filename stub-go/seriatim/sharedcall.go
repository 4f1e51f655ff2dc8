package seriatim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

type manyStream = grpc.BidiStreamingClient[seriatimv1.ConnectManyRequest, seriatimv1.ConnectManyResponse]

// sharedCall is one gRPC call that carries many sessions, each on a lane. Two goroutines serve all of them: the reader,
// which alone receives, and the writer, which alone sends. Neither ever waits for a caller or a listener.
//
// Its lock is taken with a session's held, so no one takes a session's with this one held.
type sharedCall struct {
	calls    *sharedCalls
	access   *access
	hangUp   context.CancelFunc // Ends the call and its goroutines.
	streamed atomic.Bool        // A stream carries the call.
	codec    frameCodec         // What it remembers is the reader's.
	begun    chan struct{}      // Closed when the call has a stream, or gets none.
	line     laneLine           // The writer's, and the reader's when written is closed.
	written  chan struct{}      // Closed when the writer has ended.

	mu          sync.Mutex
	wakeUp      sync.Cond     // Wakes the writer. Its lock is mu.
	book        laneBook      // Guarded, and so is what follows.
	waitsForAny bool          // The writer waits for any lane to be ready, and not for the clock.
	waitsForNow bool          // The writer waits for the clock.
	gathered    *time.Timer   // Wakes the writer when the clock lets a message go.
	idle        *time.Timer   // Ends the call when it has had no lanes for a while.
	ending      *time.Timer   // Ends the call when the host doesn't.
	fault       *FailureCause // Why the call is over, if not by its own end.
}

// newSharedCall begins a call, behind another one, if there is one: so they come to the host in the order of their making.
func newSharedCall(calls *sharedCalls, access *access, behind *sharedCall) *sharedCall {
	ctx, cancel := context.WithCancel(context.Background())
	c := &sharedCall{
		calls:   calls,
		access:  access,
		hangUp:  cancel,
		begun:   make(chan struct{}),
		written: make(chan struct{}),
		book:    laneBook{lanes: map[uint64]*lane{}},
	}
	c.wakeUp.L = &c.mu
	var other <-chan struct{}
	if behind != nil {
		other = behind.begun
	}
	go c.run(ctx, other)
	return c
}

// ---- lanes come and go: any goroutine ------------------------------------------------------------------

// lane gives a lane for a session, which stands in line already; nil, if no more are let in.
func (c *sharedCall) lane(s *session) *lane {
	l := &lane{session: s, call: c}
	l.inLine.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.book.admit() {
		return nil
	}
	if c.idle != nil {
		c.idle.Stop()
	}
	c.add(l)
	return l
}

func (c *sharedCall) ready(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(l)
}

// add has a lane asked for what it has to send. Under the lock.
func (c *sharedCall) add(l *lane) {
	c.book.ready = append(c.book.ready, l)
	if c.waitsForAny {
		c.waitsForAny = false
		c.wakeUp.Signal()
	}
}

// giveUp has the host told that nobody listens on a lane any more; false, if it is over already.
func (c *sharedCall) giveUp(l *lane) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.book.over(l) {
		return false
	}
	l.gaveUp.Store(true)
	if !l.inLine.Swap(true) {
		c.add(l)
	}
	c.watchIfIdle()
	return true
}

// forget is that the host has ended a lane; false, if it is over already.
func (c *sharedCall) forget(l *lane) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.book.over(l) {
		return false
	}
	c.watchIfIdle()
	return true
}

// watchIfIdle begins to wait for a lane, if there is none. Under the lock.
func (c *sharedCall) watchIfIdle() {
	switch {
	case c.book.open > 0 || c.book.ended:
	case c.book.retired:
		c.finish()
	case c.idle == nil:
		c.idle = time.AfterFunc(c.access.options.SharedCallIdleTimeout, c.retireIfIdle)
	default:
		c.idle.Reset(c.access.options.SharedCallIdleTimeout)
	}
}

func (c *sharedCall) retireIfIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.book.open == 0 {
		c.book.retired = true
		c.finish()
	}
}

// retire lets no more lanes in, and ends the call when there are none.
func (c *sharedCall) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.retired = true
	if c.book.open == 0 {
		c.finish()
	}
}

// finish ends a call that has no lanes and gets no more: in order, unless the host hasn't even begun to answer. Under the
// lock.
func (c *sharedCall) finish() {
	if c.book.clock.accepted {
		c.wakeWriter()
	} else {
		c.hangUp()
	}
}

// wakeWriter has the writer look at everything anew. Under the lock.
func (c *sharedCall) wakeWriter() {
	c.waitsForAny, c.waitsForNow = false, false
	c.wakeUp.Signal()
}

// ---- the writer ----------------------------------------------------------------------------------------

func (c *sharedCall) write(stream manyStream) {
	defer close(c.written)
	for {
		switch c.next() {
		case stepLeave:
			return
		case stepHalfClose:
			_ = stream.CloseSend()
			return
		}
		message := c.line.gather()
		if message == nil {
			continue
		}
		c.sent()
		if err := stream.Send(message); err != nil {
			if !errors.Is(err, io.EOF) { // Which says that the reader hears why.
				c.fail(newCause(ReasonClientFault, codes.Internal, fmt.Sprintf("can't send: %v", err)))
			}
			return
		}
	}
}

// next waits until a message may leave, or none will any more.
func (c *sharedCall) next() step {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		c.line.waiting = append(c.line.waiting, c.book.ready...)
		clear(c.book.ready)
		c.book.ready = c.book.ready[:0]
		switch {
		case c.book.ended:
			return stepLeave
		case len(c.line.waiting) > 0:
			now := time.Now()
			leaves, at := c.book.clock.next(now)
			if leaves {
				return stepSend
			}
			if !at.IsZero() {
				c.wakeAfter(at.Sub(now))
			}
			c.waitsForNow = true
		case c.book.isDone():
			c.ending = time.AfterFunc(c.access.options.EndTimeout, c.hangUp)
			return stepHalfClose
		default:
			c.waitsForAny = true
		}
		c.wakeUp.Wait()
		c.waitsForAny, c.waitsForNow = false, false
	}
}

func (c *sharedCall) wakeAfter(pause time.Duration) {
	if c.gathered != nil {
		c.gathered.Reset(pause)
		return
	}
	c.gathered = time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.wakeWriter()
	})
}

func (c *sharedCall) sent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.sent(time.Now(), c.line.numbered, c.line.fresh)
}

// ---- the reader ----------------------------------------------------------------------------------------

func (c *sharedCall) run(ctx context.Context, behind <-chan struct{}) {
	if behind != nil {
		select {
		case <-behind:
		case <-ctx.Done():
		}
	}
	// This waits for a connection, and for a stream of it while there are as many as its other end permits.
	stream, err := c.connect(ctx)
	close(c.begun)
	if err != nil {
		close(c.written)
		c.end(err)
		return
	}
	c.streamed.Store(true)
	c.access.streams.Add(1)
	go c.write(stream)
	go c.retireWithConnection(ctx)
	err = c.read(stream)
	c.access.streams.Add(-1)
	c.end(err)
}

func (c *sharedCall) connect(ctx context.Context) (manyStream, error) {
	client, err := c.access.client()
	if err != nil {
		return nil, err
	}
	return client.ConnectMany(ctx, carrying(&c.codec, c.maxInboundBytes())...)
}

// retireWithConnection lets no more lanes in when the connection takes no more streams: it is about to end, and a stub that
// is a call of its own would get another one.
func (c *sharedCall) retireWithConnection(ctx context.Context) {
	conn, ok := c.access.connection().(interface {
		GetState() connectivity.State
		WaitForStateChange(context.Context, connectivity.State) bool
	})
	if !ok {
		return
	}
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() { // There are streams before it says so.
		if !conn.WaitForStateChange(ctx, state) {
			return
		}
	}
	if conn.WaitForStateChange(ctx, connectivity.Ready) {
		c.retire()
	}
}

// maxInboundBytes leaves it to the lane to say that its frame is too large, as long as it isn't many times so.
func (c *sharedCall) maxInboundBytes() int {
	return min(math.MaxInt32, 4*c.access.options.MaxInboundFrameBytes+maxMessageBytes)
}

func (c *sharedCall) read(stream manyStream) error {
	if headers, _ := stream.Header(); headers != nil {
		c.accepted()
	}
	var lanes []*lane
	var answered []*pendingCall
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		var violated *FailureCause
		lanes, violated = c.find(message.GetLanes(), lanes[:0])
		for i, l := range lanes {
			if l != nil {
				answered = l.take(message.GetLanes()[i], answered)
			}
		}
		clear(lanes)
		if violated != nil {
			c.fail(violated)
			return io.EOF
		}
		c.came()
	}
}

// accepted is that the host has begun to answer. It may still say that it has no shared calls, until a message has come.
func (c *sharedCall) accepted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.clock.accepted = true
	c.wakeWriter()
}

// find gives the lanes to which parts belong.
func (c *sharedCall) find(parts []*seriatimv1.LaneResponse, found []*lane) ([]*lane, *FailureCause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.heard = true
	return c.book.find(parts, found)
}

// came is that a message is worked off: what callers do next leaves with what waits.
func (c *sharedCall) came() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.book.clock.came()
	if c.waitsForNow {
		c.wakeWriter()
	}
}

// ---- the end -------------------------------------------------------------------------------------------

// fail ends the call for a fault of whichever side.
func (c *sharedCall) fail(fault *FailureCause) {
	c.mu.Lock()
	if c.fault == nil {
		c.fault = fault
	}
	c.mu.Unlock()
	c.hangUp()
}

// end tells all lanes that the call is over, for this error. If the host has no shared calls, they go on without.
func (c *sharedCall) end(err error) {
	c.hangUp()
	c.mu.Lock()
	hasNone := !c.book.heard && status.Code(err) == codes.Unimplemented
	if hasNone {
		c.calls.hasNone.Store(true) // Before lanes are refused.
	}
	c.book.ended = true
	for _, timer := range []*time.Timer{c.gathered, c.idle, c.ending} {
		if timer != nil {
			timer.Stop()
		}
	}
	c.wakeWriter()
	c.mu.Unlock()
	<-c.written // Which no one holds up any more.
	c.calls.forget(c)

	c.mu.Lock()
	left, fault := c.book.left(c.line.waiting), c.fault
	c.mu.Unlock()
	for _, l := range left {
		switch {
		case hasNone:
			l.session.carryOn(l)
		case fault != nil:
			l.lost(fault)
		default:
			l.lost(c.codec.lostCause(err))
		}
	}
}
