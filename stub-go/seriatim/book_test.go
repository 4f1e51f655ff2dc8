package seriatim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// What decides for a shared call is driven here: real sessions and ledgers, no connection, no goroutine and a time that is
// said.

// switchboard is a shared call without a connection.
type switchboard struct {
	objects *DurableObjects
	t       *testing.T
	call    *sharedCall
	now     time.Time
	lanes   []*lane
}

func newSwitchboard(t *testing.T, options *Options) *switchboard {
	checked, err := options.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	objects := newDurableObjects(nil, checked, nil, nil)
	call := &sharedCall{
		access: &objects.host,
		hangUp: func() {},
		book:   laneBook{lanes: map[uint64]*lane{}},
	}
	call.wakeUp.L = &call.mu
	return &switchboard{t: t, objects: objects, call: call, now: time.Unix(0, 0)}
}

// heard has the host say something, so that more than one message may leave.
func (b *switchboard) heard() {
	b.call.book.heard = true
	b.call.book.clock.came()
}

// open opens a stub, with calls of so many bytes.
func (b *switchboard) open(bytes ...int) *lane {
	open := &seriatimv1.Open{Namespace: "N", Object: &seriatimv1.Open_Name{Name: "n"}}
	s := newSession(b.objects, open, "", false)
	l := b.call.lane(s)
	if l == nil {
		b.t.Fatal("no more lanes are let in")
	}
	s.carrier, s.access = l, b.call.access
	s.watchdog.expectOpening(time.Hour, func() {})
	b.t.Cleanup(func() { s.leave(l) })
	b.submit(l, bytes...)
	b.lanes = append(b.lanes, l)
	return l
}

func (b *switchboard) submit(l *lane, bytes ...int) {
	for _, size := range bytes {
		call := &pendingCall{method: "m", argument: make([]byte, size), reply: &seriatimv1.Opened{}, done: make(chan struct{})}
		call.bytes = size + overheadBytes + 1
		if failure := l.session.submit(call); failure != nil {
			b.t.Fatal(failure)
		}
	}
}

// send makes the next message, if the clock lets it go and there is something to say.
func (b *switchboard) send() *seriatimv1.ConnectManyRequest {
	c := b.call
	c.line.waiting = append(c.line.waiting, c.book.ready...)
	c.book.ready = nil
	if len(c.line.waiting) == 0 {
		return nil
	}
	if leaves, _ := c.book.clock.next(b.now); !leaves {
		return nil
	}
	message := c.line.gather()
	if message != nil {
		c.book.sent(b.now, c.line.numbered, c.line.fresh)
	}
	return message
}

