package seriatim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

type stubState int

const (
	stateOpen    stubState = iota
	stateClosing           // No more calls are let in; those that were are finished.
	stateClosed
	stateBroken
)

type connectStream = grpc.BidiStreamingClient[seriatimv1.ConnectRequest, seriatimv1.ConnectResponse]

// connectCall is one stub's Connect call: it numbers calls, sends them in self-clocked frames, matches the
// outcomes, and decides what became of each call when it ends.
//
// Two goroutines live from the first call to the end of the stub: the reader, which alone receives, and the
// writer, which alone sends. Any goroutine submits. Fields under "guarded" belong to whoever holds the lock,
// which no one keeps while calling out.
type connectCall struct {
	client     seriatimv1.DurableObjectsClient
	options    Options
	open       *seriatimv1.Open
	expectedID string        // What the host has to open; empty, if that isn't known.
	ended      chan struct{} // Closed when nothing is left to be completed.

	mu        sync.Mutex
	wakeUp    sync.Cond // Wakes the writer. Its lock is mu.
	state     stubState // Guarded, and so is what follows.
	cause     *FailureCause
	queue     callQueue
	window    frameWindow
	listeners []func(*FailureCause)
	hangUp    context.CancelFunc // Ends the call and its goroutines. nil until it is started, and then always set.
	endTimer  *time.Timer        // Set when all that is left is for the host to end the call.
	watchTime time.Time          // When watch looks for overdue answers.
	watch     *time.Timer

	// Owned by the reader.
	opened   bool
	answered []*pendingCall // Scratch.
}

func newConnectCall(
	client seriatimv1.DurableObjectsClient, options Options, open *seriatimv1.Open, expectedID string,
) *connectCall {
	c := &connectCall{
		client:     client,
		options:    options,
		open:       open,
		expectedID: expectedID,
		ended:      make(chan struct{}),
		window:     frameWindow{size: options.MaxUnansweredFrames},
	}
	c.wakeUp.L = &c.mu
	return c
}

// ---- what callers do -----------------------------------------------------------------------------------

// submit takes a call in, and gives it its number before it returns; or says why it can't be taken in.
func (c *connectCall) submit(call *pendingCall) *CallFailure {
	c.mu.Lock()
	defer c.mu.Unlock()
	if refusal := c.refusal(call); refusal != nil {
		return &CallFailure{FailureCause: refusal, Fate: FateNotExecuted}
	}
	c.queue.add(call)
	if !call.deadline.IsZero() {
		c.watchUntil(call.deadline.Add(c.options.DeadlineGrace))
	}
	if c.hangUp == nil {
		// Outside of the caller's context: a stub outlives its first caller.
		ctx, cancel := context.WithCancel(context.Background())
		c.hangUp = cancel
		go c.run(ctx)
	} else if c.window.hasRoom() {
		c.wakeUp.Signal()
	}
	return nil
}

// refusal says why this call can't be taken in; nil, if it can. Under the lock.
func (c *connectCall) refusal(call *pendingCall) *FailureCause {
	switch {
	case c.state == stateBroken:
		return c.cause
	case c.state != stateOpen:
		return newCause(ReasonStubClosed, codes.FailedPrecondition, "the stub is closed")
	case call.bytes > c.options.MaxInvocationBytes:
		return newCause(ReasonCallTooLarge, codes.ResourceExhausted,
			fmt.Sprintf("the invocation has %d bytes, expected at most %d", call.bytes, c.options.MaxInvocationBytes))
	case c.queue.waiting() >= c.options.MaxBufferedInvocations:
		return newCause(ReasonBufferFull, codes.ResourceExhausted,
			fmt.Sprintf("%d invocations wait to be sent, expected fewer than %d before one more",
				c.queue.waiting(), c.options.MaxBufferedInvocations))
	case c.queue.waitingBytes+call.bytes > c.options.MaxBufferedBytes:
		return newCause(ReasonBufferFull, codes.ResourceExhausted,
			fmt.Sprintf("%d bytes wait to be sent, and %d more would pass the limit of %d",
				c.queue.waitingBytes, call.bytes, c.options.MaxBufferedBytes))
	}
	return nil
}

