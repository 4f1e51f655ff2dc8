package seriatim

import (
	"io"
	"sync/atomic"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

const (
	// partBytes is the most that a part has beside its frame: tags, lengths, the lane's number, credit.
	partBytes = 32

	// creditBytes: when the host may be given so much credit, it is told even if there is nothing else to say.
	creditBytes = 64 << 10
)

// lane carries one session on a shared call. It has no goroutine: the call's writer asks it for what it has to send, and the
// call's reader gives it what comes.
type lane struct {
	session *session
	call    *sharedCall

	number atomic.Uint64 // 0 before its first part is in a message. Written by the call's writer.
	inLine atomic.Bool   // It stands in line to send, or is ready to.
	over   atomic.Bool   // It has ended or is given up. Written under the call's lock.
	gaveUp atomic.Bool   // It is over, and the host has to be told.
	owed   atomic.Uint32 // What the host may be given as credit.

	told   bool // The host has been told that it is given up. The writer's.
	opened bool // The host has opened the stub. The reader's.
}

// ---- what the session says -----------------------------------------------------------------------------

func (l *lane) wake() {
	if !l.over.Load() && !l.inLine.Swap(true) {
		l.call.ready(l)
	}
}

func (l *lane) hangUp() {
	if l.call.giveUp(l) {
		l.session.leave(l)
	}
}

func (l *lane) isCarried() bool { return l.call.streamed.Load() }

// callOut keeps the call's goroutine for the other lanes.
func (l *lane) callOut(f func()) { go f() }

// ---- what the call's writer asks -----------------------------------------------------------------------

// part is what is to be sent next, if it has no more bytes than room; and the most bytes that it can have.
func (l *lane) part(room int, scratch *[]*pendingCall) (part *seriatimv1.LaneRequest, bytes int, became asked) {
	if l.over.Load() {
		if !l.gaveUp.Load() || l.told || l.number.Load() == 0 {
			return nil, 0, askedNone
		}
		l.told = true
		return &seriatimv1.LaneRequest{What: &seriatimv1.LaneRequest_Cancel{Cancel: true}}, partBytes, askedLast
	}
	if room != unlimited {
		room -= partBytes
	}
	out, more := l.session.nextWithin(l, room, (*scratch)[:0])
	switch out.do {
	case stepNoRoom:
		return nil, 0, askedNoRoom
	case stepSend:
		part = framePartOf(&out)
		clear(out.calls)
		*scratch = out.calls
	case stepHalfClose:
		part = &seriatimv1.LaneRequest{What: &seriatimv1.LaneRequest_HalfClose{HalfClose: true}}
	default:
		if l.owed.Load() < creditBytes {
			return nil, 0, askedNone
		}
		part = &seriatimv1.LaneRequest{}
	}
	part.MoreBytes = l.owed.Swap(0)
	if more {
		return part, out.bytes + partBytes, askedMore
	}
	return part, out.bytes + partBytes, askedLast
}

// framePart is a part of a lane with a frame of one call, in one piece, as most are.
type framePart struct {
	part        seriatimv1.LaneRequest
	what        seriatimv1.LaneRequest_Frame
	frame       seriatimv1.ConnectRequest
	invocations [1]*seriatimv1.Invocation
	invocation  invocation
}

// framePartOf is a frame as a part of a lane.
func framePartOf(out *outgoing) *seriatimv1.LaneRequest {
	if len(out.calls) != 1 {
		return &seriatimv1.LaneRequest{What: &seriatimv1.LaneRequest_Frame{Frame: frameOf(out)}}
	}
	p := &framePart{}
	p.invocations[0] = p.invocation.invoke(out.calls[0])
	p.frame.Open = out.open
	p.frame.Invocations = p.invocations[:]
	p.frame.AcknowledgedThrough = out.acknowledged
	p.what.Frame = &p.frame
	p.part.What = &p.what
	return &p.part
}

// ---- what the call's reader tells ----------------------------------------------------------------------

// take takes in what the host says on this lane.
func (l *lane) take(part *seriatimv1.LaneResponse, answered []*pendingCall) []*pendingCall {
	if frame := part.GetFrame(); frame != nil && !l.over.Load() {
		answered = l.takeFrame(frame, answered)
	}
	if end := part.GetEnd(); end != nil && l.call.forget(l) {
		l.ended(end)
		l.session.leave(l)
	}
	return answered
}

// ended is that the host has ended it with this status, as it would end a call.
func (l *lane) ended(end *spb.Status) {
	switch {
	case end.GetCode() != int32(codes.OK):
		l.session.lose(l, lostCause(status.ErrorProto(end)), endedLost)
	case !l.session.endedInOrder(l):
		l.session.lose(l, lostCause(io.EOF), endedLost)
	}
}

func (l *lane) takeFrame(frame *seriatimv1.ConnectResponse, answered []*pendingCall) []*pendingCall {
	size, most := sizeOfOutcomes(frame), l.session.options.MaxInboundFrameBytes
	if size > most {
		l.session.lose(l, lostCause(status.Errorf(codes.ResourceExhausted,
			"grpc: received message larger than max (%d vs. %d)", size, most)), endedLost)
		return answered
	}
	l.opened = l.opened || frame.GetOpened() != nil
	if frame.GetBroken() != nil {
		l.retireCall(Reason(toldInfo(frame.GetBroken().GetCause()).GetReason()))
	}
	answered, _ = l.session.receive(l, frame, answered[:0])
	clear(answered)
	if len(frame.GetOutcomes()) > 0 && l.owed.Add(uint32(size)) >= creditBytes {
		l.wake()
	}
	return answered
}

// retireCall sees to it that new stubs go elsewhere if the host shuts down, lets no more lanes in, or doesn't take the
// credentials any more that the call came with; before anyone is told of the break, and makes one.
func (l *lane) retireCall(reason Reason) {
	switch reason {
	case ReasonOverloaded:
		if l.opened {
			return
		}
	case ReasonHostDraining, ReasonUnauthenticated, ReasonCredentialsExpired:
	default:
		return
	}
	l.call.retire()
}

// lost is that the call is over.
func (l *lane) lost(cause *FailureCause) {
	l.session.lose(l, cause, endedLost)
	l.session.leave(l)
}
