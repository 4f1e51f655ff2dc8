package main

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"seriatim.dev/go/seriatim"
)

func does(what action, began, ended int64) call {
	return call{what: what, known: true, began: began, ended: ended}
}

func adds(amount, value, began, ended int64) call { return does(add{amount, value}, began, ended) }

func reads(value, began, ended int64) call { return adds(0, value, began, ended) }

// lost is a call of which nobody knows whether it was executed.
func lost(what action, began int64) call { return call{what: what, began: began, ended: endOfTime} }

func lostAdd(amount, began int64) call { return lost(add{amount: amount}, began) }

func finds(value, began, ended int64) call { return does(find{value}, began, ended) }

func puts(value, began, ended int64) call { return does(put{value}, began, ended) }

func swaps(expected, value int64, done bool, began, ended int64) call {
	return does(swap{expected, value, done}, began, ended)
}

func TestHistories(t *testing.T) {
	for _, test := range []struct {
		name    string
		want    error
		history []call
	}{
		{"nothing", nil, nil},
		{"one after the other", nil, []call{adds(1, 1, 0, 1), adds(2, 3, 2, 3), reads(3, 4, 5)}},
		{"at once, in the other order", nil, []call{adds(1, 3, 0, 9), adds(2, 2, 1, 8), reads(3, 10, 11)}},
		{"a read beside a call may see it or not", nil, []call{adds(1, 1, 0, 9), reads(1, 1, 2), reads(0, 0, 1)}},
		{"a stale read", errFaulty, []call{adds(1, 1, 0, 1), reads(0, 2, 3)}},
		{"a read that goes back", errFaulty, []call{adds(1, 1, 0, 9), reads(1, 1, 2), reads(0, 3, 4)}},
		{"a lost call", errFaulty, []call{adds(1, 1, 0, 1), adds(2, 2, 2, 3)}},
		{"a doubled call", errFaulty, []call{adds(1, 1, 0, 1), reads(2, 2, 3)}},
		{"an unknown call that ran", nil, []call{adds(1, 1, 0, 1), lostAdd(5, 2), reads(6, 3, 4), adds(1, 7, 5, 6)}},
		{"an unknown call that did not", nil, []call{adds(1, 1, 0, 1), lostAdd(5, 2), reads(1, 3, 4)}},
		{"an unknown call that ran late", nil, []call{lostAdd(5, 0), reads(0, 1, 2), reads(5, 3, 4)}},
		{"an unknown call that ran twice", errFaulty, []call{lostAdd(5, 0), reads(5, 1, 2), reads(10, 3, 4)}},
		{"an unknown call that was undone", errFaulty, []call{lostAdd(5, 0), reads(5, 1, 2), reads(0, 3, 4)}},
		{"an unknown call before it was made", errFaulty, []call{reads(5, 0, 1), lostAdd(5, 2)}},
		{"a completed call without its result", nil, []call{{what: add{amount: 5}, began: 0, ended: 1}, reads(5, 2, 3)}},
		{"a completed call that isn't there", errFaulty, []call{{what: add{amount: 5}, began: 0, ended: 1}, reads(0, 2, 3)}},
		{"a register", nil, []call{finds(0, 0, 1), puts(5, 2, 3), swaps(5, 7, true, 4, 5), swaps(5, 9, false, 6, 7), finds(7, 8, 9)}},
		{"a write that isn't there", errFaulty, []call{puts(5, 0, 1), finds(0, 2, 3)}},
		{"a write that comes back", errFaulty, []call{puts(5, 0, 1), puts(6, 2, 3), finds(6, 4, 5), finds(5, 6, 7)}},
		{"two that both have swapped", errFaulty, []call{swaps(0, 5, true, 0, 9), swaps(0, 6, true, 0, 9)}},
		{"two of which one has swapped", nil, []call{swaps(0, 5, true, 0, 9), swaps(0, 6, false, 0, 9), finds(5, 10, 11)}},
		{"a swap that ought to have been done", errFaulty, []call{puts(5, 0, 1), swaps(5, 6, false, 2, 3)}},
		{"a refused swap with an effect", errFaulty, []call{swaps(1, 6, false, 0, 1), finds(6, 2, 3)}},
		{"an unknown swap that was done", nil, []call{puts(5, 0, 1), lost(swap{expected: 5, value: 6}, 2), finds(6, 3, 4)}},
		{"an unknown swap that was not", nil, []call{puts(5, 0, 1), lost(swap{expected: 4, value: 6}, 2), finds(5, 3, 4)}},
		{"an unknown swap that could not", errFaulty, []call{puts(5, 0, 1), lost(swap{expected: 4, value: 6}, 2), finds(6, 3, 4)}},
		{"an unknown write that ran twice", errFaulty,
			[]call{lost(put{5}, 0), finds(5, 1, 2), puts(6, 3, 4), finds(6, 5, 6), finds(5, 7, 8)}},
		{"an unknown write that ran late", nil, []call{lost(put{5}, 0), puts(6, 1, 2), finds(6, 3, 4), finds(5, 5, 6)}},
		{"an unknown write of which nothing is seen but that a swap was refused", nil,
			[]call{puts(5, 0, 1), lost(put{6}, 2), swaps(5, 7, false, 3, 4), puts(8, 5, 6), finds(8, 7, 8)}},
		{"an unknown write that is seen before it was made", errFaulty, []call{finds(5, 0, 1), lost(put{5}, 2)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := check(test.history, time.Minute); !errors.Is(err, test.want) {
				t.Errorf("%v, expected %v", err, test.want)
			}
		})
	}
}

