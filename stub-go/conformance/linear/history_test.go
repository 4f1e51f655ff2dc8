package main

import (
	"errors"
	"testing"
	"time"

	"seriatim.dev/go/seriatim"
)

func add(amount, value, began, ended int64) call {
	return call{amount: amount, value: value, known: true, began: began, ended: ended}
}

func read(value, began, ended int64) call { return add(0, value, began, ended) }

// lost is a call of which nobody knows whether it was executed.
func lost(amount, began int64) call { return call{amount: amount, began: began, ended: endOfTime} }

func TestHistories(t *testing.T) {
	for _, test := range []struct {
		name    string
		want    error
		history []call
	}{
		{"nothing", nil, nil},
		{"one after the other", nil, []call{add(1, 1, 0, 1), add(2, 3, 2, 3), read(3, 4, 5)}},
		{"at once, in the other order", nil, []call{add(1, 3, 0, 9), add(2, 2, 1, 8), read(3, 10, 11)}},
		{"a read beside a call may see it or not", nil, []call{add(1, 1, 0, 9), read(1, 1, 2), read(0, 0, 1)}},
		{"a stale read", errFaulty, []call{add(1, 1, 0, 1), read(0, 2, 3)}},
		{"a read that goes back", errFaulty, []call{add(1, 1, 0, 9), read(1, 1, 2), read(0, 3, 4)}},
		{"a lost call", errFaulty, []call{add(1, 1, 0, 1), add(2, 2, 2, 3)}},
		{"a doubled call", errFaulty, []call{add(1, 1, 0, 1), read(2, 2, 3)}},
		{"an unknown call that ran", nil, []call{add(1, 1, 0, 1), lost(5, 2), read(6, 3, 4), add(1, 7, 5, 6)}},
		{"an unknown call that did not", nil, []call{add(1, 1, 0, 1), lost(5, 2), read(1, 3, 4)}},
		{"an unknown call that ran late", nil, []call{lost(5, 0), read(0, 1, 2), read(5, 3, 4)}},
		{"an unknown call that ran twice", errFaulty, []call{lost(5, 0), read(5, 1, 2), read(10, 3, 4)}},
		{"an unknown call that was undone", errFaulty, []call{lost(5, 0), read(5, 1, 2), read(0, 3, 4)}},
		{"an unknown call before it was made", errFaulty, []call{read(5, 0, 1), lost(5, 2)}},
		{"a completed call without its result", nil, []call{{amount: 5, began: 0, ended: 1}, read(5, 2, 3)}},
		{"a completed call that isn't there", errFaulty, []call{{amount: 5, began: 0, ended: 1}, read(0, 2, 3)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := check(test.history, time.Minute); !errors.Is(err, test.want) {
				t.Errorf("%v, expected %v", err, test.want)
			}
		})
	}
}

func TestWhatIsKeptOfACallThatFailed(t *testing.T) {
	made := call{amount: 5, began: 1, ended: 2}
	for _, test := range []struct {
		name  string
		made  call
		err   error
		keep  bool
		ended int64
	}{
		{"not executed", made, &seriatim.CallFailure{Fate: seriatim.FateNotExecuted}, false, 0},
		{"unknown", made, &seriatim.CallFailure{Fate: seriatim.FateUnknown}, true, endOfTime},
		{"completed", made, &seriatim.CallFailure{Fate: seriatim.FateCompleted}, true, 2},
		{"another error", made, errors.New("?"), true, endOfTime},
		{"a read", call{}, &seriatim.CallFailure{Fate: seriatim.FateUnknown}, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			kept, keep := test.made.failed(test.err)
			if keep != test.keep || keep && kept.ended != test.ended {
				t.Errorf("%v, %v, expected %v and its end at %v", kept, keep, test.keep, test.ended)
			}
		})
	}
}
