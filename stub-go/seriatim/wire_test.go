package seriatim

import (
	"bytes"
	"math/rand/v2"
	"testing"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// What is written and read by hand is held to what the protobuf library makes of it.

// scribe makes messages at random: mostly what is common, and everything else now and then.
type scribe struct{ *rand.Rand }

func (s scribe) rarely() bool { return s.IntN(6) == 0 }

func (s scribe) bytes() []byte {
	length := s.IntN(20)
	if s.rarely() {
		length = s.IntN(40_000)
	}
	return bytes.Repeat([]byte{byte(s.IntN(256))}, length)
}

func (s scribe) number() uint64 { return s.Uint64() >> s.IntN(64) }

func (s scribe) unknown(message proto.Message) {
	if s.rarely() {
		message.ProtoReflect().SetUnknown([]byte{0xfa, 0x3f, 0x01, 'x'}) // Field 1023.
	}
}

func (s scribe) invocation() *seriatimv1.Invocation {
	i := &seriatimv1.Invocation{Sequence: s.number(), Argument: &seriatimv1.Invocation_Message{Message: s.bytes()}}
	if !s.rarely() {
		i.Method = "a.B/C"
	}
	if s.rarely() {
		i.Timeout = &durationpb.Duration{Seconds: int64(s.number()) * int64(s.IntN(3)-1), Nanos: int32(s.IntN(2e9) - 1e9)}
	}
	if s.rarely() {
		i.Metadata = map[string]string{"a": "b", "": string(bytes.Repeat([]byte{'x'}, s.IntN(300)))}
	}
	if s.rarely() {
		i.Argument = &seriatimv1.Invocation_Json{Json: structpb.NewStringValue("x")}
	}
	if s.rarely() {
		i.Argument = nil
	}
	return i
}

func (s scribe) request() *seriatimv1.ConnectRequest {
	frame := &seriatimv1.ConnectRequest{}
	if s.rarely() {
		frame.Open = &seriatimv1.Open{Namespace: "N", Object: &seriatimv1.Open_Name{Name: "name"}}
	}
	for range s.IntN(4) {
		frame.Invocations = append(frame.Invocations, s.invocation())
	}
	if s.rarely() {
		frame.AcknowledgedThrough = s.number()
	}
	return frame
}

func (s scribe) manyRequest() *seriatimv1.ConnectManyRequest {
	message := &seriatimv1.ConnectManyRequest{}
	for range s.IntN(5) {
		part := &seriatimv1.LaneRequest{Lane: s.number(), What: &seriatimv1.LaneRequest_Frame{Frame: s.request()}}
		switch s.IntN(8) {
		case 0:
			part.What = &seriatimv1.LaneRequest_HalfClose{HalfClose: s.rarely()}
		case 1:
			part.What = &seriatimv1.LaneRequest_Cancel{Cancel: s.rarely()}
		case 2:
			part.What = nil
		}
		if s.rarely() {
			part.MoreBytes = uint32(s.number())
		}
		message.Lanes = append(message.Lanes, part)
	}
	return message
}

func (s scribe) response() *seriatimv1.ConnectResponse {
	frame := &seriatimv1.ConnectResponse{}
	for range 1 + s.IntN(3) {
		outcome := &seriatimv1.Outcome{Sequence: s.number(), Result: &seriatimv1.Outcome_Message{Message: s.bytes()}}
		if s.rarely() {
			outcome.Result = &seriatimv1.Outcome_Json{Json: structpb.NewNumberValue(1)}
		}
		if s.rarely() {
			outcome.Result = nil
		}
		s.unknown(outcome)
		frame.Outcomes = append(frame.Outcomes, outcome)
	}
	if s.rarely() {
		frame.Opened = &seriatimv1.Opened{Id: driverID, Name: proto.String("n")}
	}
	if s.rarely() {
		frame.Broken = &seriatimv1.Broken{Cause: &spb.Status{Code: 3, Message: "no"}, CompletedThrough: s.number()}
	}
	if s.rarely() {
		frame.Outcomes = nil
	}
	s.unknown(frame)
	return frame
}

func (s scribe) manyResponse() *seriatimv1.ConnectManyResponse {
	message := &seriatimv1.ConnectManyResponse{}
	for range s.IntN(5) {
		part := &seriatimv1.LaneResponse{Lane: s.number(), Frame: s.response()}
		if s.rarely() {
			part.End = &spb.Status{Code: 5, Message: "over"}
		}
		if s.rarely() {
			part.Frame = nil
		}
		s.unknown(part)
		message.Lanes = append(message.Lanes, part)
	}
	s.unknown(message)
	return message
}

func TestWhatIsWrittenIsTheMessage(t *testing.T) {
	SameOnLanes(t)
	for _, seed := range Seeds(500) {
		s := scribe{rand.New(rand.NewPCG(seed, 3))}
		for _, message := range []proto.Message{s.request(), s.manyRequest(), s.response()} {
			written, err := new(frameCodec).Marshal(message)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			read := message.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(written.Materialize(), read); err != nil || !proto.Equal(read, message) {
				t.Fatalf("seed %d: %v, %v; expected %v", seed, read, err, message)
			}
			if written.Len() != proto.Size(message) {
				t.Fatalf("seed %d: %d bytes, expected %d", seed, written.Len(), proto.Size(message))
			}
		}
	}
}

func TestWhatIsReadIsTheMessageOrNone(t *testing.T) {
	SameOnLanes(t)
	for _, seed := range Seeds(500) {
		s := scribe{rand.New(rand.NewPCG(seed, 4))}
		for _, message := range []proto.Message{s.response(), s.manyResponse()} {
			good, err := proto.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			checkRead(t, seed, message, good)
			for range 20 {
				bad := bytes.Clone(good[:min(len(good), 400)])
				for range 1 + s.IntN(3) {
					if len(bad) > 0 {
						bad[s.IntN(len(bad))] = byte(s.IntN(256))
					}
				}
				checkRead(t, seed, message, bad[:s.IntN(len(bad)+1)])
				checkRead(t, seed, message, bad)
			}
		}
		frame := s.response()
		if got := sizeOfOutcomes(frame); got != proto.Size(frame) {
			t.Fatalf("seed %d: size %d, expected %d", seed, got, proto.Size(frame))
		}
	}
}

func checkRead(t *testing.T, seed uint64, like proto.Message, wire []byte) {
	t.Helper()
	expected, read := like.ProtoReflect().New().Interface(), like.ProtoReflect().New().Interface()
	expectedErr := proto.Unmarshal(wire, expected)
	err := new(frameCodec).Unmarshal(mem.BufferSlice{mem.SliceBuffer(wire)}, read)
	if (err == nil) != (expectedErr == nil) || err == nil && !proto.Equal(read, expected) {
		t.Fatalf("seed %d: %x\nread %v, %v\nexpected %v, %v", seed, wire, read, err, expected, expectedErr)
	}
}
