package seriatim

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// What is received, read by hand as long as it is what nearly every message is: parts with a lane and a frame, frames with
// outcomes and nothing else, outcomes with a number and a message, each field once. What is read so leads to the bytes.

// readPart is a part of a lane with a frame of one outcome, in one piece, as most are.
type readPart struct {
	part     seriatimv1.LaneResponse
	frame    seriatimv1.ConnectResponse
	outcomes [1]*seriatimv1.Outcome
	outcome  readOutcome
}

type readOutcome struct {
	outcome seriatimv1.Outcome
	result  seriatimv1.Outcome_Message
}

func readMany(bytes []byte, message *seriatimv1.ConnectManyResponse) error {
	lanes := make([]*seriatimv1.LaneResponse, 0, max(0, countOf(bytes, manyLanes)))
	for rest := bytes; len(rest) > 0; {
		field, content, behind := nextBytes(rest)
		if field != manyLanes {
			return proto.Unmarshal(bytes, message)
		}
		part, err := readLane(content)
		if err != nil {
			return err
		}
		lanes = append(lanes, part)
		rest = behind
	}
	message.Lanes = lanes
	return nil
}

func readLane(bytes []byte) (*seriatimv1.LaneResponse, error) {
	tag, n := protowire.ConsumeVarint(bytes)
	if n > 0 && tag == protowire.EncodeTag(partLane, protowire.VarintType) {
		lane, size := protowire.ConsumeVarint(bytes[n:])
		if size > 0 {
			field, content, behind := nextBytes(bytes[n+size:])
			if field == partFrame && len(behind) == 0 {
				if part := readPlainPart(lane, content); part != nil {
					return part, nil
				}
			}
		}
	}
	part := &seriatimv1.LaneResponse{}
	return part, proto.Unmarshal(bytes, part)
}

func readPlainPart(lane uint64, frame []byte) *seriatimv1.LaneResponse {
	p := &readPart{}
	p.part.Lane = lane
	p.part.Frame = &p.frame
	if countOf(frame, frameOutcomes) == 1 {
		_, content, _ := nextBytes(frame)
		if !p.outcome.read(content) {
			return nil
		}
		p.outcomes[0] = &p.outcome.outcome
		p.frame.Outcomes = p.outcomes[:]
		return &p.part
	}
	if !readOutcomes(frame, &p.frame) {
		return nil
	}
	return &p.part
}

const (
	frameOutcomes = 2

	outcomeSequence = 1
	outcomeMessage  = 2
)

func readFrame(bytes []byte, frame *seriatimv1.ConnectResponse) error {
	if readOutcomes(bytes, frame) {
		return nil
	}
	return proto.Unmarshal(bytes, frame)
}

// readOutcomes reads a frame that has outcomes and nothing else; false, and nothing is read, if it isn't one.
func readOutcomes(bytes []byte, frame *seriatimv1.ConnectResponse) bool {
	count := countOf(bytes, frameOutcomes)
	if count <= 0 {
		return false
	}
	read := make([]readOutcome, count)
	outcomes := make([]*seriatimv1.Outcome, count)
	for i := range read {
		_, content, behind := nextBytes(bytes)
		if !read[i].read(content) {
			return false
		}
		outcomes[i] = &read[i].outcome
		bytes = behind
	}
	frame.Outcomes = outcomes
	return true
}

// read reads an outcome that has a number and a message, and nothing else; false, if it isn't one.
func (o *readOutcome) read(bytes []byte) bool {
	tag, n := protowire.ConsumeVarint(bytes)
	if n < 0 || tag != protowire.EncodeTag(outcomeSequence, protowire.VarintType) {
		return false
	}
	sequence, size := protowire.ConsumeVarint(bytes[n:])
	if size < 0 {
		return false
	}
	field, content, behind := nextBytes(bytes[n+size:])
	if field != outcomeMessage || len(behind) > 0 {
		return false
	}
	o.result.Message = content
	o.outcome.Sequence = sequence
	o.outcome.Result = &o.result
	return true
}

// sizeOfOutcomes is the size of a frame in bytes.
func sizeOfOutcomes(frame *seriatimv1.ConnectResponse) int {
	if frame.GetOpened() != nil || frame.GetBroken() != nil || len(frame.ProtoReflect().GetUnknown()) > 0 {
		return proto.Size(frame)
	}
	size := 0
	for _, outcome := range frame.GetOutcomes() {
		result, isMessage := outcome.GetResult().(*seriatimv1.Outcome_Message)
		if !isMessage || len(outcome.ProtoReflect().GetUnknown()) > 0 {
			return proto.Size(frame)
		}
		size += sizeOfField(frameOutcomes,
			sizeOfNumber(outcomeSequence, outcome.GetSequence())+sizeOfField(outcomeMessage, len(result.Message)))
	}
	return size
}

// nextBytes gives the first field and its content, if it is one of bytes, and what stands behind it; no field otherwise.
func nextBytes(bytes []byte) (field protowire.Number, content, behind []byte) {
	field, kind, n := protowire.ConsumeTag(bytes)
	if n < 0 || kind != protowire.BytesType {
		return 0, nil, nil
	}
	content, size := protowire.ConsumeBytes(bytes[n:])
	if size < 0 {
		return 0, nil, nil
	}
	return field, content, bytes[n+size:]
}

// countOf is how often a field of bytes stands in a message; -1, if there is anything else.
func countOf(bytes []byte, field protowire.Number) int {
	count := 0
	for ; len(bytes) > 0; count++ {
		var got protowire.Number
		if got, _, bytes = nextBytes(bytes); got != field {
			return -1
		}
	}
	return count
}
