package seriatimtest_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/credentials/insecure"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
	"seriatim.dev/go/seriatimtest"
)

// counters are those of a host that is there for the test.
func counters(t *testing.T, host *seriatimtest.Host) *seriatim.Namespace {
	t.Helper()
	objects, err := seriatim.Connect(host.Target, insecure.NewCredentials(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = objects.Close() })
	return objects.Namespace("COUNTER")
}

func increment(t *testing.T, stub *seriatim.Stub, amount int64) (int64, error) {
	t.Helper()
	counter := examplesv1.NewCounterClient(stub)
	value, err := counter.Increment(t.Context(), &examplesv1.IncrementRequest{Amount: amount})
	return value.GetValue(), err
}

func expect(t *testing.T, stub *seriatim.Stub, amount, want int64) {
	t.Helper()
	if value, err := increment(t, stub, amount); err != nil || value != want {
		t.Errorf("value %d and error %v, expected %d", value, err, want)
	}
}

// One host for all, as it takes a second to start.
func TestHost(t *testing.T) {
	if os.Getenv("SERIATIM_JAR") == "" {
		t.Skip("SERIATIM_JAR is not set: scripts/test-go sets it")
	}
	host := seriatimtest.Start(t, "--objects", os.Getenv("SERIATIM_OBJECTS"))
	namespace := counters(t, host)
	stub := func(t *testing.T) *seriatim.Stub {
		t.Helper()
		made, err := namespace.GetByName("a")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(made.Close)
		return made
	}

	t.Run("a counter counts on after an eviction", func(t *testing.T) {
		host.Reset()
		counter := stub(t)
		expect(t, counter, 2, 2)
		if !host.Evict("COUNTER", "a") || host.Evict("COUNTER", "a") {
			t.Error("expected one instance")
		}
		expect(t, counter, 3, 5)
	})

	t.Run("a commit fails", func(t *testing.T) {
		host.Reset()
		host.FailNextCommit()
		_, err := increment(t, stub(t), 2)
		var failure *seriatim.CallFailure
		if !errors.As(err, &failure) || failure.Reason != "OBJECT_RESET" {
			t.Errorf("error %v, expected OBJECT_RESET", err)
		}
		expect(t, stub(t), 2, 2)
	})

	t.Run("the answer to a commit is lost", func(t *testing.T) {
		host.Reset()
		host.LoseCommitAnswer()
		_, err := increment(t, stub(t), 2)
		var failure *seriatim.CallFailure
		if !errors.As(err, &failure) || failure.Fate != seriatim.FateUnknown {
			t.Errorf("error %v, expected an unknown fate", err)
		}
		expect(t, stub(t), 2, 4)
	})

	t.Run("an outcome waits for its commit", func(t *testing.T) {
		host.Reset()
		release := host.HoldCommits()
		counter := stub(t)
		done := make(chan int64, 1)
		go func() {
			value, _ := increment(t, counter, 2)
			done <- value
		}()
		release()
		if value := <-done; value != 2 {
			t.Errorf("value %d, expected 2", value)
		}
	})

	t.Run("connections are dropped and calls break", func(t *testing.T) {
		host.Reset()
		counter := stub(t)
		expect(t, counter, 2, 2)
		host.DropConnections()
		if _, err := increment(t, counter, 2); err == nil {
			t.Error("no error, expected a lost connection")
		}
		host.BreakNextCall("COUNTER", "a", "OVERLOADED")
		_, err := increment(t, stub(t), 2)
		var failure *seriatim.CallFailure
		if !errors.As(err, &failure) || failure.Reason != "OVERLOADED" {
			t.Errorf("error %v, expected OVERLOADED", err)
		}
	})

	t.Run("time is moved", func(t *testing.T) {
		before := host.Now()
		host.Advance(time.Hour)
		if now := host.Now(); !now.Equal(before.Add(time.Hour)) {
			t.Errorf("%v, expected an hour after %v", now, before)
		}
	})
}
