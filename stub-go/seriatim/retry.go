package seriatim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// RetryOptions are the limits and times of a Retry. A field that is zero has its default.
type RetryOptions struct {
	// GiveUpAfter is how long after its first failure a call is still made again, which by default outlasts the restart
	// of a host. The context of the call may end sooner. Default: 60 s.
	GiveUpAfter time.Duration

	// MaxAttempts is how often a call is made at most, the first time included. Default: no limit but GiveUpAfter.
	MaxAttempts int

	// InitialBackoff is the longest pause before the second attempt; it doubles with each attempt, up to MaxBackoff. The
	// pause is a random part of it, so that clients that failed together don't come back together. Default: 50 ms.
	InitialBackoff time.Duration

	// MaxBackoff is the longest that InitialBackoff grows to. Default: 1 s.
	MaxBackoff time.Duration

	// OverloadedBackoff is how much longer the pause is after a failure that is Overloaded. Default: 1 s.
	OverloadedBackoff time.Duration

	// Random is the source of the jitter: numbers from 0 to 1. Default: a new random number each time.
	Random func() float64
}

// Retry calls one object through a stub that is got anew when it breaks, and makes a call again where that is
// safe.
//
//	retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) { return counters.GetByName("foo") }, nil)
//	…
//	err = retry.Do(ctx, func(stub *seriatim.Stub) (err error) {
//		value, err = counterpb.NewCounterClient(stub).Increment(ctx, request)
//		return err
//	})
//
// A call is made again only if its FailureCause is Retryable or Overloaded, and only if it had no effect:
// FateNotExecuted. One whose fate is unknown is made again only through DoIdempotent. The pause before an attempt
// grows, and is longer where there was too much to do. When RetryOptions.GiveUpAfter has passed since the first
// failure, or would before the next attempt, the call fails as its last attempt did.
//
// Order. A call that is made again is made later, so calls of other goroutines that were made after it may be
// executed before it. Where order counts beyond one goroutine, use a Stub by itself: when it breaks, make the
// calls that were FateNotExecuted again, in their order, on a new stub.
//
// Safe for any number of goroutines.
type Retry struct {
	newStub func() (*Stub, error)
	options RetryOptions

	mu      sync.Mutex
	current *Stub // Guarded; nil until the first call.
	closed  bool  // Guarded.
}

// NewRetry makes a Retry. The function gives a new stub on the object each time. Nil options are the defaults. An
// error, if the options are wrong.
func NewRetry(newStub func() (*Stub, error), options *RetryOptions) (*Retry, error) {
	r := &Retry{newStub: newStub}
	if options != nil {
		r.options = *options
	}
	if r.options.Random == nil {
		r.options.Random = rand.Float64
	}
	if err := errors.Join(
		orDefault("GiveUpAfter", &r.options.GiveUpAfter, time.Minute),
		orDefault("MaxAttempts", &r.options.MaxAttempts, math.MaxInt),
		orDefault("InitialBackoff", &r.options.InitialBackoff, 50*time.Millisecond),
		orDefault("OverloadedBackoff", &r.options.OverloadedBackoff, time.Second),
		orDefault("MaxBackoff", &r.options.MaxBackoff, time.Second),
	); err != nil {
		return nil, err
	}
	return r, nil
}

// Do has one call made, and has it made again if it had no effect and trying again may help. It waits for the
// end of that. The function makes one call on the stub that it is given, with the same context, and returns that
// call's error; it runs once for each attempt. If the context ends while it waits for the next attempt, the
// error is that of the last one.
func (r *Retry) Do(ctx context.Context, call func(*Stub) error) error {
	return r.do(ctx, call, false)
}

// DoIdempotent is the same for a call that may well be executed twice: it is made again also if it is unknown
// whether it was executed.
func (r *Retry) DoIdempotent(ctx context.Context, call func(*Stub) error) error {
	return r.do(ctx, call, true)
}

// Close closes the stub: calls made so far are finished, later ones fail, none is made again.
func (r *Retry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.current != nil {
		r.current.Close()
	}
}

func (r *Retry) do(ctx context.Context, call func(*Stub) error, idempotent bool) error {
	var giveUp time.Time
	for attempt := 1; ; attempt++ {
		stub, err := r.stub()
		if err != nil {
			return err
		}
		if err = call(stub); err == nil {
			return nil
		}
		var failure *CallFailure
		ok := errors.As(err, &failure)
		if !ok || attempt >= r.options.MaxAttempts || !mayTryAgain(failure, idempotent) || r.isClosed() {
			return err
		}
		pause := r.backoff(failure, attempt)
		if attempt == 1 {
			giveUp = time.Now().Add(r.options.GiveUpAfter)
		}
		if time.Until(giveUp) < pause {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("%w (not tried again: %w)", err, ctx.Err())
		}
		if r.isClosed() {
			return err
		}
	}
}

// stub is the stub in use; a new one, if there is none, or if it is broken.
func (r *Retry) stub() (*Stub, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, &CallFailure{
			FailureCause: newCause(ReasonStubClosed, codes.FailedPrecondition, "the retry is closed"),
			Fate:         FateNotExecuted,
		}
	}
	if r.current == nil || r.current.IsBroken() {
		stub, err := r.newStub()
		if err != nil {
			return nil, err
		}
		r.current = stub
	}
	return r.current, nil
}

func (r *Retry) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func mayTryAgain(failure *CallFailure, idempotent bool) bool {
	if !failure.Retryable && !failure.Overloaded {
		return false
	}
	return failure.Fate == FateNotExecuted || failure.Fate == FateUnknown && idempotent
}

// backoff is the pause after so many failed attempts.
func (r *Retry) backoff(failure *CallFailure, failedAttempts int) time.Duration {
	longest := min(float64(r.options.InitialBackoff)*math.Pow(2, float64(failedAttempts-1)), float64(r.options.MaxBackoff))
	pause := time.Duration(max(1, longest*r.options.Random()))
	if failure.Overloaded {
		pause += r.options.OverloadedBackoff
	}
	return pause
}
