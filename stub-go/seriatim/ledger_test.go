package seriatim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// The ledger is driven by events, in every order of a few and in random orders of many, and after each one it is held to
// what a caller may believe.

// event is one thing that happens to a stub.
type event int

const (
	callUntimed event = iota // A call that has all the time.
	callTimed                // A call with a deadline, two hours ahead.
	send                     // The writer asks what to do.
	answer                   // The host answers the next call, or opens the stub if it hasn't.
	misnumber                // The host answers a call twice.
	tell                     // The host tells a break.
	closeStub                // The caller closes the stub.
	lose                     // The connection is lost.
	end                      // The connection ends in order.
	hour                     // An hour passes.
	events
)

func (e event) String() string {
	return [...]string{"call", "call with deadline", "send", "answer", "misnumber", "tell", "close", "lose", "end",
		"hour"}[e]
}

const driverID = "59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234"

// driver has a ledger, and what really happened to its calls.
type driver struct {
	ledger   ledger
	now      time.Time
	calls    []*drivenCall
	sent     int   // Calls that left.
	answered int   // Calls that the host answered.
	ends     []int // The last call of each of those.
	opened   bool
	over     bool
	fault    string

	halfClosed bool
}

type drivenCall struct {
	*pendingCall
	fate  string // What its caller was told; empty, as long as it waits.
	cause *FailureCause
}

func newDriver() *driver {
	options := &Options{MaxUnansweredFrames: 2, MaxFrameInvocations: 2, MaxBufferedInvocations: 3, DeadlineGrace: time.Hour}
	checked, err := options.withDefaults()
	if err != nil {
		panic(err)
	}
	open := &seriatimv1.Open{Namespace: "N", Object: &seriatimv1.Open_Name{Name: "n"}}
	return &driver{ledger: newLedger(&checked, open, ""), now: time.Unix(0, 0)}
}

func (d *driver) failf(format string, args ...any) {
	if d.fault == "" {
		d.fault = fmt.Sprintf(format, args...)
	}
}

func (d *driver) do(e event) {
	switch e {
	case callUntimed, callTimed:
		d.call(e == callTimed)
	case send:
		d.send()
	case answer:
		d.answer()
	case misnumber:
		d.misnumber()
	case tell:
		d.tell()
	case closeStub:
		d.ledger.close()
	case lose:
		d.end(newCause(ReasonConnectionLost, codes.Unavailable, "lost"), FateUnknown)
	case end:
		d.finish()
	case hour:
		d.hour()
	}
}

func (d *driver) call(timed bool) {
	call := &drivenCall{pendingCall: &pendingCall{method: "m", bytes: 10, done: make(chan struct{})}}
	if timed {
		call.deadline = d.now.Add(2 * time.Hour)
	}
	waiting := len(d.calls) - d.sent
	refusal := d.ledger.take(call.pendingCall)
	switch mayCall := !d.over && d.ledger.state == stateOpen && waiting < 3; {
	case mayCall && refusal != nil:
		d.failf("refused: %v", refusal)
	case !mayCall && refusal == nil:
		d.failf("let in, over %v, state %v, waiting %d", d.over, d.ledger.state, waiting)
	case refusal == nil:
		d.calls = append(d.calls, call)
		if call.sequence != uint64(len(d.calls)) {
			d.failf("number %d, expected %d", call.sequence, len(d.calls))
		}
	}
}

func (d *driver) send() {
	out := d.ledger.next(nil, unlimited, d.now)
	do, calls, open := out.do, out.calls, out.open
	waiting := len(d.calls) - d.sent
	switch {
	case d.over:
		if do != stepLeave {
			d.failf("step %d, expected to leave", do)
		}
		return
	case d.ledger.state == stateClosing && waiting == 0 && !d.halfClosed:
		d.halfClosed = true
		if do != stepHalfClose {
			d.failf("step %d, expected the half-close", do)
		}
		return
	case waiting == 0 || len(d.ends) == 2:
		if do != stepWait {
			d.failf("step %d, expected to wait", do)
		}
		return
	case do != stepSend:
		d.failf("step %d, expected to send", do)
		return
	}
	if (open != nil) != (d.sent == 0) {
		d.failf("open %v in the frame behind %d calls", open, d.sent)
	}
	if len(calls) != min(waiting, 2) {
		d.failf("%d calls in a frame, expected %d", len(calls), min(waiting, 2))
	}
	for _, call := range calls {
		d.sent++
		if call != d.calls[d.sent-1].pendingCall {
			d.failf("sent %d, expected %d", call.sequence, d.sent)
		}
	}
	d.ends = append(d.ends, d.sent)
}

