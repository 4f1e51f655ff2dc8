package seriatim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// The ledger of a resumable stub is driven by events in random orders, against a host that keeps a record of the session as
// the contract says, loses what isn't durable, and goes on executing for a while what a lost connection had brought. After
// each event both are held to what callers may believe.

// sessionDriver has a ledger, and the record that the host has of its session.
type sessionDriver struct {
	*rand.Rand
	options *Options
	ledger  ledger
	now     time.Time
	calls   []*sessionCall
	fault   string
	over    bool // The stub has ended.

	connected  bool   // A connection carries the stub.
	connection uint32 // Its number.
	wasOpened  bool   // The host has opened it.
	opens      *seriatimv1.Session
	wire       []outgoing  // On the way to the host.
	queue      []*heldCall // Came to the host on this connection, and not begun.
	expected   uint64      // The number of the next that comes.
	toSend     uint64      // The outcome that the host sends next.
	halfClosed bool
	unanswered []uint64 // The last calls of frames on this connection.
	nextLook   time.Time

	completed    uint64 // What the host has executed, in memory.
	durable      uint64
	broken       *seriatimv1.Broken // The final break that it remembers.
	answered     uint64             // What the ledger has taken in.
	acknowledged uint64
	connections  int
}

type sessionCall struct {
	*pendingCall
	writes bool
	ran    int // How often it was executed, with an effect that lasts.
	sentAt time.Time
	fate   string
}

type heldCall struct {
	sequence uint64
	untimely bool // Its time had run out when it came to the host.
}

func newSessionDriver(seed uint64) *sessionDriver {
	options := &Options{
		MaxUnansweredFrames: 2, MaxFrameInvocations: 3, MaxBufferedInvocations: 20, DeadlineGrace: time.Second,
		MaxResumesWithoutProgress: 1000,
	}
	checked, err := options.withDefaults()
	if err != nil {
		panic(err)
	}
	open := &seriatimv1.Open{Namespace: "N", Object: &seriatimv1.Open_Name{Name: "n"}}
	d := &sessionDriver{
		Rand: rand.New(rand.NewPCG(seed, 0)), options: &checked, ledger: newLedger(&checked, open, ""), now: time.Unix(0, 0),
	}
	d.ledger.resumption = newResumption(&checked)
	return d
}

func (d *sessionDriver) failf(format string, args ...any) {
	if d.fault == "" {
		d.fault = fmt.Sprintf(format, args...)
	}
}

// ---- what callers and the client do --------------------------------------------------------------------

func (d *sessionDriver) call() {
	call := &sessionCall{
		pendingCall: &pendingCall{method: "m", bytes: 10, done: make(chan struct{})},
		writes:      d.IntN(2) == 0,
	}
	if d.IntN(8) == 0 {
		call.deadline = d.now.Add(time.Duration(d.IntN(int(time.Minute))))
	}
	if d.ledger.take(call.pendingCall) != nil {
		return
	}
	d.calls = append(d.calls, call)
	if call.sequence != uint64(len(d.calls)) {
		d.failf("number %d, expected %d", call.sequence, len(d.calls))
	}
	if d.connections == 0 {
		d.connect()
	}
}

func (d *sessionDriver) connect() {
	d.ledger.begin()
	d.connections++
	d.connected, d.wasOpened, d.halfClosed = true, false, false
	d.wire, d.opens, d.unanswered = nil, nil, nil
}

// write has the writer ask once.
func (d *sessionDriver) write() {
	if !d.connected {
		return
	}
	out := d.ledger.next(nil, unlimited, d.now)
	switch out.do {
	case stepLeave:
		d.failf("the writer leaves a connection that is there")
	case stepHalfClose:
		if d.answered != uint64(len(d.calls)) || d.ledger.state != stateClosing || d.acknowledged != d.answered {
			d.failf("half-closed with %d calls, %d answered and %d acknowledged", len(d.calls), d.answered, d.acknowledged)
		}
		d.halfClosed = true
	case stepSend:
		d.checkFrame(out)
		d.wire = append(d.wire, out)
	}
}

func (d *sessionDriver) checkFrame(out outgoing) {
	if d.halfClosed {
		d.failf("a frame behind the half-close")
	}
	if out.acknowledged != d.answered {
		d.failf("%d acknowledged, expected %d", out.acknowledged, d.answered)
	}
	d.acknowledged = out.acknowledged
	if session := out.open.GetSession(); session != nil {
		d.checkSession(session)
	} else if d.opens == nil {
		d.failf("the first frame has no session")
	}
	if d.connection > 1 && !d.wasOpened && len(out.calls) > 0 {
		d.failf("calls on connection %d, which isn't opened", d.connection)
	}
	for _, call := range out.calls {
		if sent := d.calls[call.sequence-1]; sent.sentAt.IsZero() {
			sent.sentAt = d.now
		}
	}
	if len(out.calls) > 0 {
		d.unanswered = append(d.unanswered, out.calls[len(out.calls)-1].sequence)
		if len(d.unanswered) > d.options.MaxUnansweredFrames {
			d.failf("%d frames unanswered", len(d.unanswered))
		}
	}
}

