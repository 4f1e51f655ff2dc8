package seriatim

import (
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

const (
	sessionIDBytes = 16

	// What a frame has at most beside calls and open, if the stub is resumable: the acknowledgement, and the session.
	sessionFrameBytes = 80

	// So many outcomes, or bytes of them, are acknowledged also if nothing else leaves.
	acknowledgedOutcomes = 256
	acknowledgedBytes    = 64 << 10

	overloadedBackoff = time.Second // The first pause, if the host had too much to do.
)

// resumption is what the ledger of a resumable stub knows beside that of an ordinary one: of its session and the
// connections which carry it one after the other. Part of the ledger.
type resumption struct {
	options *Options
	id      [sessionIDBytes]byte

	connection uint32 // The number of the connection that carries the stub, or did so last; 0 before the first.
	suspended  bool   // None does.
	noMore     bool   // There is no way to another one.
	confirmed  bool   // The host has said that the stub is resumable.
	progressed bool   // An outcome has come on this connection.
	silent     bool   // The host has let a deadline pass on this connection, and some time after it.
	openedAt   time.Time

	handedOut uint64 // The last call that ever was handed to the transport.
	uncertain uint64 // The last call of which it isn't certain that it had no effect.
	sends     []sending
	retention time.Duration // What the host said on this connection; 0, if it hasn't.

	acknowledged uint64 // The last outcome that the host was told of.
	unsaidBytes  int    // Of outcomes that came behind it.

	loss      *FailureCause // What has ended the last connection that was opened; nil while there is one.
	lostAt    time.Time
	resumesAt time.Time
	attempts  int // To resume, since the stub has got on.
	fruitless int // Connections that were opened, and brought no outcome, since the last one that came.
}

// sending is when calls were handed to the transport for the first time that are not answered: all those behind the
// sending before.
type sending struct {
	last      uint64
	at        time.Time
	retention time.Duration // What the host said on the connection that they were sent on; 0, if it didn't.
}

// newResumption gives a session of its own to a stub.
func newResumption(options *Options) *resumption {
	r := &resumption{options: options}
	_, _ = rand.Read(r.id[:]) // Never fails.
	return r
}

// ---- connections, as the ledger sees them --------------------------------------------------------------

// begin is that something new carries the stub.
func (l *ledger) begin() {
	r := l.resumption
	if r == nil {
		return
	}
	r.connection++
	r.suspended, r.progressed, r.silent = false, false, false
	r.retention = 0
	l.opened, l.openSent, l.halfClosed = false, false, false
}

// resumeNoMore is that there will be no other connection.
func (l *ledger) resumeNoMore() {
	if l.resumption != nil {
		l.resumption.noMore = true
	}
}

// connection is the number of what carries the stub, or did so last; always 0 for a stub that isn't resumable.
func (l *ledger) connection() uint32 {
	if l.resumption == nil {
		return 0
	}
	return l.resumption.connection
}

// isResuming tells whether the stub has lost its connection, and no other one has been opened yet.
func (l *ledger) isResuming() bool {
	return l.resumption != nil && (l.resumption.suspended || l.resumption.connection > 1 && !l.opened)
}

// mayHaveRun is the number of the last call that may have had an effect.
func (l *ledger) mayHaveRun() uint64 {
	if l.resumption != nil {
		return max(l.queue.answered, l.resumption.uncertain)
	}
	return l.queue.sent
}

// ---- frames up -----------------------------------------------------------------------------------------

// hasSessionToTell tells whether a frame is to leave though it has no calls.
func (l *ledger) hasSessionToTell() bool {
	r := l.resumption
	switch {
	case r == nil || r.suspended:
		return false
	case l.isResuming():
		return !l.openSent
	}
	return l.queue.answered-r.acknowledged >= acknowledgedOutcomes || r.unsaidBytes >= acknowledgedBytes
}

// hasToAcknowledge tells whether there are outcomes that the host wasn't told of.
func (l *ledger) hasToAcknowledge() bool {
	return l.resumption != nil && l.resumption.acknowledged < l.queue.answered
}

// sendsInSession is that a frame leaves.
func (l *ledger) sendsInSession(out *outgoing, now time.Time) {
	r := l.resumption
	if out.open != nil {
		out.open = &seriatimv1.Open{Namespace: out.open.Namespace, Object: out.open.Object, Session: &seriatimv1.Session{
			Id:              r.id[:],
			Connection:      r.connection,
			AnsweredThrough: l.queue.answered,
			UnansweredFor:   r.unansweredFor(now),
		}}
	}
	if len(out.calls) > 0 {
		r.uncertain = l.queue.sent
	}
	if l.queue.sent > r.handedOut {
		r.handedOut = l.queue.sent
		r.sends = append(r.sends, sending{last: l.queue.sent, at: now, retention: r.retention})
	}
	out.acknowledged = l.queue.answered
	r.acknowledged, r.unsaidBytes = l.queue.answered, 0
}

// unansweredFor is for how long the oldest call has been on its way that was sent and isn't answered; nil, if there is none.
func (r *resumption) unansweredFor(now time.Time) *durationpb.Duration {
	if len(r.sends) == 0 {
		return nil
	}
	return durationpb.New(max(0, now.Sub(r.sends[0].at)))
}

// takeBack is that nothing of what was sent on this connection has come to the host.
func (r *resumption) takeBack() {
	if r.connection == 1 { // On a later one no calls were sent.
		r.handedOut, r.uncertain, r.sends = 0, 0, nil
	}
}

// ---- frames down ---------------------------------------------------------------------------------------

// sessionOpened takes in where the host stands: what it has completed is answered by itself, and everything behind goes
// again.
func (l *ledger) sessionOpened(opened *seriatimv1.Opened, now time.Time) *FailureCause {
	r := l.resumption
	session := opened.GetSession()
	through := session.GetCompletedThrough()
	switch {
	case session == nil && r.connection == 1:
		l.resumption = nil // It was an ordinary stub all the time.
		return nil
	case session == nil:
		cause := newCause(ReasonConnectionLost, codes.Unavailable, fmt.Sprintf(
			"the host that connection %d of the stub came to has no resumable stubs", r.connection))
		cause.Retryable = true
		return cause
	case through < l.queue.answered:
		return violation("the session has completed call %d, and call %d was answered", through, l.queue.answered)
	case through > r.handedOut:
		return violation("the session has completed call %d, and call %d was the last to be sent", through, r.handedOut)
	}
	r.retention = max(0, session.GetRetention().AsDuration())
	if r.connection > 1 {
		l.queue.sentThrough(through)
		r.uncertain = through // What is behind it had no effect.
	}
	for i := range r.sends {
		if r.sends[i].retention == 0 {
			r.sends[i].retention = r.retention
		}
	}
	r.confirmed, r.openedAt = true, now
	r.loss, r.lostAt = nil, time.Time{}
	l.expectedID = opened.GetId()
	return nil
}

// answered is that outcomes have come, up to this one.
func (r *resumption) answered(through uint64, outcomes []*seriatimv1.Outcome) {
	r.progressed = true
	r.fruitless = 0
	n := 0
	for n < len(r.sends) && r.sends[n].last <= through {
		n++
	}
	r.sends = append(r.sends[:0], r.sends[n:]...)
	r.unsaidBytes += sizeOfOutcomes(&seriatimv1.ConnectResponse{Outcomes: outcomes})
}

// ---- the end of a connection ---------------------------------------------------------------------------

// ending is how a connection has ended.
type ending int

const (
	endedLost    ending = iota // Without a word of the host's about why, or by this client, which had no more of it.
	endedTold                  // By a break behind opened.
	endedRefused               // By a break in place of opened.
)

// aftermath is what becomes of the stub when its connection has ended.
type aftermath struct {
	then  aftermathStep
	cause *FailureCause // If it breaks; with the fate of the calls that were sent.
	fate  Fate
}

type aftermathStep int

const (
	thenBreaks aftermathStep = iota
	thenCloses               // In order: it was closed, and everything is answered.
	thenResumes
)

// lost is that the connection has ended so. The random number, of 0 to 1, spreads the next attempts of many stubs.
func (l *ledger) lost(cause *FailureCause, how ending, now time.Time, random float64) aftermath {
	r := l.resumption
	breaks := aftermath{thenBreaks, cause, FateUnknown}
	hadNoEffect := how == endedTold || how == endedRefused &&
		(r == nil || r.connection == 1 && cause.Reason != ReasonSessionSuperseded)
	if hadNoEffect {
		breaks.fate = FateNotExecuted
	}
	if r == nil {
		return breaks
	}
	if hadNoEffect {
		r.uncertain = l.queue.answered
	}
	outlives := r.outlives(cause, how)
	if (outlives || how == endedLost) && l.finish() {
		return aftermath{then: thenCloses}
	}
	if !outlives {
		return breaks
	}
	wasThere := l.opened || how == endedRefused && !cause.Retryable
	if wasThere && !r.progressed && r.connection > 1 && len(l.queue.calls) > 0 {
		if r.fruitless++; r.fruitless >= r.options.MaxResumesWithoutProgress {
			breaks.cause = cause.with(fmt.Sprintf("and the stub was resumed %d times without one more answer", r.fruitless))
			return breaks
		}
	}
	l.suspend(cause, now, random)
	return aftermath{then: thenResumes}
}

// outlives tells whether the session goes on.
func (r *resumption) outlives(cause *FailureCause, how ending) bool {
	if r.noMore {
		return false
	}
	switch how {
	case endedTold:
		return cause.Retryable
	case endedRefused: // Superseded by its own frames, which came twice: this client has opened no newer one.
		return cause.Retryable || cause.Reason == ReasonSessionSuperseded
	}
	switch cause.Reason {
	case ReasonConnectionLost, ReasonOpenOverdue:
		return r.confirmed || cause.Retryable || cause.Overloaded // Else there may be no host at all.
	}
	return false
}

// suspend has the stub wait for its next connection, with its calls.
func (l *ledger) suspend(cause *FailureCause, now time.Time, random float64) {
	r := l.resumption
	if r.progressed || l.opened && now.Sub(r.openedAt) >= r.options.MaxResumeBackoff {
		r.attempts = 0
	}
	if r.loss == nil {
		r.loss, r.lostAt = cause, now
	}
	l.queue.takeBack()
	l.window.last = nil
	l.awaitsWord = false
	r.suspended = true
	r.resumesAt = now.Add(r.pause(cause.Overloaded, random))
	r.attempts++
}

// pause is how long to wait before the next attempt to resume.
func (r *resumption) pause(overloaded bool, random float64) time.Duration {
	pause, doublings := r.options.ResumeBackoff, r.attempts-1
	switch {
	case overloaded:
		pause, doublings = overloadedBackoff, r.attempts
	case r.attempts == 0:
		return 0
	}
	for ; doublings > 0 && pause < r.options.MaxResumeBackoff; doublings-- {
		pause *= 2
	}
	pause = min(pause, r.options.MaxResumeBackoff)
	return pause/2 + time.Duration(random*float64(pause/2))
}

// ---- the next connection -------------------------------------------------------------------------------

// resumes tells whether the stub is to get its next connection now, or why it is given up; and when to ask again, or zero
// if there is nothing to wait for.
func (l *ledger) resumes(now time.Time) (connects bool, givenUp *FailureCause, next time.Time) {
	r := l.resumption
	if l.isOver() || r == nil || r.loss == nil {
		return false, nil, time.Time{}
	}
	last, why := r.lostAt.Add(r.options.ResumeTimeout), fmt.Sprintf("within %v", r.options.ResumeTimeout)
	if len(r.sends) > 0 && r.sends[0].retention > 0 {
		oldest := r.sends[0]
		if forgets := oldest.at.Add(oldest.retention / 2); forgets.Before(last) {
			last, why = forgets, fmt.Sprintf("before half of the %v were over for which the host remembers", oldest.retention)
		}
	}
	switch {
	case !now.Before(last):
		return false, r.loss.with("and the stub was not resumed " + why), time.Time{}
	case !r.suspended:
		return false, nil, last
	case !now.Before(r.resumesAt):
		return true, nil, last
	case r.resumesAt.Before(last):
		return false, nil, r.resumesAt
	}
	return false, nil, last
}

// with is the same cause, with more in its message.
func (c *FailureCause) with(more string) *FailureCause {
	cause := *c
	cause.Message = fmt.Sprintf("%s, %s", c.Message, more)
	cause.proto = proto.CloneOf(c.proto)
	cause.proto.Message = cause.Message
	return &cause
}
