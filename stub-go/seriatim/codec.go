package seriatim

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// frameCodec puts the messages of calls that carry stubs into bytes and back. They are ordinary protobuf messages, for
// interceptors and all; but the fields that nearly every one has are written and read without reflection, into few
// pieces of memory. For whatever else is in a message, the protobuf library does it.
//
// Each call has one of its own, which remembers for the call's reader that what came can't be read: gRPC's error doesn't say.
type frameCodec struct {
	unreadable error
}

// Name is empty, so that the content type of the call is what it is without a codec of our own.
func (*frameCodec) Name() string { return "" }

func (*frameCodec) Marshal(v any) (mem.BufferSlice, error) {
	switch message := v.(type) {
	case *seriatimv1.ConnectManyRequest:
		return pooled(sizeOfMany(message), func(b []byte) ([]byte, error) { return appendMany(b, message) })
	case *seriatimv1.ConnectRequest:
		return pooled(sizeOfFrame(message), func(b []byte) ([]byte, error) { return appendFrame(b, message) })
	case proto.Message:
		bytes, err := proto.Marshal(message)
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
	}
	return nil, fmt.Errorf("%T is sent, expected a protobuf message", v)
}

// pooled has a message written into memory that gRPC lends, and takes back when it is sent.
func pooled(size int, write func([]byte) ([]byte, error)) (mem.BufferSlice, error) {
	if mem.IsBelowBufferPoolingThreshold(size) {
		bytes, err := write(make([]byte, 0, size))
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
	}
	pool := mem.DefaultBufferPool()
	lent := pool.Get(size)
	bytes, err := write((*lent)[:0])
	if err != nil {
		pool.Put(lent)
		return nil, err
	}
	*lent = bytes
	return mem.BufferSlice{mem.NewBuffer(lent, pool)}, nil
}

func (c *frameCodec) Unmarshal(data mem.BufferSlice, v any) error {
	c.unreadable = read(data, v)
	return c.unreadable
}

func read(data mem.BufferSlice, v any) error {
	switch message := v.(type) {
	case *seriatimv1.ConnectManyResponse:
		return readMany(data.Materialize(), message) // A copy of its own, to which what is read leads.
	case *seriatimv1.ConnectResponse:
		return readFrame(data.Materialize(), message)
	case proto.Message:
		return proto.Unmarshal(data.Materialize(), message)
	}
	return fmt.Errorf("%T is received, expected a protobuf message", v)
}

// lostCause is the cause of a stub whose call ended with this error.
func (c *frameCodec) lostCause(err error) *FailureCause {
	if c.unreadable != nil {
		return violation("what came can't be read: %v", c.unreadable)
	}
	return lostCause(err)
}