func (d *sessionDriver) checkSession(session *seriatimv1.Session) {
	if d.opens != nil {
		d.failf("opened twice on one connection")
	}
	if session.GetConnection() != uint32(d.connections) || session.GetAnsweredThrough() != d.answered {
		d.failf("%v, expected connection %d, answered through %d", session, d.connections, d.answered)
	}
	d.opens, d.connection = session, session.GetConnection()
	age := session.GetUnansweredFor()
	if d.answered == uint64(len(d.calls)) || d.calls[d.answered].sentAt.IsZero() {
		if age != nil {
			d.failf("unanswered for %v, and nothing is", age.AsDuration())
		}
	} else if expected := d.now.Sub(d.calls[d.answered].sentAt); age == nil || age.AsDuration() != expected {
		d.failf("unanswered for %v, expected %v", age, expected)
	}
}

func (d *sessionDriver) pass(time time.Duration) {
	d.now = d.now.Add(time)
	verdicts, _ := d.ledger.overdue(d.now)
	for _, verdict := range verdicts {
		d.hear(verdict)
	}
	d.resume()
}

func (d *sessionDriver) resume() {
	connects, givenUp, next := d.ledger.resumes(d.now)
	switch {
	case givenUp != nil:
		d.end(givenUp, FateUnknown)
	case connects && d.connected:
		d.failf("connected twice")
	case connects:
		d.connect()
	case !d.over && !d.connected && d.connections > 0 && next.IsZero():
		d.failf("nobody looks when to resume")
	}
	if !next.IsZero() && !next.After(d.now) {
		d.failf("to look again at %v, and it is %v", next, d.now)
	}
	d.nextLook = next
}

func (d *sessionDriver) lose(cause *FailureCause, how ending) {
	if !d.connected || d.over {
		return
	}
	switch became := d.ledger.lost(cause, how, d.now, d.Float64()); became.then {
	case thenBreaks:
		d.end(became.cause, became.fate)
	case thenCloses:
		d.closed()
	case thenResumes:
		d.connected = false
		d.resume()
	}
}

func (d *sessionDriver) end(cause *FailureCause, sentFate Fate) {
	verdicts, broke := d.ledger.breakWith(cause, sentFate)
	if broke == d.over {
		d.failf("broke %v, over %v", broke, d.over)
	}
	d.over, d.connected = true, false
	for _, verdict := range verdicts {
		d.hear(verdict)
	}
	for i, call := range d.calls {
		if call.fate == "" {
			d.failf("call %d was not told of the end", i+1)
		}
	}
	d.hostEnds()
}

func (d *sessionDriver) closed() {
	if d.answered != uint64(len(d.calls)) {
		d.failf("closed with %d of %d calls answered", d.answered, len(d.calls))
	}
	d.over, d.connected = true, false
}

func (d *sessionDriver) closeStub() {
	if d.over || !d.ledger.close() {
		return
	}
	if (!d.connected || d.ledger.isResuming()) && d.ledger.finish() {
		d.closed()
	}
}

func (d *sessionDriver) hear(verdict verdict) {
	call := d.calls[verdict.call.sequence-1]
	if call.fate != "" {
		d.failf("call %d is told %v, and was told %s before", verdict.call.sequence, verdict.failure, call.fate)
	}
	call.fate = verdict.failure.Fate.String()
}

// ---- what the host does --------------------------------------------------------------------------------

// arrive takes the next frame in, if the connection is still there.
func (d *sessionDriver) arrive() {
	if !d.connected || len(d.wire) == 0 {
		return
	}
	frame := d.wire[0]
	d.wire = d.wire[1:]
	if session := frame.open.GetSession(); session != nil {
		d.queue = nil // Of the connection before.
		switch d.IntN(12) {
		case 0:
			d.refuse(ReasonHostDraining, codes.Unavailable, true)
			return
		case 1:
			d.refuse(ReasonSessionSuperseded, codes.Aborted, false)
			return
		}
		d.completed = max(d.completed, session.GetAnsweredThrough())
		d.expected, d.toSend = d.completed+1, session.GetAnsweredThrough()+1
		if d.receive(&seriatimv1.ConnectResponse{Opened: &seriatimv1.Opened{Id: driverID, Session: &seriatimv1.OpenedSession{
			CompletedThrough: d.completed, Retention: durationpb.New(time.Hour),
		}}}) {
			d.wasOpened = true
		}
	}
	for _, call := range frame.calls {
		if call.sequence != d.expected {
			d.failf("call %d came, expected %d", call.sequence, d.expected)
		}
		d.expected++
		d.queue = append(d.queue, &heldCall{call.sequence, call.timeIsUp(d.now)})
	}
}

