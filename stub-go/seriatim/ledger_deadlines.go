package seriatim

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
)

// overdue gives the calls that end for their callers by now, since their time has run out, and when to look again; zero,
// if no call's time is running. The stub goes on, and such a call keeps its place: the host will tell what became of it.
//
// The host breaks the stub at a call whose time has run out when nothing of the stub stands before it. So if the oldest
// call's time has run out too, the host's word is on its way, and is awaited for Options.DeadlineGrace. Otherwise an older
// call, which has more time, may keep the host from saying anything.
func (l *ledger) overdue(now time.Time) (verdicts []verdict, next time.Time) {
	l.awaitsWord = false
	if l.isOver() || len(l.queue.calls) == 0 {
		return nil, time.Time{}
	}
	oldest := l.queue.calls[0]
	toldSoon := oldest.timeIsUp(now) && !l.isResuming()
	soonest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, call := range l.queue.calls {
		if call.deadline.IsZero() || call.overdue {
			continue
		}
		if !call.timeIsUp(now) {
			soonest(call.deadline)
			continue
		}
		message := fmt.Sprintf("its deadline passed behind call %d, which has no answer yet", oldest.sequence)
		if l.isResuming() {
			message = "its deadline passed while the stub had no connection"
		}
		if toldSoon {
			if patience := call.deadline.Add(l.options.DeadlineGrace); now.Before(patience) {
				l.awaitsWord = true
				soonest(patience)
				continue
			}
			message = fmt.Sprintf("no answer %v after its deadline", l.options.DeadlineGrace)
			if l.resumption != nil {
				l.resumption.silent = l.opened
			}
		}
		call.overdue = true
		l.overdues++
		cause := newCause(ReasonAnswerOverdue, codes.DeadlineExceeded, message)
		cause.FailedSequence = call.sequence
		verdicts = append(verdicts, l.judge(call, cause, FateUnknown))
	}
	return verdicts, next
}
