package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// retrying is a Retry without jitter, with the calls that a test makes through it.
type retrying struct {
	*seriatim.Retry
	w *world
}

func (w *world) retrying(options seriatim.RetryOptions) *retrying {
	w.t.Helper()
	options.Random = func() float64 { return 1 }
	retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) {
		return w.objects.Namespace("COUNTER").GetByName("foo")
	}, &options)
	if err != nil {
		w.t.Fatal(err)
	}
	return &retrying{retry, w}
}

type do func(context.Context, func(*seriatim.Stub) error) error

// increment makes one call, and says what became of it and how long that took.
func (r *retrying) increment(ctx context.Context, through do) string {
	start := time.Now()
	var value *examplesv1.CounterValue
	err := through(ctx, func(stub *seriatim.Stub) (err error) {
		value, err = r.w.counterOn(stub).Increment(ctx, &examplesv1.IncrementRequest{Amount: 1})
		return err
	})
	result := fmt.Sprint(value.GetValue())
	if err != nil {
		result = word(err)
	}
	return fmt.Sprintf("%s after %v", result, time.Since(start))
}

func (w *world) counterOn(stub *seriatim.Stub) examplesv1.CounterClient {
	return examplesv1.NewCounterClient(stub)
}

// breaksWith is a host that answers the first call with a break.
func breaksWith(reason seriatim.Reason, code codes.Code, retryable, overloaded bool) func(*play) {
	return func(p *play) {
		p.open()
		p.receiveCalls(1)
		told := broken(reason, code, 0)
		told.Retryable, told.Overloaded = retryable, overloaded
		p.send(breaks(told))
	}
}

func answersOne(p *play) {
	p.open()
	p.receiveCalls(1)
	p.send(outcomes(1))
	p.receive()
}

// losesOne is a host that ends the call without an answer.
func losesOne(p *play) {
	p.receiveCalls(1)
	p.end = status.Error(codes.Unavailable, "gone")
}

func TestRetryGoesByFateAndCause(t *testing.T) {
	drains := breaksWith(seriatim.ReasonHostDraining, codes.Unavailable, true, false)
	throws := breaksWith(seriatim.ReasonObjectException, codes.InvalidArgument, false, false)
	unowned := breaksWith(seriatim.ReasonOwnerUnavailable, codes.Unavailable, true, false)
	moves := breaksWith(seriatim.ReasonObjectMoved, codes.Unavailable, true, false)
	overloads := breaksWith(seriatim.ReasonOverloaded, codes.ResourceExhausted, false, true)
	for _, test := range []struct {
		name     string
		scripts  []func(*play)
		through  func(*seriatim.Retry) do
		expected string
		connects int64
	}{
		{"no effect and retryable", []func(*play){drains, drains, answersOne}, doOnce, "1 after 150ms", 3},
		{"no host, then another", []func(*play){unowned, moves, answersOne}, doOnce, "1 after 150ms", 3},
		{"no effect and not retryable", []func(*play){throws}, doOnce, "OBJECT_EXCEPTION NOT_EXECUTED after 0s", 1},
		{"overloaded, never at once", []func(*play){overloads, overloads, answersOne}, doOnce, "1 after 2.15s", 3},
		{"unknown", []func(*play){losesOne, answersOne}, doOnce, "CONNECTION_LOST UNKNOWN after 0s", 1},
		{"unknown and idempotent", []func(*play){losesOne, answersOne}, doIdempotent, "1 after 50ms", 2},
		{"not retryable and idempotent", []func(*play){throws}, doIdempotent, "OBJECT_EXCEPTION NOT_EXECUTED after 0s", 1},
		// 50 + 100 + … + 800 ms, and then 1 s each, as long as the next attempt would come within a minute.
		{"too long", []func(*play){drains}, doOnce, "HOST_DRAINING NOT_EXECUTED after 59.55s", 64},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				retry := w.retrying(seriatim.RetryOptions{})
				if got := retry.increment(w.t.Context(), test.through(retry.Retry)); got != test.expected {
					t.Errorf("got %s, expected %s", got, test.expected)
				}
				retry.Close()
				if connects := w.host.connects.Load(); connects != test.connects {
					t.Errorf("%d stubs, expected %d", connects, test.connects)
				}
			}, test.scripts...)
		})
	}
}