func (d *sessionDriver) refuse(reason Reason, code codes.Code, retryable bool) {
	cause := newCause(reason, code, "refused")
	cause.Retryable = retryable
	d.lose(cause, endedRefused)
}

// execute runs the next call that the host has.
func (d *sessionDriver) execute() {
	if len(d.queue) == 0 || d.broken != nil {
		return
	}
	next := d.queue[0]
	d.queue = d.queue[1:]
	if next.sequence != d.completed+1 {
		d.failf("call %d runs behind %d", next.sequence, d.completed)
	}
	if next.untimely {
		d.broken = &seriatimv1.Broken{
			Cause: &spb.Status{Code: int32(codes.DeadlineExceeded)}, CompletedThrough: d.completed, FailedSequence: next.sequence,
		}
		d.queue = nil
		return
	}
	d.completed++
	call := d.calls[d.completed-1]
	call.ran++
	if call.ran > 1 {
		d.failf("call %d was executed %d times", d.completed, call.ran)
	}
	if call.writes {
		d.durable = d.completed
	}
}

// crash loses what isn't durable, with the connection. What wrote nothing has never run, as far as anyone can tell.
func (d *sessionDriver) crash() {
	for d.completed > max(d.durable, d.answered) {
		d.calls[d.completed-1].ran--
		d.completed--
	}
	if d.broken != nil && d.broken.CompletedThrough > d.completed {
		d.broken = nil
	}
	d.queue = nil
	d.cut()
}

func (d *sessionDriver) cut() {
	cause := newCause(ReasonConnectionLost, codes.Unavailable, "cut")
	cause.Retryable = true
	d.lose(cause, endedLost)
}

// tell sends what the host has to say: some outcomes, or the break behind all of them, or the end.
func (d *sessionDriver) tell() {
	switch {
	case !d.connected || !d.wasOpened:
	case d.toSend <= d.completed:
		frame := &seriatimv1.ConnectResponse{}
		for range 1 + d.IntN(4) {
			if d.toSend <= d.completed {
				frame.Outcomes = append(frame.Outcomes, &seriatimv1.Outcome{
					Sequence: d.toSend, Result: &seriatimv1.Outcome_Message{Message: make([]byte, d.IntN(40_000))},
				})
				d.toSend++
			}
		}
		d.receive(frame)
		d.write() // When outcomes are acknowledged alone is held to here.
		if r := d.ledger.resumption; !d.over && d.connected && (r.unsaidBytes >= acknowledgedBytes) {
			d.failf("%d bytes of outcomes aren't acknowledged", r.unsaidBytes)
		}
	case d.broken != nil:
		d.receive(&seriatimv1.ConnectResponse{Broken: d.broken})
	case d.halfClosed && len(d.wire) == 0:
		if !d.ledger.finish() {
			d.failf("not finished")
		}
		d.closed()
	}
}

// reset breaks the connection for a while: what isn't told had no effect.
func (d *sessionDriver) reset() {
	if !d.connected || !d.wasOpened || d.toSend <= d.completed || d.broken != nil {
		return
	}
	d.queue = nil
	d.receive(&seriatimv1.ConnectResponse{Broken: &seriatimv1.Broken{
		Cause: &spb.Status{Code: int32(codes.Aborted)}, CompletedThrough: d.completed, Retryable: true,
	}})
}

// receive has the ledger take in a frame; whether it goes on.
func (d *sessionDriver) receive(frame *seriatimv1.ConnectResponse) bool {
	got := d.ledger.receive(frame, nil, d.now)
	if got.violated != nil {
		d.failf("a good frame is taken for %v", got.violated)
		return false
	}
	for _, call := range got.answered {
		d.answered++
		if call != d.calls[d.answered-1].pendingCall {
			d.failf("call %d answered, expected %d", call.sequence, d.answered)
		}
		if d.calls[d.answered-1].ran != 1 {
			d.failf("call %d is answered, and ran %d times", d.answered, d.calls[d.answered-1].ran)
		}
		if d.calls[d.answered-1].fate == "" {
			d.calls[d.answered-1].fate = "answered"
		}
	}
	for len(d.unanswered) > 0 && d.unanswered[0] <= d.answered {
		d.unanswered = d.unanswered[1:]
	}
	if got.told != nil {
		d.lose(got.told, endedTold)
		return false
	}
	return true
}

