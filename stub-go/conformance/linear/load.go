package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"seriatim.dev/go/seriatim"
	adminv1 "seriatim.dev/go/seriatim/admin/v1"
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
	targets             []string
	time, patience      time.Duration
	counters, registers int
	callers             int
	shared              int
}

// host is how a host is called.
type host struct {
	objects *seriatim.DurableObjects
	admin   adminv1.AdminClient
}

// subject is an object as one caller has it.
type subject interface {
	// call makes a call at random, or one that reads.
	call(ctx context.Context, at host, reads bool) (action, fate, error)
	// leave is called when a call failed, and at the end.
	leave()
}

// history is of one object.
type history struct {
	object string
	calls  []call
}

// run makes the calls, and gives those to each object.
func (l load) run(ctx context.Context) ([]history, error) {
	hosts := make([]host, len(l.targets))
	for i, target := range l.targets {
		objects, err := seriatim.Connect(target, insecure.NewCredentials(), &seriatim.Options{SharedCalls: l.shared})
		if err != nil {
			return nil, err
		}
		defer objects.Close()
		connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		defer func() { _ = connection.Close() }()
		hosts[i] = host{objects: objects, admin: adminv1.NewAdminClient(connection)}
	}
	began := time.Now()
	prefix := fmt.Sprint("linear-", began.UnixNano(), "-")
	histories := make([]history, l.counters+l.registers)
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	var written atomic.Int64
	for n := range histories {
		name := fmt.Sprint("counter ", n)
		if n >= l.counters {
			name = fmt.Sprint("register ", n-l.counters)
		}
		histories[n].object = name
		for c := range l.callers {
			all.Go(func() {
				caller := &caller{hosts: hosts, at: n + c, name: name, number: c, began: began, subject: &counter{name: prefix + name}}
				if n >= l.counters {
					caller.subject = newRegister(prefix+name, &written)
				}
				err := caller.play(ctx, l.time, l.patience)
				mu.Lock()
				defer mu.Unlock()
				histories[n].calls = append(histories[n].calls, caller.calls...)
				if failed == nil {
					failed = err
				}
			})
		}
	}
	all.Wait()
	return histories, failed
}

// caller makes one call to an object after the other. Of one goroutine.
type caller struct {
	hosts []host
	// at counts the hosts that were called: the next one is when a call failed.
	at      int
	name    string
	number  int
	began   time.Time
	subject subject
	calls   []call
}

// play calls for so long, and then reads until it is answered.
func (c *caller) play(ctx context.Context, load, patience time.Duration) error {
	defer c.subject.leave()
	// Behind a failure it reads first: each change whose fate is unknown makes the search longer, and a host that is down
	// would leave many.
	failed := true
	for time.Since(c.began) < load {
		if failed = c.call(ctx, failed) != nil; failed {
			time.Sleep(pause)
		}
	}
	for {
		err := c.call(ctx, true)
		if err == nil {
			return nil
		}
		if time.Since(c.began) > load+patience {
			return fmt.Errorf("%s can't be read at the end: %w", c.name, err)
		}
		time.Sleep(pause)
	}
}

// call makes a call, and notes it unless it had no effect. After a failure the next one goes to the next host.
func (c *caller) call(ctx context.Context, reads bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	made := call{caller: c.number, began: int64(time.Since(c.began))}
	what, fate, err := c.subject.call(ctx, c.hosts[c.at%len(c.hosts)], reads)
	made.what, made.ended = what, int64(time.Since(c.began))
	if made, keep := made.kept(fate); keep {
		c.calls = append(c.calls, made)
	}
	if err != nil {
		c.subject.leave()
		c.at++
	}
	return err
}
