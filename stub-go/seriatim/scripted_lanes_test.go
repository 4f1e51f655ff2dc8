package seriatim_test

import (
	"context"
	"io"
	"maps"
	"sync"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"seriatim.dev/go/seriatim"
	seriatimv1 "seriatim.dev/go/seriatim/v1"
)

// asCarried are these options, with shared calls if the tests are to be played so.
func asCarried(options *seriatim.Options) *seriatim.Options {
	if !seriatim.OnLanes() {
		return options
	}
	return withSharedCalls(options)
}

func withSharedCalls(options *seriatim.Options) *seriatim.Options {
	shared := seriatim.Options{}
	if options != nil {
		shared = *options
	}
	shared.SharedCalls = max(1, shared.SharedCalls)
	return &shared
}

type manyStream = grpc.BidiStreamingServer[seriatimv1.ConnectManyRequest, seriatimv1.ConnectManyResponse]

// hasNoMany is a host without ConnectMany.
func hasNoMany(manyStream) error {
	return status.Error(codes.Unimplemented, "unknown method ConnectMany")
}

// playMany has this played in place of the scripts; nil, the scripts again.
func (h *scriptedHost) playMany(instead func(manyStream) error) {
	if instead == nil {
		h.many.Store(nil)
	} else {
		h.many.Store(&instead)
	}
}

// ConnectMany plays the scripts on lanes, the nth stub the nth script.
func (h *scriptedHost) ConnectMany(
	stream manyStream,
) error {
	h.manys.Add(1)
	if instead := h.many.Load(); instead != nil {
		return (*instead)(stream)
	}
	// Before that only one message comes, and some scripts open late.
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	call := &laneCall{host: h, stream: stream, lanes: map[uint64]*laneStream{}}
	err := call.read()
	call.playing.Wait()
	return err
}

// laneCall is one call of ConnectMany at the scripted host.
type laneCall struct {
	host    *scriptedHost
	stream  manyStream
	playing sync.WaitGroup

	mu    sync.Mutex // Held to send, and guards those that have not ended.
	lanes map[uint64]*laneStream
}

func (c *laneCall) lane(number uint64) *laneStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes[number]
}

func (c *laneCall) read() error {
	last := uint64(0)
	for {
		message, err := c.stream.Recv()
		if err != nil {
			c.mu.Lock()
			lanes := maps.Clone(c.lanes)
			c.mu.Unlock()
			for _, lane := range lanes {
				if err == io.EOF {
					lane.halfClose()
				} else {
					lane.gone()
				}
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
		for _, part := range message.GetLanes() {
			lane := c.lane(part.GetLane())
			if lane == nil {
				if part.GetLane() <= last && part.GetLane() != 0 {
					continue // It has ended.
				}
				last++
				if part.GetLane() != last || part.GetFrame().GetOpen() == nil {
					c.host.t.Errorf("opened by %v, expected lane %d to be opened", part, last)
				}
				lane = c.begin(last)
			}
			lane.take(part)
		}
	}
}

func (c *laneCall) begin(number uint64) *laneStream {
	lane := &laneStream{call: c, number: number, credit: 256 << 10}
	lane.ctx, lane.gone = context.WithCancel(c.stream.Context())
	lane.wakeUp.L = &lane.mu
	context.AfterFunc(lane.ctx, func() {
		lane.mu.Lock()
		defer lane.mu.Unlock()
		lane.wakeUp.Broadcast()
	})
	c.mu.Lock()
	c.lanes[number] = lane
	c.mu.Unlock()
	n := int(c.host.connects.Add(1))
	c.playing.Go(func() {
		end := &spb.Status{}
		if err := c.host.play(n, lane); err != nil {
			end = status.Convert(err).Proto()
		}
		if lane.ctx.Err() == nil {
			_ = c.send(&seriatimv1.LaneResponse{Lane: number, End: end})
		}
		lane.gone()
		c.mu.Lock()
		delete(c.lanes, number)
		c.mu.Unlock()
	})
	return lane
}

func (c *laneCall) send(parts ...*seriatimv1.LaneResponse) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream.Send(&seriatimv1.ConnectManyResponse{Lanes: parts})
}

// laneStream is a lane, as if it were a call of Connect.
type laneStream struct {
	grpc.ServerStream
	call   *laneCall
	number uint64
	ctx    context.Context
	gone   context.CancelFunc

	mu         sync.Mutex
	wakeUp     sync.Cond
	frames     []*seriatimv1.ConnectRequest
	halfClosed bool
	credit     int
}

func (l *laneStream) Context() context.Context { return l.ctx }

func (l *laneStream) take(part *seriatimv1.LaneRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.credit += int(part.GetMoreBytes())
	switch what := part.GetWhat().(type) {
	case *seriatimv1.LaneRequest_Frame:
		if l.halfClosed {
			l.call.host.t.Errorf("lane %d: %v behind the half-close", l.number, what.Frame)
		}
		l.frames = append(l.frames, what.Frame)
	case *seriatimv1.LaneRequest_HalfClose:
		l.halfClosed = true
	case *seriatimv1.LaneRequest_Cancel:
		l.gone()
	}
	l.wakeUp.Broadcast()
}

func (l *laneStream) halfClose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halfClosed = true
	l.wakeUp.Broadcast()
}

func (l *laneStream) Recv() (*seriatimv1.ConnectRequest, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.ctx.Err() != nil:
			return nil, status.FromContextError(l.ctx.Err()).Err()
		case len(l.frames) > 0:
			frame := l.frames[0]
			l.frames = l.frames[1:]
			return frame, nil
		case l.halfClosed:
			return nil, io.EOF
		}
		l.wakeUp.Wait()
	}
}

// unreceive puts a frame back.
func (l *laneStream) unreceive(frame *seriatimv1.ConnectRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames = append([]*seriatimv1.ConnectRequest{frame}, l.frames...)
}

// Send waits for credit, as a host does.
func (l *laneStream) Send(frame *seriatimv1.ConnectResponse) error {
	l.mu.Lock()
	for len(frame.GetOutcomes()) > 0 && l.credit <= 0 && l.ctx.Err() == nil {
		l.wakeUp.Wait()
	}
	if len(frame.GetOutcomes()) > 0 {
		l.credit -= proto.Size(frame)
	}
	l.mu.Unlock()
	if l.ctx.Err() != nil {
		return status.FromContextError(l.ctx.Err()).Err()
	}
	return l.call.send(&seriatimv1.LaneResponse{Lane: l.number, Frame: frame})
}