// hostEnds is what the host does with what it has when the stub is gone: it may execute that, or not.
func (d *sessionDriver) hostEnds() {
	for len(d.queue) > 0 && d.IntN(2) == 0 && d.fault == "" {
		d.execute()
	}
	for i, call := range d.calls {
		if call.fate == "NOT_EXECUTED" && call.ran > 0 {
			d.failf("call %d is said not to have been executed, and was", i+1)
		}
		if call.fate == "answered" && call.ran != 1 {
			d.failf("call %d was answered, and ran %d times", i+1, call.ran)
		}
	}
}

func (d *sessionDriver) happen() string {
	switch n := d.IntN(100); {
	case n < 20:
		d.call()
		return "call"
	case n < 45:
		d.write()
		return "write"
	case n < 60:
		d.arrive()
		return "arrive"
	case n < 75:
		d.execute()
		return "execute"
	case n < 88:
		d.tell()
		return "tell"
	case n < 90:
		d.cut()
		return "cut"
	case n < 91:
		d.crash()
		return "crash"
	case n < 93:
		d.reset()
		return "reset"
	case n < 99:
		d.pass(time.Duration(d.IntN(int(4 * time.Second))))
		return "time"
	case d.IntN(20) == 0:
		d.closeStub()
		return "close"
	case d.IntN(50) == 0:
		d.end(newCause(ReasonStubCancelled, codes.Canceled, "cancelled"), FateUnknown)
		return "cancel"
	}
	return "nothing"
}

func TestResumableLedgersInRandomOrdersOfManyEvents(t *testing.T) {
	SameOnLanes(t)
	ended, answered, connections := 0, 0, 0
	seeds := Seeds(1000)
	for _, seed := range seeds {
		d := newSessionDriver(seed)
		var history []string
		for range 600 {
			if !d.over {
				history = append(history, d.happen())
			}
			if d.fault != "" {
				t.Fatalf("seed %d: %s, behind %v", seed, d.fault, history)
			}
		}
		if d.over {
			ended++
		}
		answered += int(d.answered)
		connections += d.connections
	}
	t.Logf("%d of %d stubs ended, with %d calls answered on %d connections", ended, len(seeds), answered, connections)
	if len(seeds) > 1 && (ended < 100 || answered < 10_000 || connections < 5_000) {
		t.Error("the events don't try enough")
	}
}

func TestPausesBeforeAStubIsResumed(t *testing.T) {
	d := newSessionDriver(0)
	d.call()
	connectionLost := newCause(ReasonConnectionLost, codes.Unavailable, "lost")
	connectionLost.Retryable = true
	overloaded := newCause(ReasonConnectionLost, codes.ResourceExhausted, "too much")
	overloaded.Overloaded = true
	pause := func(cause *FailureCause, random float64) time.Duration {
		if became := d.ledger.lost(cause, endedLost, d.now, random); became.then != thenResumes {
			t.Fatalf("the stub isn't resumed: %+v", became)
		}
		pause := d.ledger.resumption.resumesAt.Sub(d.now)
		d.connect()
		return pause
	}
	expect := func(random float64, expected ...time.Duration) {
		t.Helper()
		for i, one := range expected {
			if got := pause(connectionLost, random); got != one*time.Millisecond {
				t.Errorf("pause %d is %v, expected %v", i+1, got, one*time.Millisecond)
			}
		}
	}
	open := func(answers bool) {
		d.ledger.next(nil, unlimited, d.now)
		d.receive(&seriatimv1.ConnectResponse{Opened: &seriatimv1.Opened{Id: driverID, Session: &seriatimv1.OpenedSession{}}})
		if answers {
			d.ledger.next(nil, unlimited, d.now)
			d.calls[0].ran = 1
			d.receive(&seriatimv1.ConnectResponse{Outcomes: []*seriatimv1.Outcome{{Sequence: 1}}})
		}
	}
	expect(1, 0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000)
	expect(0, 2500)
	open(false)
	expect(1, 5000) // It has not got on.
	open(false)
	d.now = d.now.Add(d.options.MaxResumeBackoff)
	expect(1, 0, 50)
	open(true)
	expect(1, 0, 50)
	if got := pause(overloaded, 1); got != 4*time.Second {
		t.Errorf("the pause is %v", got)
	}
	d.ledger.resumption.attempts = 0
	if got := pause(overloaded, 0); got != 500*time.Millisecond {
		t.Errorf("the first pause is %v", got)
	}
}
