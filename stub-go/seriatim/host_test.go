package seriatim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

// realHost connects to the server that scripts/test-go has started. Without one, the test is skipped.
func realHost(t *testing.T) *seriatim.DurableObjects {
	t.Helper()
	target := os.Getenv("SERIATIM_TARGET")
	if target == "" {
		t.Skip("SERIATIM_TARGET is not set: scripts/test-go starts a server and sets it")
	}
	objects, err := seriatim.Connect(target, insecure.NewCredentials(), asCarried(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { objects.Close() })
	return objects
}

func newID(t *testing.T, namespace *seriatim.Namespace) seriatim.ID {
	t.Helper()
	id, err := namespace.NewUniqueID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func open(t *testing.T, namespace *seriatim.Namespace, id seriatim.ID) *seriatim.Stub {
	t.Helper()
	stub, err := namespace.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stub.Close)
	return stub
}

func TestRealHostRunsCallsInOrder(t *testing.T) {
	counters := realHost(t).Namespace("COUNTER")
	stub := open(t, counters, newID(t, counters))
	counter := examplesv1.NewCounterClient(stub)

	var futures []*seriatim.Future[examplesv1.CounterValue]
	for range 1000 {
		futures = append(futures, seriatim.Call(t.Context(), counter.Increment, &examplesv1.IncrementRequest{Amount: 1}))
	}
	for i, future := range futures {
		if got := seen(future); got != fmt.Sprint(i+1) {
			t.Fatalf("call %d saw %s", i+1, got)
		}
	}
	stub.Close()
	if err := stub.AwaitEnd(t.Context()); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// Ten thousand pipelined calls with a throw in the middle; the journal itself says what ran.
func TestRealHostAgreesAboutWhatRan(t *testing.T) {
	journals := realHost(t).Namespace("JOURNAL")
	id := newID(t, journals)
	stub := open(t, journals, id)
	journal := examplesv1.NewJournalClient(stub)

	const calls, throws = 10_000, 6_000
	var futures []*seriatim.Future[examplesv1.AppendResponse]
	for i := 1; i <= calls; i++ {
		line := fmt.Sprint("line ", i)
		if i == throws {
			line = ""
		}
		futures = append(futures, seriatim.Call(t.Context(), journal.Append, &examplesv1.AppendRequest{Line: line}))
	}
	for i, future := range futures {
		sequence := uint64(i + 1)
		response, err := future.Get()
		if sequence < throws {
			if err != nil || response.GetIndex() != int64(sequence) {
				t.Fatalf("call %d: %v, %v", sequence, response, err)
			}
			continue
		}
		var failure *seriatim.CallFailure
		ok := errors.As(err, &failure)
		if !ok || failure.Reason != seriatim.ReasonObjectException || failure.Fate != seriatim.FateNotExecuted ||
			!failure.Remote || failure.FailedSequence != throws || failure.Code != codes.InvalidArgument {
			t.Fatalf("call %d: %v, %v", sequence, response, err)
		}
	}

	reader := examplesv1.NewJournalClient(open(t, journals, id))
	next := int64(1)
	for {
		page, err := reader.Read(t.Context(), &examplesv1.ReadRequest{From: next})
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range page.GetLines() {
			if expected := fmt.Sprint("line ", next+int64(i)); line != expected {
				t.Fatalf("the journal has %q, expected %q", line, expected)
			}
		}
		if len(page.GetLines()) == 0 {
			break
		}
		next = page.GetNext()
	}
	if next != throws {
		t.Errorf("the journal ends before line %d, expected %d", next, throws)
	}
}

func TestRealHostKeepsManyStubsApart(t *testing.T) {
	counters := realHost(t).Namespace("COUNTER")
	shared := newID(t, counters)
	const stubs, each = 50, 40
	var group sync.WaitGroup
	for range stubs {
		group.Go(func() {
			stub, err := counters.Get(shared)
			if err != nil {
				t.Error(err)
				return
			}
			defer stub.Close()
			counter := examplesv1.NewCounterClient(stub)
			last := int64(0)
			for range each {
				value, err := counter.Increment(t.Context(), &examplesv1.IncrementRequest{Amount: 1})
				if err != nil || value.GetValue() <= last {
					t.Errorf("got %v, %v after %d", value, err, last)
					return
				}
				last = value.GetValue()
			}
		})
	}
	group.Wait()
	value, err := examplesv1.NewCounterClient(open(t, counters, shared)).Get(t.Context(), &examplesv1.GetRequest{})
	if err != nil || value.GetValue() != stubs*each {
		t.Errorf("got %v, %v, expected %d", value, err, stubs*each)
	}
}

func TestRealHostDerivesTheSameIDs(t *testing.T) {
	counters := realHost(t).Namespace("COUNTER")
	named, err := counters.IDFromName(t.Context(), "http://foo/")
	if err != nil {
		t.Fatal(err)
	}
	// This stub is opened by the name, and breaks if the host opens another id than ours.
	if _, err := examplesv1.NewCounterClient(open(t, counters, named)).Get(t.Context(), &examplesv1.GetRequest{}); err != nil {
		t.Error(err)
	}
	foreign := newID(t, realHost(t).Namespace("JOURNAL"))
	if _, err := counters.Get(foreign); !errors.Is(err, seriatim.ReasonInvalidID) {
		t.Errorf("got %v", err)
	}
	// A client that doesn't know the key leaves that to the host.
	_, err = examplesv1.NewCounterClient(open(t, realHost(t).Namespace("COUNTER"), foreign)).Get(
		t.Context(), &examplesv1.GetRequest{})
	if word(err) != "INVALID_ID NOT_EXECUTED" {
		t.Errorf("got %v", err)
	}
}

func TestRealHostRefuses(t *testing.T) {
	objects := realHost(t)
	_, err := objects.Namespace("NONE").NewUniqueID(t.Context())
	if status.Code(err) != codes.NotFound {
		t.Errorf("got %v", err)
	}
	stub, err := objects.Namespace("NONE").GetByName("foo")
	if err != nil {
		t.Fatal(err)
	}
	if err := stub.Invoke(t.Context(), "Get", &examplesv1.GetRequest{}, &examplesv1.CounterValue{}); !errors.Is(err, seriatim.ReasonUnknownNamespace) {
		t.Errorf("got %v", err)
	}
	counters := objects.Namespace("COUNTER")
	if err := open(t, counters, newID(t, counters)).Invoke(t.Context(), "None", &examplesv1.GetRequest{}, &examplesv1.CounterValue{}); !errors.Is(err, seriatim.ReasonUnknownMethod) {
		t.Errorf("got %v", err)
	}
}

func TestRealHostThroughARetry(t *testing.T) {
	counters := realHost(t).Namespace("COUNTER")
	id := newID(t, counters)
	retry, err := seriatim.NewRetry(func() (*seriatim.Stub, error) { return counters.Get(id) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer retry.Close()
	increment := func(amount int64) (value *examplesv1.CounterValue, err error) {
		err = retry.Do(t.Context(), func(stub *seriatim.Stub) error {
			value, err = examplesv1.NewCounterClient(stub).Increment(t.Context(), &examplesv1.IncrementRequest{Amount: amount})
			return err
		})
		return value, err
	}
	if _, err := increment(0); !errors.Is(err, seriatim.ReasonObjectException) {
		t.Errorf("got %v", err)
	}
	if value, err := increment(3); err != nil || value.GetValue() != 3 {
		t.Errorf("got %v, %v", value, err)
	}
}

func TestRealHostWatchesDeadlines(t *testing.T) {
	counters := realHost(t).Namespace("COUNTER")
	id := newID(t, counters)
	stub := open(t, counters, id)
	counter := examplesv1.NewCounterClient(stub)
	passed, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()

	first := seriatim.Call(t.Context(), counter.Increment, &examplesv1.IncrementRequest{Amount: 1})
	if got := seen(first); got != "1" {
		t.Errorf("the first call saw %q", got)
	}
	second := seriatim.Call(passed, counter.Increment, &examplesv1.IncrementRequest{Amount: 2})
	third := seriatim.Call(t.Context(), counter.Increment, &examplesv1.IncrementRequest{Amount: 4})
	timedOut := "INVOCATION_TIMED_OUT NOT_EXECUTED"
	if got := [2]string{seen(second), seen(third)}; got != [2]string{timedOut, timedOut} {
		t.Errorf("the calls saw %q", got)
	}
	value, err := examplesv1.NewCounterClient(open(t, counters, id)).Get(t.Context(), &examplesv1.GetRequest{})
	if err != nil || value.GetValue() != 1 {
		t.Errorf("got %v, %v, expected 1", value, err)
	}
}