func TestManyUnknownWrites(t *testing.T) {
	var history []call
	for i := range int64(1000) {
		history = append(history, lost(put{1 + i}, i), lost(swap{expected: i, value: 10_001 + i}, i), puts(20_001+i, i, i+1))
	}
	history = append(history, finds(500, 2000, 2001), finds(700, 2002, 2003))
	if err := check(history, 10*time.Second); err != nil {
		t.Errorf("%v, expected an order", err)
	}
}

func TestWhatIsKeptOfACall(t *testing.T) {
	for _, test := range []struct {
		name  string
		what  action
		fate  fate
		keep  bool
		known bool
		ended int64
	}{
		{"answered", add{amount: 5}, answered, true, true, 2},
		{"without effect", add{amount: 5}, without, false, false, 0},
		{"unknown", add{amount: 5}, unknown, true, false, endOfTime},
		{"completed", add{amount: 5}, completed, true, false, 2},
		{"a read", add{}, answered, true, true, 2},
		{"an unknown read", add{}, unknown, false, false, 0},
		{"an unknown read of a register", find{}, unknown, false, false, 0},
		{"an unknown swap", swap{}, unknown, true, false, endOfTime},
	} {
		t.Run(test.name, func(t *testing.T) {
			kept, keep := call{what: test.what, began: 1, ended: 2}.kept(test.fate)
			if keep != test.keep || keep && (kept.ended != test.ended || kept.known != test.known) {
				t.Errorf("%v, %v, expected %v, known %v and its end at %v", kept, keep, test.keep, test.known, test.ended)
			}
		})
	}
}

func TestFates(t *testing.T) {
	for _, test := range []struct {
		err  error
		want fate
	}{
		{&seriatim.CallFailure{Fate: seriatim.FateNotExecuted}, without},
		{&seriatim.CallFailure{Fate: seriatim.FateUnknown}, unknown},
		{&seriatim.CallFailure{Fate: seriatim.FateCompleted}, completed},
		{errors.New("?"), unknown},
	} {
		if fate := fateOf(test.err); fate != test.want {
			t.Errorf("%v is %v, expected %v", test.err, fate, test.want)
		}
	}
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{status.Error(codes.Aborted, "key 'register': no value, expected a value of 1 bytes"), true},
		{status.Error(codes.Aborted, "the object was reset"), false},
		{status.Error(codes.Unavailable, "key 'register': ?"), false},
	} {
		if refused := isRefused(test.err); refused != test.want {
			t.Errorf("%v is refused: %v, expected %v", test.err, refused, test.want)
		}
	}
}