func (d *driver) answer() {
	frame := &seriatimv1.ConnectResponse{}
	if !d.opened {
		frame.Opened = &seriatimv1.Opened{Id: driverID}
	} else if d.answered < d.sent {
		frame.Outcomes = []*seriatimv1.Outcome{{Sequence: uint64(d.answered + 1)}}
	}
	got := d.ledger.receive(frame, nil, d.now)
	if got.violated != nil || got.told != nil {
		d.failf("a good frame is taken for %+v", got)
	}
	if d.over {
		if len(got.answered) > 0 {
			d.failf("%d calls answered behind the end", len(got.answered))
		}
		return
	}
	d.opened = true
	if len(got.answered) != len(frame.Outcomes) {
		d.failf("%d calls answered by %d outcomes", len(got.answered), len(frame.Outcomes))
	}
	for _, call := range got.answered {
		d.answered++
		driven := d.calls[d.answered-1]
		if driven.pendingCall != call {
			d.failf("call %d answered, expected %d", call.sequence, d.answered)
		}
		if driven.fate == "" { // Else the outcome is dropped.
			driven.fate = "answered"
		}
	}
	d.ends = slices.DeleteFunc(d.ends, func(last int) bool { return last <= d.answered })
}

func (d *driver) misnumber() {
	got := d.ledger.receive(&seriatimv1.ConnectResponse{
		Outcomes: []*seriatimv1.Outcome{{Sequence: uint64(d.answered)}},
	}, nil, d.now)
	if d.over {
		return
	}
	if got.violated == nil || len(got.answered) > 0 {
		d.failf("a wrong frame is taken for %+v", got)
		return
	}
	d.end(got.violated, FateUnknown)
}

func (d *driver) tell() {
	got := d.ledger.receive(&seriatimv1.ConnectResponse{Broken: &seriatimv1.Broken{
		Cause: &spb.Status{Code: int32(codes.Aborted), Message: "told"}, CompletedThrough: uint64(d.answered),
	}}, nil, d.now)
	if d.over {
		return
	}
	if got.told == nil || got.violated != nil {
		d.failf("a break is taken for %+v", got)
		return
	}
	d.end(got.told, FateNotExecuted)
}

func (d *driver) end(cause *FailureCause, sentFate Fate) {
	verdicts, broke := d.ledger.breakWith(cause, sentFate)
	if broke == d.over {
		d.failf("broke %v, over %v", broke, d.over)
	}
	d.over = true
	for _, verdict := range verdicts {
		d.hear(verdict)
		expected := sentFate
		if verdict.call.sequence > uint64(d.sent) {
			expected = FateNotExecuted
		}
		if verdict.failure.Fate != expected {
			d.failf("call %d is %v, expected %v", verdict.call.sequence, verdict.failure.Fate, expected)
		}
	}
	for i, call := range d.calls {
		if call.fate == "" {
			d.failf("call %d was not told of the end", i+1)
		}
	}
}

func (d *driver) finish() {
	orderly := d.ledger.state == stateClosing && d.answered == len(d.calls)
	if finished := d.ledger.finish(); finished != orderly {
		d.failf("finished %v, expected %v", finished, orderly)
	}
	if orderly {
		d.over = true
	} else {
		d.end(newCause(ReasonConnectionLost, codes.Unavailable, "ended"), FateUnknown)
	}
}