func TestRetryGivesUpAfterItsLastAttempt(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		retry := w.retrying(seriatim.RetryOptions{MaxAttempts: 5})
		if got := retry.increment(w.t.Context(), retry.Do); got != "HOST_DRAINING NOT_EXECUTED after 750ms" {
			t.Errorf("got %s", got)
		}
		retry.Close()
		if connects := w.host.connects.Load(); connects != 5 {
			t.Errorf("%d stubs, expected 5", connects)
		}
	}, breaksWith(seriatim.ReasonHostDraining, codes.Unavailable, true, false))
}

func TestRetryPausesForARandomPart(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) {
			return w.objects.Namespace("COUNTER").GetByName("foo")
		}, &seriatim.RetryOptions{MaxAttempts: 4, Random: func() float64 { return 0.5 }})
		if err != nil {
			t.Fatal(err)
		}
		defer retry.Close()
		if got := (&retrying{retry, w}).increment(w.t.Context(), retry.Do); got != "HOST_DRAINING NOT_EXECUTED after 175ms" {
			t.Errorf("got %s", got)
		}
	}, breaksWith(seriatim.ReasonHostDraining, codes.Unavailable, true, false))
}

func doOnce(retry *seriatim.Retry) do       { return retry.Do }
func doIdempotent(retry *seriatim.Retry) do { return retry.DoIdempotent }

func TestRetryKeepsAStubThatIsNotBroken(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		retry := w.retrying(seriatim.RetryOptions{})
		for want := range 3 {
			if got := retry.increment(w.t.Context(), retry.Do); got != fmt.Sprintf("%d after 0s", want+1) {
				t.Errorf("got %s", got)
			}
		}
		retry.Close()
		if got := retry.increment(w.t.Context(), retry.Do); got != "STUB_CLOSED NOT_EXECUTED after 0s" {
			t.Errorf("got %s", got)
		}
		if connects := w.host.connects.Load(); connects != 1 {
			t.Errorf("%d stubs, expected 1", connects)
		}
	}, counterScript(new([]int64)))
}

func TestRetryEndsWithItsContext(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		retry := w.retrying(seriatim.RetryOptions{GiveUpAfter: 2 * time.Hour, InitialBackoff: time.Hour, MaxBackoff: time.Hour})
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		defer cancel()
		if got := retry.increment(ctx, retry.Do); got != "HOST_DRAINING NOT_EXECUTED after 1m0s" {
			t.Errorf("got %s", got)
		}
		retry.Close()
	}, breaksWith(seriatim.ReasonHostDraining, codes.Unavailable, true, false))
}

func TestRetryIsNotMadeOnceClosed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		retry := w.retrying(seriatim.RetryOptions{InitialBackoff: time.Minute, MaxBackoff: time.Minute})
		result := make(chan string)
		go func() { result <- retry.increment(w.t.Context(), retry.Do) }()
		synctest.Wait()
		retry.Close()
		if got := <-result; got != "HOST_DRAINING NOT_EXECUTED after 1m0s" {
			t.Errorf("got %s", got)
		}
	}, breaksWith(seriatim.ReasonHostDraining, codes.Unavailable, true, false))
}

func TestRetryPassesOtherErrorsOn(t *testing.T) {
	other := errors.New("other")
	noStub := errors.New("no stub")
	retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) { return nil, noStub }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := retry.Do(t.Context(), func(*seriatim.Stub) error { return nil }); err != noStub {
		t.Errorf("got %v", err)
	}
	inWorld(t, nil, func(w *world) {
		if err := w.retrying(seriatim.RetryOptions{}).Do(w.t.Context(), func(*seriatim.Stub) error { return other }); err != other {
			t.Errorf("got %v", err)
		}
	}, answersOne)
}

func TestRetryOptionsAreChecked(t *testing.T) {
	_, err := seriatim.NewRetry(nil, &seriatim.RetryOptions{MaxAttempts: -1, MaxBackoff: -time.Second})
	if err == nil || !strings.Contains(err.Error(), "MaxAttempts -1") || !strings.Contains(err.Error(), "MaxBackoff -1s") {
		t.Errorf("got %v", err)
	}
}
