package seriatim

import "time"

const (
	// maxUnansweredMessages: with fewer messages of a shared call unanswered, what there is to send leaves at once.
	maxUnansweredMessages = 4

	// gatherTime is how long what there is to send waits at most for the next message from the host, since the last one left.
	gatherTime = time.Millisecond
)

// messageClock says when the next message of a shared call may leave: at once while few are unanswered, and otherwise with
// the next message from the host, so that a message gathers what many stubs have to send; but no slow object holds the
// others back for longer than a moment. Until the host has begun to answer the call only one message leaves, since it may
// have no shared calls. It is told what happens and what time it is. Part of the book.
type messageClock struct {
	accepted   bool // The host has begun to answer.
	unanswered int  // Messages sent less messages that came, but never less than none.
	released   bool // One has come since the last was sent.
	last       time.Time
}

// next tells whether a message may leave now; if not, when it may in any case, or zero if only a message from the host
// changes that.
func (c *messageClock) next(now time.Time) (leaves bool, at time.Time) {
	switch {
	case !c.accepted:
		return c.unanswered == 0, time.Time{}
	case c.unanswered < maxUnansweredMessages || c.released:
		return true, time.Time{}
	}
	at = c.last.Add(gatherTime)
	return !now.Before(at), at
}

// sent is that a message leaves.
func (c *messageClock) sent(now time.Time) {
	if c.unanswered >= maxUnansweredMessages && !c.released {
		c.unanswered = 0 // Those before it say nothing of what the host answers now: maybe some have no answer at all.
	}
	c.unanswered++
	c.released = false
	c.last = now
}

// came is that a message has come.
func (c *messageClock) came() {
	c.accepted = true
	c.released = true
	c.unanswered = max(0, c.unanswered-1)
}