// shown is a message in words: each part with its lane, and calls, h(alf-close), c(ancel) or m(ore bytes).
func shown(message *seriatimv1.ConnectManyRequest) string {
	if message == nil {
		return "nothing"
	}
	var words []string
	for _, part := range message.GetLanes() {
		word := fmt.Sprint(part.GetLane(), ":")
		switch what := part.GetWhat().(type) {
		case *seriatimv1.LaneRequest_Frame:
			if what.Frame.GetOpen() != nil {
				word += "o"
			}
			for _, invocation := range what.Frame.GetInvocations() {
				word += fmt.Sprint(invocation.GetSequence())
			}
		case *seriatimv1.LaneRequest_HalfClose:
			word += "h"
		case *seriatimv1.LaneRequest_Cancel:
			word += "c"
		}
		if part.GetMoreBytes() > 0 {
			word += fmt.Sprint("m", part.GetMoreBytes())
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func (b *switchboard) expect(expected ...string) {
	b.t.Helper()
	for _, message := range expected {
		if got := shown(b.send()); got != message {
			b.t.Errorf("sent %q, expected %q", got, message)
		}
	}
}

// ---- numbers and turns ---------------------------------------------------------------------------------

func TestLanesAreNumberedInTheOrderInWhichTheySend(t *testing.T) {
	b := newSwitchboard(t, &Options{MaxFrameInvocations: 1})
	b.heard()
	first, second, third := b.open(1, 1, 1), b.open(1), b.open(1)
	second.session.breakStub(newCause(ReasonStubCancelled, 1, "gone"), FateUnknown)
	third.session.close()
	// In turn; and the one that was given up before it sent has no number.
	b.expect("1:o1 2:o1 1:2 2:h 1:3", "nothing")
	first.session.close()
	b.expect("1:h", "nothing")
	b.open(1)
	b.expect("3:o1")
}

func TestALaneThatIsGivenUpSaysSoOnce(t *testing.T) {
	b := newSwitchboard(t, &Options{})
	b.heard()
	l := b.open(1)
	b.expect("1:o1")
	b.submit(l, 1)
	l.session.breakStub(newCause(ReasonStubCancelled, 1, "gone"), FateUnknown)
	b.expect("1:c", "nothing")
	l.hangUp()
	b.expect("nothing")
	if len(b.call.book.lanes) != 0 || b.call.book.open != 0 {
		t.Errorf("%d and %d lanes are left", len(b.call.book.lanes), b.call.book.open)
	}
	if found, violated := b.call.book.find([]*seriatimv1.LaneResponse{{Lane: 1}}, nil); violated != nil || found[0] != nil {
		t.Errorf("a part for it: %v, %v", found, violated)
	}
}

func TestAMessageHasAQuarterMiBOrOnePart(t *testing.T) {
	b := newSwitchboard(t, &Options{MaxFrameBytes: 100 << 10})
	b.heard()
	b.open(90_000, 90_000)
	b.open(300_000)
	b.open(90_000)
	b.expect("1:o1", "2:o1", "3:o1 1:2", "nothing")
}

func TestASmallMessageIsNeverLongerThanItMayBe(t *testing.T) {
	SameOnLanes(t)
	for _, seed := range Seeds(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := newSwitchboard(t, &Options{MaxUnansweredFrames: 16, MaxFrameInvocations: 16})
		b.heard()
		sent, made := 0, 0
		for range 100 {
			sizes := make([]int, 1+random.IntN(10))
			for i := range sizes {
				sizes[i] = random.IntN(60_000)
			}
			b.open(sizes...)
			made += len(sizes)
		}
		for {
			b.call.book.clock.came()
			message := b.send()
			if message == nil {
				break
			}
			if size := proto.Size(message); size > maxMessageBytes && len(message.GetLanes()) > 1 {
				t.Fatalf("seed %d: a message of %d bytes with %d parts", seed, size, len(message.GetLanes()))
			}
			for _, part := range message.GetLanes() {
				sent += len(part.GetFrame().GetInvocations())
			}
		}
		if sent != made {
			t.Errorf("seed %d: %d calls were sent, expected %d", seed, sent, made)
		}
	}
}

// ---- credit --------------------------------------------------------------------------------------------

func TestCreditGoesAlongAndByItselfWhenThereIsMuch(t *testing.T) {
	b := newSwitchboard(t, &Options{})
	b.heard()
	l := b.open(1)
	b.expect("1:o1")
	answer := func(sequence uint64, bytes int) int {
		result, err := proto.Marshal(&seriatimv1.Opened{Id: strings.Repeat("x", bytes)})
		if err != nil {
			t.Fatal(err)
		}
		frame := &seriatimv1.ConnectResponse{Outcomes: []*seriatimv1.Outcome{{Sequence: sequence,
			Result: &seriatimv1.Outcome_Message{Message: result}}}}
		l.take(&seriatimv1.LaneResponse{Lane: 1, Frame: frame}, nil)
		return proto.Size(frame)
	}
	l.take(&seriatimv1.LaneResponse{Lane: 1, Frame: &seriatimv1.ConnectResponse{
		Opened: &seriatimv1.Opened{Id: driverID}}}, nil)
	owed := answer(1, 1000)
	b.expect("nothing")
	b.submit(l, 1, 1)
	b.expect(fmt.Sprint("1:23m", owed), "nothing")
	owed = answer(2, 40_000)
	b.expect("nothing")
	owed += answer(3, 40_000)
	b.expect(fmt.Sprint("1:m", owed), "nothing")
}

// ---- the clock -----------------------------------------------------------------------------------------

func TestOneMessageLeavesBeforeTheHostAnswers(t *testing.T) {
	b := newSwitchboard(t, &Options{})
	l := b.open(1)
	b.expect("1:o1")
	b.submit(l, 1)
	b.now = b.now.Add(time.Hour)
	b.expect("nothing")
	b.call.book.clock.accepted = true
	b.expect("1:2")
}

// Whatever was handed out: it is sent again from its beginning, and what then is lost has not been executed.
func TestWhatIsTakenBackWasNotSent(t *testing.T) {
	b := newSwitchboard(t, &Options{MaxFrameInvocations: 2, MaxUnansweredFrames: 2})
	b.heard()
	l := b.open(1, 2, 3, 4, 5)
	l.session.close()
	b.expect("1:o12 1:34", "nothing")
	ledger := &l.session.ledger
	bytes := ledger.queue.waitingBytes
	ledger.takeBack()
	if ledger.queue.waiting() != 5 || ledger.queue.waitingBytes <= bytes {
		t.Errorf("%d calls and %d bytes wait", ledger.queue.waiting(), ledger.queue.waitingBytes)
	}
	var all []uint64
	for range 2 {
		out := ledger.next(nil, unlimited, time.Time{})
		if out.do != stepSend || (out.open != nil) != (all == nil) {
			t.Fatalf("step %d, open %v", out.do, out.open)
		}
		for _, call := range out.calls {
			all = append(all, call.sequence)
		}
	}
	if !slices.Equal(all, []uint64{1, 2, 3, 4}) || ledger.hasMore() {
		t.Errorf("sent %v, and more: %v", all, ledger.hasMore())
	}
	ledger.takeBack()
	verdicts, _ := ledger.breakWith(newCause(ReasonConnectionLost, 14, "lost"), FateUnknown)
	for _, verdict := range verdicts {
		if verdict.failure.Fate != FateNotExecuted {
			t.Errorf("call %d: %v", verdict.call.sequence, verdict.failure)
		}
	}
	if len(verdicts) != 5 {
		t.Errorf("%d calls were told, expected 5", len(verdicts))
	}
}

func TestTheClockGathersWhileFourAreUnanswered(t *testing.T) {
	b := newSwitchboard(t, &Options{})
	b.heard()
	l := b.open(1)
	b.expect("1:o1")
	for sequence := 2; sequence <= 4; sequence++ {
		b.submit(l, 1)
		b.expect(fmt.Sprint("1:", sequence))
	}
	b.open(1)
	b.open(1)
	b.expect("nothing")
	b.call.book.clock.came()
	b.expect("2:o1 3:o1", "nothing")
	b.open(1)
	b.expect("nothing")
	b.now = b.now.Add(gatherTime - 1)
	b.expect("nothing")
	b.now = b.now.Add(1)
	b.expect("4:o1")
}

// Whatever is answered, together or not at all: what waits leaves with the next message, or in a moment.
func TestTheClockNeverStops(t *testing.T) {
	for _, seed := range Seeds(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		clock, now := messageClock{accepted: true}, time.Unix(0, 0)
		for range 1000 {
			leaves, at := clock.next(now)
			switch {
			case leaves:
				clock.sent(now)
			case at.IsZero() || at.Sub(now) > gatherTime || at.Sub(now) <= 0:
				t.Fatalf("seed %d: at %v, now %v", seed, at, now)
			case random.IntN(2) == 0:
				now = at
				if leaves, _ := clock.next(now); !leaves {
					t.Fatalf("seed %d: it doesn't leave when it may", seed)
				}
			default:
				clock.came()
				if leaves, _ := clock.next(now); !leaves {
					t.Fatalf("seed %d: it doesn't leave with a message from the host", seed)
				}
			}
			if random.IntN(3) == 0 {
				clock.came()
			}
			if clock.unanswered < 0 {
				t.Fatalf("seed %d: %d unanswered", seed, clock.unanswered)
			}
		}
	}
}

// ---- the end -------------------------------------------------------------------------------------------

func TestAllThatAreLeftAreTold(t *testing.T) {
	b := newSwitchboard(t, &Options{})
	b.heard()
	for range 3 {
		b.open(1)
	}
	b.expect("1:o1 2:o1 3:o1")
	b.call.forget(b.lanes[1])
	b.open(1) // It has no number yet.
	gone := b.open(1)
	gone.hangUp()
	b.call.book.ended = true
	left := b.call.book.left(b.call.line.waiting)
	for _, l := range []*lane{b.lanes[0], b.lanes[2], b.lanes[3]} {
		if !slices.Contains(left, l) {
			t.Errorf("lane %d is not told", l.number.Load())
		}
	}
	if len(left) != 3 {
		t.Errorf("%d lanes are told, expected 3", len(left))
	}
	if b.call.lane(b.lanes[0].session) != nil {
		t.Error("one more lane is let in")
	}
}