// close lets no more calls in, and ends the call when what was taken in has been answered.
func (c *connectCall) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateOpen {
		return
	}
	c.state = stateClosing
	if c.hangUp == nil {
		c.closed()
		return
	}
	c.expectEnd()
	c.wakeUp.Signal()
}

// isDoneSending tells whether the writer has nothing more to send, ever. Under the lock.
func (c *connectCall) isDoneSending() bool {
	return c.state == stateBroken || c.state == stateClosed || c.state == stateClosing && c.queue.waiting() == 0
}

func (c *connectCall) breakCause() *FailureCause {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

func (c *connectCall) onBreak(listener func(*FailureCause)) {
	c.mu.Lock()
	cause := c.cause
	if c.state == stateOpen || c.state == stateClosing {
		c.listeners = append(c.listeners, listener)
	}
	c.mu.Unlock()
	if cause != nil {
		listener(cause)
	}
}

// ---- the two goroutines --------------------------------------------------------------------------------

func (c *connectCall) run(ctx context.Context) {
	defer c.leave()
	stream, err := c.client.Connect(ctx,
		grpc.MaxCallRecvMsgSize(c.options.MaxInboundFrameBytes),
		grpc.MaxCallSendMsgSize(math.MaxInt32), // Our own limits count.
		grpc.MaxRetryRPCBufferSize(0))          // A retry by gRPC itself could execute calls twice.
	if err != nil {
		c.breakStub(lostCause(err), FateUnknown)
		return
	}
	go c.write(stream)
	c.read(stream)
}

// leave is the end of the call, whatever it was.
func (c *connectCall) leave() {
	c.mu.Lock()
	if c.endTimer != nil {
		c.endTimer.Stop()
	}
	c.mu.Unlock()
	c.hangUp()
}

func (c *connectCall) write(stream connectStream) {
	open := c.open
	var calls []*pendingCall
	for {
		c.mu.Lock()
		for !c.isDoneSending() && (c.queue.waiting() == 0 || !c.window.hasRoom()) {
			c.wakeUp.Wait()
		}
		if c.isDoneSending() {
			c.mu.Unlock()
			_ = stream.CloseSend() // The reader hears of what is wrong with the call.
			return
		}
		calls = c.queue.send(calls[:0], c.options.MaxFrameInvocations, c.options.MaxFrameBytes)
		c.window.sent(c.queue.sent)
		c.mu.Unlock()

		frame := &seriatimv1.ConnectRequest{Open: open, Invocations: make([]*seriatimv1.Invocation, len(calls))}
		open = nil
		for i, call := range calls {
			frame.Invocations[i] = call.toInvocation()
		}
		clear(calls)
		if err := stream.Send(frame); err != nil {
			if !errors.Is(err, io.EOF) { // Which says that the reader hears why.
				c.breakStub(newCause(ReasonClientFault, codes.Internal, fmt.Sprintf("can't send: %v", err)), FateUnknown)
			}
			return
		}
	}
}

// read receives until the call has ended, or the host has nothing more to say that counts.
func (c *connectCall) read(stream connectStream) {
	for {
		frame, err := stream.Recv()
		if err != nil {
			c.callEnded(err)
			return
		}
		told, violated := c.receive(frame)
		if violated != nil {
			c.breakStub(violated, FateUnknown)
			return
		}
		if told {
			_, _ = stream.Recv() // The end of the call. What else may come must be ignored.
			return
		}
	}
}

// callEnded takes in the end of the call: an orderly one, if the stub was closed and all is answered.
func (c *connectCall) callEnded(err error) {
	c.mu.Lock()
	orderly := errors.Is(err, io.EOF) && c.state == stateClosing && c.queue.answered == c.queue.last()
	if orderly {
		c.closed()
	}
	c.mu.Unlock()
	if !orderly {
		c.breakStub(lostCause(err), FateUnknown)
	}
}

// closed ends the stub without a break. Under the lock.
func (c *connectCall) closed() {
	c.state = stateClosed
	c.stop()
	close(c.ended)
}

// stop ends what must not go on when the stub has ended. Under the lock.
func (c *connectCall) stop() {
	c.listeners = nil
	if c.watch != nil {
		c.watch.Stop()
	}
	c.wakeUp.Signal()
}

// ---- what the host says --------------------------------------------------------------------------------

// receive takes in one frame, and says whether it told that the stub is broken, or how it violates the contract.
func (c *connectCall) receive(frame *seriatimv1.ConnectResponse) (told bool, violated *FailureCause) {
	if !c.opened {
		c.opened = true
		if violated := c.checkOpened(frame); violated != nil {
			return false, violated
		}
	} else if frame.GetOpened() != nil {
		return false, violation("'opened' came twice")
	}
	if violated := c.complete(frame.GetOutcomes()); violated != nil {
		return false, violated
	}
	if frame.GetBroken() != nil {
		return true, c.breakAsTold(frame.GetBroken())
	}
	return false, nil
}

func (c *connectCall) checkOpened(frame *seriatimv1.ConnectResponse) *FailureCause {
	opened := frame.GetOpened()
	switch {
	case opened == nil && frame.GetBroken() != nil && len(frame.GetOutcomes()) == 0:
		return nil // The stub could not be opened.
	case opened == nil:
		return violation("the first frame has no 'opened'")
	case c.expectedID != "" && opened.GetId() != c.expectedID:
		return violation("opened object %q, expected %q", opened.GetId(), c.expectedID)
	case !isID(opened.GetId()):
		return violation("opened object %q, expected 64 lower-case hex digits", opened.GetId())
	case opened.Name != nil && opened.GetName() != c.open.GetName():
		return violation("opened name %q, expected %q", opened.GetName(), c.open.GetName())
	}
	return nil
}

// complete hands outcomes to their calls.
func (c *connectCall) complete(outcomes []*seriatimv1.Outcome) *FailureCause {
	if len(outcomes) == 0 {
		return nil
	}
	c.mu.Lock()
	if c.state == stateBroken {
		c.mu.Unlock()
		return nil
	}
	first, sent := c.queue.answered+1, c.queue.sent
	valid := 0
	for valid < len(outcomes) {
		next := first + uint64(valid)
		if next > sent || outcomes[valid].GetSequence() != next {
			break
		}
		valid++
	}
	c.answered = c.queue.answer(c.answered[:0], valid)
	c.window.answered(c.queue.answered)
	if valid == len(outcomes) {
		// Sending comes first: the host gets on with the next frame while outcomes are handed out.
		c.expectEnd()
		c.wakeUp.Signal()
	}
	c.mu.Unlock()

	defer clear(c.answered)
	for i, call := range c.answered {
		if err := completeWith(call, outcomes[i]); err != nil {
			unreadable := violation("outcome %d %v", call.sequence, err)
			call.fail(&CallFailure{FailureCause: unreadable, Fate: FateCompleted, Sequence: call.sequence})
			// Those behind it are out of the queue already.
			failAll(c.answered[i+1:], unreadable, func(uint64) Fate { return FateUnknown })
			return unreadable
		}
	}
	if valid == len(outcomes) {
		return nil
	}
	if got, expected := outcomes[valid].GetSequence(), first+uint64(valid); got != expected {
		return violation("outcome %d, expected outcome %d", got, expected)
	}
	return violation("outcome %d of a call that was not sent", first+uint64(valid))
}

func completeWith(call *pendingCall, outcome *seriatimv1.Outcome) error {
	result, ok := outcome.GetResult().(*seriatimv1.Outcome_Message)
	if !ok {
		return errors.New("has no 'message'")
	}
	return call.succeed(result.Message)
}

func (c *connectCall) breakAsTold(broken *seriatimv1.Broken) *FailureCause {
	if broken.GetCause().GetCode() == int32(codes.OK) {
		return violation("broken with code OK")
	}
	c.mu.Lock()
	answered := c.queue.answered
	c.mu.Unlock()
	if through := broken.GetCompletedThrough(); through != answered {
		return violation("broken with completed_through %d after %d outcomes", through, answered)
	}
	c.breakStub(toldCause(broken), FateNotExecuted)
	return nil
}

// ---- the break -----------------------------------------------------------------------------------------

// breakStub breaks the stub, unless it has ended: from now on no call is let in, and those that are left fail.
// Those that were sent have the given fate. It then tells the listeners. Unless the host has told the break, it
// also hangs up.
func (c *connectCall) breakStub(cause *FailureCause, sentFate Fate) {
	c.mu.Lock()
	if c.state == stateBroken || c.state == stateClosed {
		c.mu.Unlock()
		return
	}
	c.state = stateBroken
	c.cause = cause
	left, sent := c.queue.clear(), c.queue.sent
	listeners := c.listeners
	c.stop()
	hangUp := c.hangUp
	if sentFate == FateNotExecuted {
		c.expectEnd()
		hangUp = nil
	}
	c.mu.Unlock()

	if hangUp != nil {
		hangUp()
	}
	failAll(left, cause, func(sequence uint64) Fate {
		if sequence <= sent {
			return sentFate
		}
		return FateNotExecuted
	})
	for _, listener := range listeners {
		listener(cause)
	}
	close(c.ended)
}

func failAll(calls []*pendingCall, cause *FailureCause, fate func(sequence uint64) Fate) {
	for _, call := range calls {
		call.fail(&CallFailure{FailureCause: cause, Fate: fate(call.sequence), Sequence: call.sequence})
	}
}

// expectEnd sees to it that the call doesn't go on for ever when there is nothing left but its end. Under the
// lock.
func (c *connectCall) expectEnd() {
	done := c.state == stateBroken || c.state == stateClosing && c.queue.answered == c.queue.last()
	if !done || c.endTimer != nil {
		return
	}
	c.endTimer = time.AfterFunc(c.options.EndTimeout, func() {
		c.breakStub(newCause(ReasonAnswerOverdue, codes.DeadlineExceeded,
			fmt.Sprintf("the host has not ended the stub's call %v after its last frame", c.options.EndTimeout)), FateUnknown)
		c.hangUp()
	})
}

// ---- deadlines -----------------------------------------------------------------------------------------

// watchUntil sees to it that someone looks for overdue answers at this time. Under the lock.
func (c *connectCall) watchUntil(t time.Time) {
	if c.watch != nil {
		if !t.Before(c.watchTime) {
			return
		}
		c.watch.Stop()
	}
	c.watchTime = t
	c.watch = time.AfterFunc(time.Until(t), c.checkDeadlines)
}

func (c *connectCall) checkDeadlines() {
	c.mu.Lock()
	c.watch = nil
	now := time.Now()
	var overdue *pendingCall
	var next time.Time
	for _, call := range c.queue.calls {
		if call.deadline.IsZero() {
			continue
		}
		limit := call.deadline.Add(c.options.DeadlineGrace)
		if !now.Before(limit) {
			overdue = call
			break
		}
		if next.IsZero() || limit.Before(next) {
			next = limit
		}
	}
	if overdue == nil && !next.IsZero() {
		c.watchUntil(next)
	}
	c.mu.Unlock()
	if overdue != nil {
		cause := newCause(ReasonAnswerOverdue, codes.DeadlineExceeded,
			fmt.Sprintf("invocation %d has had no answer %v after its deadline",
				overdue.sequence, c.options.DeadlineGrace))
		cause.FailedSequence = overdue.sequence
		c.breakStub(cause, FateUnknown)
	}
}
