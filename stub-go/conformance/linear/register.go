package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "seriatim.dev/go/seriatim/admin/v1"
)

// key is where a register has its number: 0 if there is none.
const key = "register"

// find reads a register.
type find struct{ value int64 }

func (f find) on(state int64) (next int64, fits bool) { return state, f.value == state }

func (f find) changes() bool { return false }

func (f find) shows() int64 { return f.value }

func (f find) writes() int64 { return 0 }

func (f find) String() string { return fmt.Sprint("reads ", f.value) }

// put writes into a register.
type put struct{ value int64 }

func (p put) on(int64) (next int64, fits bool) { return p.value, true }

func (p put) changes() bool { return true }

func (p put) shows() int64 { return 0 }

func (p put) writes() int64 { return p.value }

func (p put) String() string { return fmt.Sprint("writes ", p.value) }

// swap writes into a register if it has the expected number.
type swap struct {
	expected, value int64
	done            bool
}

func (s swap) on(state int64) (next int64, fits bool) {
	if state == s.expected {
		return s.value, s.done
	}
	return state, !s.done
}

func (s swap) changes() bool { return true }

func (s swap) shows() int64 {
	if s.done {
		return s.expected
	}
	return 0
}

func (s swap) writes() int64 { return s.value }

func (s swap) String() string {
	return fmt.Sprint("writes ", s.value, " for ", s.expected, ": ", s.done)
}

// register is an entry of an object as one caller has it, who reads and edits it through the admin service.
type register struct {
	object *adminv1.ObjectName
	// written counts what all callers write, so that no two write the same.
	written *atomic.Int64
	// seen is the last number that the caller has found there, or written.
	seen int64
}

func newRegister(name string, written *atomic.Int64) *register {
	return &register{
		written: written,
		object:  &adminv1.ObjectName{Namespace: "COUNTER", Which: &adminv1.ObjectName_Name{Name: name}},
	}
}

func (r *register) call(ctx context.Context, at host, reads bool) (action, fate, error) {
	value := r.written.Add(1)
	switch kind := rand.IntN(3); {
	case reads || kind == 0:
		return r.find(ctx, at)
	case kind == 1:
		err := r.edit(ctx, at, value)
		return put{value}, fateOfEdit(err), err
	default:
		return r.swap(ctx, at, swap{expected: r.seen, value: value})
	}
}

func (r *register) find(ctx context.Context, at host) (action, fate, error) {
	found, err := at.admin.ListEntries(ctx, &adminv1.ListEntriesRequest{Object: r.object, Prefix: key})
	if err != nil {
		return find{}, unknown, err
	}
	r.seen = 0
	for _, entry := range found.GetEntries() {
		if r.seen, err = strconv.ParseInt(string(entry.GetValue()), 10, 64); err != nil {
			return find{}, unknown, err
		}
	}
	return find{r.seen}, answered, nil
}

func (r *register) swap(ctx context.Context, at host, what swap) (action, fate, error) {
	condition := &adminv1.Condition{Key: key}
	if what.expected != 0 {
		condition.Value = bytesOf(what.expected)
	}
	err := r.edit(ctx, at, what.value, condition)
	if isRefused(err) {
		return what, answered, nil
	}
	what.done = err == nil
	return what, fateOfEdit(err), err
}

func (r *register) edit(ctx context.Context, at host, value int64, conditions ...*adminv1.Condition) error {
	_, err := at.admin.EditEntries(ctx, &adminv1.EditEntriesRequest{
		Object:     r.object,
		Conditions: conditions,
		Puts:       []*adminv1.Put{{Key: key, What: &adminv1.Put_Value{Value: bytesOf(value)}}},
	})
	if err == nil {
		r.seen = value
	}
	return err
}

func bytesOf(value int64) []byte { return strconv.AppendInt(nil, value, 10) }

// isRefused is whether an edit had no effect since its condition didn't hold.
func isRefused(err error) bool {
	return status.Code(err) == codes.Aborted && strings.HasPrefix(status.Convert(err).Message(), "key '"+key+"': ")
}

func fateOfEdit(err error) fate {
	if err == nil {
		return answered
	}
	return unknown
}

func (r *register) leave() {}
