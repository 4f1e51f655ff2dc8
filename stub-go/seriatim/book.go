package seriatim

import (
	"time"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// maxMessageBytes bounds the parts of a message, unless it has only one, so that no lane delays its neighbours for long.
const maxMessageBytes = 256 << 10

// laneBook is what a client knows of one shared call: its lanes and their numbers, which of them want to send, and
// whether new ones are let in. It has no goroutine, no clock, no lock and no connection: its owner guards it, tells it
// what happens and what time it is, and does what it says.
type laneBook struct {
	clock    messageClock
	lanes    map[uint64]*lane // Those that have a number and are not over.
	numbered uint64           // The last number.
	open     int              // Lanes that are not over, those without a number included.
	ready    []*lane          // Those that have come to want to send since the writer looked.
	heard    bool             // A message has come: the host has shared calls for certain.
	retired  bool             // No more lanes are let in, and the call is half-closed when the last one is over.
	ended    bool             // The call is over.
}

// admit lets one more lane in; whether it did.
func (b *laneBook) admit() bool {
	if b.retired || b.ended {
		return false
	}
	b.open++
	return true
}

// isDone tells whether nothing is left for the call but its end.
func (b *laneBook) isDone() bool { return b.retired && b.open == 0 && b.clock.accepted }

// find gives those to whom the parts of a message belong: nil at the place of a lane that is over. It stops at a part that
// belongs to none, which breaks the contract.
func (b *laneBook) find(parts []*seriatimv1.LaneResponse, found []*lane) ([]*lane, *FailureCause) {
	for _, part := range parts {
		number := part.GetLane()
		if number == 0 || number > b.numbered {
			return found, violation("lane %d, expected 1 to %d", number, b.numbered)
		}
		found = append(found, b.lanes[number])
	}
	return found, nil
}

// over is that a lane has ended or is given up; whether it wasn't before.
func (b *laneBook) over(l *lane) bool {
	if l.over.Swap(true) {
		return false
	}
	delete(b.lanes, l.number.Load())
	b.open--
	return true
}

// sent is that a message leaves, with the first parts of these lanes.
func (b *laneBook) sent(now time.Time, last uint64, fresh []*lane) {
	b.clock.sent(now)
	b.numbered = last
	for _, l := range fresh {
		if !l.over.Load() {
			b.lanes[l.number.Load()] = l
		}
	}
}

// left gives all lanes that are not over, with those that stand in line and have no number yet. Now they are.
func (b *laneBook) left(line []*lane) []*lane {
	left := make([]*lane, 0, b.open)
	take := func(l *lane) {
		if !l.over.Swap(true) {
			left = append(left, l)
		}
	}
	for _, l := range b.lanes {
		take(l)
	}
	for _, l := range line {
		take(l)
	}
	for _, l := range b.ready {
		take(l)
	}
	b.lanes, b.ready, b.open = nil, nil, 0
	return left
}

// laneLine has the lanes that want to send, in the order of their turns, and makes messages of what they send. The
// writer's own.
type laneLine struct {
	waiting  []*lane
	numbered uint64 // The last number that a lane got.
	scratch  []*pendingCall
	fresh    []*lane // Those that got a number with the last message.
}

// asked is what became of a lane that was asked for something to send.
type asked int

const (
	askedNone   asked = iota // It has nothing.
	askedLast                // It has given its last part.
	askedMore                // It has given a part, and has more.
	askedNoRoom              // It has a part for which there was no room.
)

// gather makes a message of what the lanes in line send; nil, if they have nothing.
func (l *laneLine) gather() *seriatimv1.ConnectManyRequest {
	l.fresh = l.fresh[:0]
	var parts []*seriatimv1.LaneRequest
	size, first := 0, 0
	for ; first < len(l.waiting); first++ {
		room := unlimited
		if len(parts) > 0 {
			if room = maxMessageBytes - size; room < partBytes {
				break
			}
		}
		next := l.waiting[first]
		next.inLine.Store(false) // From now on it is woken again.
		part, bytes, became := next.part(room, &l.scratch)
		if became == askedNoRoom {
			if next.inLine.CompareAndSwap(false, true) {
				break
			}
			continue // It is ready again, and comes back so.
		}
		if part == nil {
			continue
		}
		l.number(next)
		part.Lane = next.number.Load()
		parts = append(parts, part)
		size += bytes
		if became == askedMore && next.inLine.CompareAndSwap(false, true) {
			l.waiting = append(l.waiting, next)
		}
	}
	rest := copy(l.waiting, l.waiting[first:])
	clear(l.waiting[rest:])
	l.waiting = l.waiting[:rest]
	if parts == nil {
		return nil
	}
	return &seriatimv1.ConnectManyRequest{Lanes: parts}
}

func (l *laneLine) number(next *lane) {
	if next.number.Load() == 0 {
		l.numbered++
		next.number.Store(l.numbered)
		l.fresh = append(l.fresh, next)
	}
}
