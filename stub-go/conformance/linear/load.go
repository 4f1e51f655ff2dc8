package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/credentials/insecure"

	examplesv1 "seriatim.dev/go/examples/v1"
	"seriatim.dev/go/seriatim"
)

const (
	// callTime is for how long a caller waits for an answer.
	callTime = 15 * time.Second
	// pause is between a failure and the next call.
	pause = 20 * time.Millisecond
	// highest is the most that a call adds; each adds something else, as a rule, so that each can be told from others.
	highest = 1 << 20
)

// load is what is called, and from where.
type load struct {
	targets           []string
	time, patience    time.Duration
	counters, callers int
	shared            int
}

// run makes the calls, and gives those to each counter.
func (l load) run(ctx context.Context) ([][]call, error) {
	clients := make([]*seriatim.DurableObjects, len(l.targets))
	for i, target := range l.targets {
		client, err := seriatim.Connect(target, insecure.NewCredentials(), &seriatim.Options{SharedCalls: l.shared})
		if err != nil {
			return nil, err
		}
		defer client.Close()
		clients[i] = client
	}
	began := time.Now()
	name := fmt.Sprint("linear-", began.UnixNano(), "-")
	histories := make([][]call, l.counters)
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for n := range l.counters {
		for c := range l.callers {
			all.Go(func() {
				caller := &caller{
					hosts: clients, at: n + c, name: name + fmt.Sprint(n), number: c, began: began}
				err := caller.play(ctx, l.time, l.patience)
				mu.Lock()
				defer mu.Unlock()
				histories[n] = append(histories[n], caller.history...)
				if failed == nil {
					failed = err
				}
			})
		}
	}
	all.Wait()
	return histories, failed
}

// caller makes one call to a counter after the other. Of one goroutine.
type caller struct {
	hosts []*seriatim.DurableObjects
	// at counts the hosts that its stubs went to: it goes to the next one when a call failed.
	at      int
	name    string
	number  int
	began   time.Time
	stub    *seriatim.Stub
	history []call
}

// play calls for so long, and then reads until it is answered.
func (c *caller) play(ctx context.Context, load, patience time.Duration) error {
	defer c.drop()
	for time.Since(c.began) < load {
		var amount int64
		if rand.IntN(2) == 0 {
			amount = 1 + rand.Int64N(highest)
		}
		if err := c.call(ctx, amount); err != nil {
			time.Sleep(pause)
		}
	}
	for {
		err := c.call(ctx, 0)
		if err == nil {
			return nil
		}
		if time.Since(c.began) > load+patience {
			return fmt.Errorf("%s can't be read at the end: %w", c.name, err)
		}
		time.Sleep(pause)
	}
}

// call makes a call, and notes it unless it had no effect. After a failure the next one has another stub, of the next host.
func (c *caller) call(ctx context.Context, amount int64) error {
	if c.stub == nil {
		stub, err := c.hosts[c.at%len(c.hosts)].Namespace("COUNTER").GetByName(c.name)
		if err != nil {
			return err
		}
		c.stub = stub
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	made := call{caller: c.number, amount: amount, began: int64(time.Since(c.began))}
	value, err := send(ctx, examplesv1.NewCounterClient(c.stub), amount)
	made.ended = int64(time.Since(c.began))
	keep := true
	if err == nil {
		made.value, made.known = value.GetValue(), true
	} else {
		made, keep = made.failed(err)
		c.drop()
		c.at++
	}
	if keep {
		c.history = append(c.history, made)
	}
	return err
}

func send(ctx context.Context, counter examplesv1.CounterClient, amount int64) (*examplesv1.CounterValue, error) {
	if amount == 0 {
		return counter.Get(ctx, &examplesv1.GetRequest{})
	}
	return counter.Increment(ctx, &examplesv1.IncrementRequest{Amount: amount})
}

func (c *caller) drop() {
	if c.stub != nil {
		c.stub.Close()
		c.stub = nil
	}
}
