package seriatim

// keptRoom is for how many calls a queue keeps the room when it is empty.
const keptRoom = 64

// callQueue holds the calls of a stub that are not answered, in the order of their numbers: first those that
// were sent, then those that wait. Part of the ledger.
type callQueue struct {
	calls        []*pendingCall // The call with number answered+1 comes first.
	answered     uint64         // The number of the last call that was answered.
	sent         uint64         // The number of the last call that was handed to the transport.
	waitingBytes int
}

// last is the number of the last call that was taken in.
func (q *callQueue) last() uint64 { return q.answered + uint64(len(q.calls)) }

// waiting is how many calls are not sent yet.
func (q *callQueue) waiting() int { return int(q.last() - q.sent) }

// add gives a call its number.
func (q *callQueue) add(call *pendingCall) {
	call.sequence = q.last() + 1
	q.calls = append(q.calls, call)
	q.waitingBytes += call.bytes
}

// cut is how many of the calls that wait make one frame, and how many bytes they have: as many as wait, but no more than
// count and bytes, unless the first one has more bytes by itself.
func (q *callQueue) cut(count, bytes int) (cutCalls, cutBytes int) {
	for _, call := range q.calls[q.sent-q.answered:] {
		if cutCalls > 0 && (cutCalls >= count || cutBytes+call.bytes > bytes) {
			break
		}
		cutCalls++
		cutBytes += call.bytes
	}
	return cutCalls, cutBytes
}

// send marks the next count calls, which wait, as sent, and appends them to frame.
func (q *callQueue) send(frame []*pendingCall, count int) []*pendingCall {
	for _, call := range q.calls[q.sent-q.answered:][:count] {
		frame = append(frame, call)
		q.waitingBytes -= call.bytes
	}
	q.sent += uint64(count)
	return frame
}

// takeBack is that the calls that were sent wait again.
func (q *callQueue) takeBack() { q.sentThrough(q.answered) }

// sentThrough is that the calls up to this number count as sent, and no others. It is a number of those here, or the one
// before.
func (q *callQueue) sentThrough(sequence uint64) {
	q.sent = sequence
	q.waitingBytes = 0
	for _, call := range q.calls[sequence-q.answered:] {
		q.waitingBytes += call.bytes
	}
}

// answer takes out the next count calls, which must have been sent, and appends them to answered.
func (q *callQueue) answer(answered []*pendingCall, count int) []*pendingCall {
	answered = append(answered, q.calls[:count]...)
	clear(q.calls[:count])
	if count == len(q.calls) && cap(q.calls) <= keptRoom {
		q.calls = q.calls[:0] // Most stubs have few calls at a time, and need no new room for each.
	} else {
		q.calls = q.calls[count:]
	}
	q.answered += uint64(count)
	return answered
}

// clear takes out all calls. The numbers stay.
func (q *callQueue) clear() []*pendingCall {
	calls := q.calls
	q.calls = nil
	return calls
}

// frameWindow holds the frames that were sent and are not fully answered, each by the number of its last
// invocation. Part of the ledger.
type frameWindow struct {
	size int
	last []uint64
}

func (w *frameWindow) hasRoom() bool { return len(w.last) < w.size }

func (w *frameWindow) sent(sequence uint64) { w.last = append(w.last, sequence) }

func (w *frameWindow) answered(through uint64) {
	n := 0
	for n < len(w.last) && w.last[n] <= through {
		n++
	}
	w.last = append(w.last[:0], w.last[n:]...)
}