// hour holds the ledger to the rule of who ends alone.
func (d *driver) hour() {
	d.now = d.now.Add(time.Hour)
	expected := map[uint64]bool{}
	for _, call := range d.calls[d.answered:] {
		oldest := d.calls[d.answered]
		if d.over || call.fate != "" || call.deadline.IsZero() || call.deadline.After(d.now) {
			continue
		}
		isToldSoon := !oldest.deadline.IsZero() && !oldest.deadline.After(d.now)
		if !isToldSoon || !call.deadline.Add(time.Hour).After(d.now) {
			expected[call.sequence] = true
		}
	}
	verdicts, next := d.ledger.overdue(d.now)
	for _, verdict := range verdicts {
		d.hear(verdict)
		if !expected[verdict.call.sequence] || verdict.failure.Reason != ReasonAnswerOverdue {
			d.failf("call %d ended alone: %v", verdict.call.sequence, verdict.failure)
		}
		if isSent := verdict.call.sequence <= uint64(d.sent); (verdict.failure.Fate == FateUnknown) != isSent {
			d.failf("call %d is %v, sent: %v", verdict.call.sequence, verdict.failure.Fate, isSent)
		}
	}
	if len(verdicts) != len(expected) {
		d.failf("%d calls ended alone, expected %v", len(verdicts), expected)
	}
	if !next.IsZero() && !next.After(d.now) {
		d.failf("to look again at %v, and it is %v", next, d.now)
	}
	for i, call := range d.calls[d.answered:] {
		if call.fate == "" && !call.deadline.IsZero() && !d.over && next.IsZero() {
			d.failf("nobody looks for call %d", d.answered+i+1)
		}
	}
}

func (d *driver) hear(verdict verdict) {
	call := d.calls[verdict.call.sequence-1]
	if call.fate != "" {
		d.failf("call %d is told %v, and was told %s before", verdict.call.sequence, verdict.failure, call.fate)
	}
	call.fate, call.cause = verdict.failure.Fate.String(), verdict.failure.FailureCause
}

// drive plays the events; it gives what went wrong.
func drive(events []event) string {
	d := newDriver()
	for i, e := range events {
		if d.do(e); d.fault != "" {
			return fmt.Sprintf("%v: %s", events[:i+1], d.fault)
		}
	}
	return ""
}

func isEnd(e event) bool { return e == misnumber || e == tell || e == lose || e == end }

// inEveryOrder plays every order of so many events, but of no more than two behind the end of the stub, which change
// nothing any more. It gives what went wrong.
func inEveryOrder(length int, before []event) string {
	ended := slices.IndexFunc(before, isEnd)
	if len(before) == length || ended >= 0 && len(before)-ended > 2 {
		return drive(before)
	}
	for e := range events {
		if fault := inEveryOrder(length, append(before, e)); fault != "" {
			return fault
		}
	}
	return ""
}

func TestLedgerInEveryOrderOfAFewEvents(t *testing.T) {
	SameOnLanes(t)
	if fault := inEveryOrder(6, nil); fault != "" {
		t.Fatal(fault)
	}
}

func TestLedgerInRandomOrdersOfManyEvents(t *testing.T) {
	SameOnLanes(t)
	for _, seed := range Seeds(1000) {
		random := rand.New(rand.NewPCG(seed, 0))
		order := make([]event, 200)
		for i := range order {
			order[i] = event(random.IntN(int(events)))
			if isEnd(order[i]) && i < 150 {
				order[i] = answer // Most of it happens before the end.
			}
			if order[i] == closeStub && i < 100 {
				order[i] = send
			}
		}
		if fault := drive(order); fault != "" {
			t.Fatalf("seed %d: %s", seed, fault)
		}
	}
}

func TestALimitThatRefusesACallNamesItself(t *testing.T) {
	d := newDriver()
	for range 3 {
		d.call(false)
	}
	call := &pendingCall{bytes: 10}
	if refusal := d.ledger.take(call); refusal == nil || !strings.Contains(refusal.Message, "3 invocations wait") {
		t.Errorf("got %v", refusal)
	}
}
