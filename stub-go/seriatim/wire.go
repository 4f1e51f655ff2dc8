package seriatim

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// What is sent, written by hand: each message has its size, and is appended.

func sizeOfField(field protowire.Number, size int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(size)
}

func appendHead(b []byte, field protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(size))
}

// sizeOfNumber is that of a field that is left out if it is zero.
func sizeOfNumber(field protowire.Number, value uint64) int {
	if value == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(value)
}

func appendNumber(b []byte, field protowire.Number, value uint64) []byte {
	if value == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), value)
}

// ---- a message of a shared call ------------------------------------------------------------------------

const (
	manyLanes = 1

	partLane      = 1
	partFrame     = 2
	partHalfClose = 3
	partCancel    = 4
	partMoreBytes = 5
)

func sizeOfMany(message *seriatimv1.ConnectManyRequest) int {
	size := 0
	for _, part := range message.GetLanes() {
		size += sizeOfField(manyLanes, sizeOfPart(part))
	}
	return size
}

func appendMany(b []byte, message *seriatimv1.ConnectManyRequest) ([]byte, error) {
	var err error
	for _, part := range message.GetLanes() {
		b = appendHead(b, manyLanes, sizeOfPart(part))
		if b, err = appendPart(b, part); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func sizeOfPart(part *seriatimv1.LaneRequest) int {
	size := sizeOfNumber(partLane, part.GetLane()) + sizeOfNumber(partMoreBytes, uint64(part.GetMoreBytes()))
	switch what := part.GetWhat().(type) {
	case *seriatimv1.LaneRequest_Frame:
		size += sizeOfField(partFrame, sizeOfFrame(what.Frame))
	case *seriatimv1.LaneRequest_HalfClose:
		size += protowire.SizeTag(partHalfClose) + 1
	case *seriatimv1.LaneRequest_Cancel:
		size += protowire.SizeTag(partCancel) + 1
	}
	return size
}

func appendPart(b []byte, part *seriatimv1.LaneRequest) ([]byte, error) {
	b = appendNumber(b, partLane, part.GetLane())
	var err error
	switch what := part.GetWhat().(type) {
	case *seriatimv1.LaneRequest_Frame:
		b = appendHead(b, partFrame, sizeOfFrame(what.Frame))
		if b, err = appendFrame(b, what.Frame); err != nil {
			return nil, err
		}
	case *seriatimv1.LaneRequest_HalfClose:
		b = protowire.AppendTag(b, partHalfClose, protowire.VarintType)
		b = protowire.AppendVarint(b, protowire.EncodeBool(what.HalfClose))
	case *seriatimv1.LaneRequest_Cancel:
		b = protowire.AppendTag(b, partCancel, protowire.VarintType)
		b = protowire.AppendVarint(b, protowire.EncodeBool(what.Cancel))
	}
	return appendNumber(b, partMoreBytes, uint64(part.GetMoreBytes())), nil
}

// ---- a frame -------------------------------------------------------------------------------------------

const (
	frameOpen        = 1
	frameInvocations = 2
	frameAcknowledge = 3

	invocationSequence = 1
	invocationMethod   = 2
	invocationMessage  = 3
	invocationTimeout  = 5

	durationSeconds = 1
	durationNanos   = 2
)

func sizeOfFrame(frame *seriatimv1.ConnectRequest) int {
	size := 0
	if open := frame.GetOpen(); open != nil {
		size += sizeOfField(frameOpen, proto.Size(open))
	}
	for _, invocation := range frame.GetInvocations() {
		size += sizeOfField(frameInvocations, sizeOfInvocation(invocation))
	}
	return size + sizeOfNumber(frameAcknowledge, frame.GetAcknowledgedThrough())
}

func appendFrame(b []byte, frame *seriatimv1.ConnectRequest) ([]byte, error) {
	var err error
	if open := frame.GetOpen(); open != nil {
		b = appendHead(b, frameOpen, proto.Size(open))
		if b, err = (proto.MarshalOptions{}).MarshalAppend(b, open); err != nil {
			return nil, err
		}
	}
	for _, invocation := range frame.GetInvocations() {
		b = appendHead(b, frameInvocations, sizeOfInvocation(invocation))
		if b, err = appendInvocation(b, invocation); err != nil {
			return nil, err
		}
	}
	return appendNumber(b, frameAcknowledge, frame.GetAcknowledgedThrough()), nil
}

// isPlain tells whether an invocation has only what is written by hand.
func isPlain(invocation *seriatimv1.Invocation) bool {
	_, isMessage := invocation.GetArgument().(*seriatimv1.Invocation_Message)
	return isMessage && len(invocation.GetMetadata()) == 0
}

func sizeOfDuration(duration *durationpb.Duration) int {
	return sizeOfNumber(durationSeconds, uint64(duration.GetSeconds())) +
		sizeOfNumber(durationNanos, uint64(int64(duration.GetNanos())))
}

func sizeOfInvocation(invocation *seriatimv1.Invocation) int {
	if !isPlain(invocation) {
		return proto.Size(invocation)
	}
	size := sizeOfNumber(invocationSequence, invocation.GetSequence()) +
		sizeOfField(invocationMessage, len(invocation.GetMessage()))
	if method := invocation.GetMethod(); method != "" {
		size += sizeOfField(invocationMethod, len(method))
	}
	if timeout := invocation.GetTimeout(); timeout != nil {
		size += sizeOfField(invocationTimeout, sizeOfDuration(timeout))
	}
	return size
}

func appendInvocation(b []byte, invocation *seriatimv1.Invocation) ([]byte, error) {
	if !isPlain(invocation) {
		return proto.MarshalOptions{}.MarshalAppend(b, invocation)
	}
	b = appendNumber(b, invocationSequence, invocation.GetSequence())
	if method := invocation.GetMethod(); method != "" {
		b = append(appendHead(b, invocationMethod, len(method)), method...)
	}
	b = append(appendHead(b, invocationMessage, len(invocation.GetMessage())), invocation.GetMessage()...)
	if timeout := invocation.GetTimeout(); timeout != nil {
		b = appendHead(b, invocationTimeout, sizeOfDuration(timeout))
		b = appendNumber(b, durationSeconds, uint64(timeout.GetSeconds()))
		b = appendNumber(b, durationNanos, uint64(int64(timeout.GetNanos())))
	}
	return b, nil
}
