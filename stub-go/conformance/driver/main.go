// Command driver is the driver of the client cases for this library: it makes the calls that it is told, one line of
// JSON after the other, and reports what its caller saw. client_driver.proto, in conformance-tests/, says how.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	conformancev1 "seriatim.dev/go/conformance/v1"
	"seriatim.dev/go/seriatim"
)

// features is what this library has that not every one has.
var features = []string{"resumable", "bearer"}

const (
	endPatience   = 20 * time.Second
	breakPatience = 5 * time.Second
)

type driverRequest struct {
	Target  string  `json:"target"`
	TLS     bool    `json:"tls"`
	Options options `json:"options"`
	Steps   []step  `json:"steps"`
}

type options struct {
	MaxUnansweredFrames    int   `json:"max_unanswered_frames"`
	MaxFrameInvocations    int   `json:"max_frame_invocations"`
	MaxFrameBytes          int   `json:"max_frame_bytes"`
	MaxInvocationBytes     int   `json:"max_invocation_bytes"`
	MaxBufferedInvocations int   `json:"max_buffered_invocations"`
	MaxBufferedBytes       int   `json:"max_buffered_bytes"`
	MaxInboundFrameBytes   int   `json:"max_inbound_frame_bytes"`
	DeadlineGraceMs        int64 `json:"deadline_grace_ms"`
	DescribeTimeoutMs      int64 `json:"describe_timeout_ms"`
	EndTimeoutMs           int64 `json:"end_timeout_ms"`
	OpenTimeoutMs          int64 `json:"open_timeout_ms"`
	KeepAliveTimeMs        int64 `json:"keep_alive_time_ms"`
	KeepAliveTimeoutMs     int64 `json:"keep_alive_timeout_ms"`
	SharedCalls            int   `json:"shared_calls"`
	SharedCallIdleMs       int64 `json:"shared_call_idle_timeout_ms"`
	FollowRoutes           bool  `json:"follow_routes"`
	MaxRoutes              int   `json:"max_routes"`
	ResumeTimeoutMs        int64 `json:"resume_timeout_ms"`
	MaxFruitlessResumes    int   `json:"max_resumes_without_progress"`
	ResumeBackoffMs        int64 `json:"resume_backoff_ms"`
	MaxResumeBackoffMs     int64 `json:"max_resume_backoff_ms"`
	Bearer                 bool  `json:"bearer"`
	FailingFetch           int64 `json:"failing_fetch"`
	LaterFetchesFail       bool  `json:"later_fetches_fail"`
}

type step struct {
	Open       *openStep  `json:"open"`
	Call       *callStep  `json:"call"`
	Await      *awaitStep `json:"await"`
	GiveUp     *giveUp    `json:"give_up"`
	Close      *stubStep  `json:"close"`
	Cancel     *stubStep  `json:"cancel"`
	AwaitEnd   *stubStep  `json:"await_end"`
	IDFromName *idStep    `json:"id_from_name"`
}

type openStep struct {
	Stub      string `json:"stub"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	ID        string `json:"id"`
	UniqueKey string `json:"unique_key"`
	IDOf      *idOf  `json:"id_of"`
	Resumable bool   `json:"resumable"`
}

type idOf struct {
	Namespace   string `json:"namespace"`
	UniqueKey   string `json:"unique_key"`
	Name        string `json:"name"`
	Digits      string `json:"digits"`
	OtherClient bool   `json:"other_client"`
}

type callStep struct {
	Stub         string            `json:"stub"`
	Times        int               `json:"times"`
	Text         string            `json:"text"`
	PaddingBytes int               `json:"padding_bytes"`
	TimeoutMs    int64             `json:"timeout_ms"`
	Metadata     map[string]string `json:"metadata"`
	Listen       bool              `json:"listen"`
}

type awaitStep struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

type giveUp struct {
	Call int `json:"call"`
}

type stubStep struct {
	Stub string `json:"stub"`
}

type idStep struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type driverResponse struct {
	Results     []result    `json:"results"`
	Stubs       []stubState `json:"stubs"`
	DriverFault string      `json:"driver_fault,omitempty"`
	Features    []string    `json:"features"`
}

type result struct {
	OK             bool   `json:"ok"`
	Text           string `json:"text"`
	PaddingBytes   int    `json:"padding_bytes"`
	Code           string `json:"code"`
	Message        string `json:"message"`
	Reason         string `json:"reason"`
	Retryable      bool   `json:"retryable"`
	Overloaded     bool   `json:"overloaded"`
	Remote         bool   `json:"remote"`
	Fate           string `json:"fate"`
	FailedSequence string `json:"failed_sequence"`
	Sequence       string `json:"sequence"`
	Unexpected     string `json:"unexpected"`
	CauseMessage   string `json:"cause_message"`
}

type stubState struct {
	Stub       string `json:"stub"`
	Broken     bool   `json:"broken"`
	Reason     string `json:"reason"`
	BreaksTold int32  `json:"breaks_told"`
	Resumable  bool   `json:"resumable"`
}

func main() {
	log.SetFlags(0)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		answer, err := json.Marshal(answerTo(line))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", answer)
	}
}

func answerTo(line []byte) *driverResponse {
	var request driverRequest
	err := json.Unmarshal(line, &request)
	if err == nil {
		var response *driverResponse
		if response, err = play(&request); err == nil {
			return response
		}
	}
	return &driverResponse{DriverFault: err.Error(), Features: features}
}

// dialOptions say who calls, if the request says so: by tokens that are counted.
func dialOptions(given *options) []grpc.DialOption {
	if !given.Bearer {
		return nil
	}
	var fetches atomic.Int64
	return []grpc.DialOption{grpc.WithPerRPCCredentials(seriatim.BearerToken(func(context.Context) (string, error) {
		number := fetches.Add(1)
		if number == given.FailingFetch || given.LaterFetchesFail && number > given.FailingFetch {
			return "", errors.New("no token today")
		}
		return fmt.Sprint("token-", number), nil
	}))}
}

// play does one request with a client of its own.
func play(request *driverRequest) (*driverResponse, error) {
	given := request.Options
	creds := insecure.NewCredentials()
	if request.TLS {
		creds = credentials.NewTLS(nil)
	}
	objects, err := seriatim.Connect(request.Target, creds, &seriatim.Options{
		MaxUnansweredFrames:    given.MaxUnansweredFrames,
		MaxFrameInvocations:    given.MaxFrameInvocations,
		MaxFrameBytes:          given.MaxFrameBytes,
		MaxInvocationBytes:     given.MaxInvocationBytes,
		MaxBufferedInvocations: given.MaxBufferedInvocations,
		MaxBufferedBytes:       given.MaxBufferedBytes,
		MaxInboundFrameBytes:   given.MaxInboundFrameBytes,
		DeadlineGrace:          millis(given.DeadlineGraceMs),
		DescribeTimeout:        millis(given.DescribeTimeoutMs),
		EndTimeout:             millis(given.EndTimeoutMs),
		OpenTimeout:            millis(given.OpenTimeoutMs),
		KeepAliveTime:          millis(given.KeepAliveTimeMs),
		KeepAliveTimeout:       millis(given.KeepAliveTimeoutMs),
		SharedCalls:            given.SharedCalls,
		SharedCallIdleTimeout:  millis(given.SharedCallIdleMs),
		FollowRoutes:           given.FollowRoutes,
		MaxRoutes:              given.MaxRoutes,
		ResumeTimeout:          millis(given.ResumeTimeoutMs),
		ResumeBackoff:          millis(given.ResumeBackoffMs),
		MaxResumeBackoff:       millis(given.MaxResumeBackoffMs),

		MaxResumesWithoutProgress: given.MaxFruitlessResumes,

		DialOptions: dialOptions(&given),
	})
	if err != nil {
		return nil, err
	}
	defer objects.Close()
	session := &session{target: request.Target, objects: objects, byName: map[string]*openedStub{}}
	for i := range request.Steps {
		if err := session.play(&request.Steps[i]); err != nil {
			return nil, err
		}
	}
	return session.report(), nil
}

func millis(count int64) time.Duration { return time.Duration(count) * time.Millisecond }

// openedStub is a stub, and what its break listener counts.
type openedStub struct {
	*seriatim.Stub // nil, if it was refused.
	name           string
	told           atomic.Int32
	first          chan struct{} // Closed when the listener was called for the first time.
}

// madeCall is one call, and how to give it up.
type madeCall struct {
	result func() result
	cancel context.CancelFunc
}

// session is what one request has opened and called so far. It belongs to one goroutine.
type session struct {
	target  string
	objects *seriatim.DurableObjects
	stubs   []*openedStub
	byName  map[string]*openedStub
	calls   []*madeCall
}

func (s *session) play(step *step) error {
	switch {
	case step.Open != nil:
		return s.open(step.Open)
	case step.Call != nil:
		for range max(1, step.Call.Times) {
			s.calls = append(s.calls, s.call(step.Call, len(s.calls)+1))
		}
	case step.Await != nil:
		last := step.Await.Last
		if last == 0 {
			last = len(s.calls)
		}
		for _, call := range s.calls[max(1, step.Await.First)-1 : last] {
			call.result()
		}
	case step.GiveUp != nil:
		s.calls[step.GiveUp.Call-1].cancel()
	case step.Close != nil:
		s.byName[step.Close.Stub].Close()
	case step.Cancel != nil:
		s.byName[step.Cancel.Stub].Cancel("the case says so")
	case step.AwaitEnd != nil:
		ctx, cancel := context.WithTimeout(context.Background(), endPatience)
		defer cancel()
		if err := s.byName[step.AwaitEnd.Stub].AwaitEnd(ctx); ctx.Err() != nil {
			return fmt.Errorf("stub '%s' never ended: %w", step.AwaitEnd.Stub, err)
		}
	case step.IDFromName != nil:
		s.calls = append(s.calls, s.id(step.IDFromName))
	default:
		return errors.New("a step that this driver doesn't know")
	}
	return nil
}

func (s *session) open(step *openStep) error {
	namespace, err := namespaceOf(s.objects, step.Namespace, step.UniqueKey)
	if err != nil {
		return err
	}
	if step.Resumable {
		namespace = namespace.Resumable()
	}
	stub, err := s.get(namespace, step)
	if err != nil {
		return err
	}
	opened := &openedStub{Stub: stub, name: step.Stub, first: make(chan struct{})}
	if stub != nil {
		stub.OnBreak(func(*seriatim.FailureCause) {
			if opened.told.Add(1) == 1 {
				close(opened.first)
			}
		})
	}
	s.stubs = append(s.stubs, opened)
	s.byName[step.Stub] = opened
	return nil
}

func namespaceOf(objects *seriatim.DurableObjects, name, uniqueKey string) (*seriatim.Namespace, error) {
	if uniqueKey == "" {
		return objects.Namespace(name), nil
	}
	return objects.NamespaceWithKey(name, uniqueKey)
}

// get gives no stub, if it has to be got with an id of elsewhere and is refused.
func (s *session) get(namespace *seriatim.Namespace, step *openStep) (*seriatim.Stub, error) {
	if step.IDOf != nil {
		stub, result := s.getWith(namespace, step.IDOf)
		s.calls = append(s.calls, done(result))
		return stub, nil
	}
	if step.Name != "" {
		return namespace.GetByName(step.Name)
	}
	id, err := namespace.IDFromString(context.Background(), step.ID)
	if err != nil {
		return nil, err
	}
	return namespace.Get(id)
}

func (s *session) getWith(namespace *seriatim.Namespace, from *idOf) (*seriatim.Stub, result) {
	id, err := s.make(from)
	if err != nil {
		return nil, failed(err)
	}
	stub, err := namespace.Get(id)
	if err != nil {
		return nil, failed(err)
	}
	return stub, result{OK: true, Text: id.String()}
}

func (s *session) make(from *idOf) (seriatim.ID, error) {
	objects := s.objects
	if from.OtherClient {
		var err error
		if objects, err = seriatim.Connect(s.target, insecure.NewCredentials(), nil); err != nil {
			return seriatim.ID{}, err
		}
		defer objects.Close()
	}
	namespace, err := namespaceOf(objects, from.Namespace, from.UniqueKey)
	if err != nil {
		return seriatim.ID{}, err
	}
	if from.Name != "" {
		return namespace.IDFromName(context.Background(), from.Name)
	}
	return namespace.IDFromString(context.Background(), from.Digits)
}

func (s *session) call(step *callStep, number int) *madeCall {
	ctx, cancel := contextOf(step)
	probe := conformancev1.NewClientProbeClient(s.byName[step.Stub])
	if step.Listen {
		defer cancel()
		return done(listen(ctx, probe))
	}
	future := seriatim.Call(ctx, probe.Say, &conformancev1.SayRequest{
		Text:    strings.ReplaceAll(step.Text, "#", strconv.Itoa(number)),
		Padding: make([]byte, step.PaddingBytes),
	})
	return &madeCall{cancel: cancel, result: func() result {
		response, err := future.Get()
		if err != nil {
			return failed(err)
		}
		return result{OK: true, Text: response.GetText(), PaddingBytes: len(response.GetPadding())}
	}}
}

func contextOf(step *callStep) (context.Context, context.CancelFunc) {
	ctx := context.Background()
	for key, value := range step.Metadata {
		ctx = metadata.AppendToOutgoingContext(ctx, key, value)
	}
	if step.TimeoutMs > 0 {
		return context.WithTimeout(ctx, millis(step.TimeoutMs))
	}
	return context.WithCancel(ctx)
}

func listen(ctx context.Context, probe conformancev1.ClientProbeClient) result {
	responses, err := probe.Listen(ctx, &conformancev1.ListenRequest{})
	if err == nil {
		_, err = responses.Recv()
	}
	if err != nil {
		return failed(err)
	}
	return result{OK: true}
}

func (s *session) id(step *idStep) *madeCall {
	id, err := s.objects.Namespace(step.Namespace).IDFromName(context.Background(), step.Name)
	if err != nil {
		return done(failed(err))
	}
	return done(result{OK: true, Text: id.String()})
}

func done(r result) *madeCall {
	return &madeCall{cancel: func() {}, result: func() result { return r }}
}

func failed(err error) result {
	told, ok := status.FromError(err)
	seen := result{Code: code.Code(told.Code()).String(), Message: told.Message()}
	var failure *seriatim.CallFailure
	isFailure := errors.As(err, &failure)
	if !isFailure && errors.Is(err, seriatim.ReasonInvalidID) {
		return result{Reason: string(seriatim.ReasonInvalidID), Message: err.Error()}
	}
	if !ok || !isFailure {
		seen.Unexpected = err.Error()
		return seen
	}
	seen.CauseMessage = failure.FailureCause.Message
	seen.Reason = string(failure.Reason)
	seen.Retryable = failure.Retryable
	seen.Overloaded = failure.Overloaded
	seen.Remote = failure.Remote
	seen.Fate = failure.Fate.String()
	seen.FailedSequence = strconv.FormatUint(failure.FailedSequence, 10)
	seen.Sequence = strconv.FormatUint(failure.Sequence, 10)
	return seen
}

func (s *session) report() *driverResponse {
	response := &driverResponse{Results: []result{}, Stubs: []stubState{}, Features: features}
	for _, call := range s.calls {
		response.Results = append(response.Results, call.result())
		call.cancel()
	}
	for _, stub := range s.stubs {
		state := stubState{Stub: stub.name, Broken: stub.Stub != nil && stub.IsBroken()}
		if state.Broken {
			state.Reason = string(stub.BreakCause().Reason)
			select {
			case <-stub.first:
			case <-time.After(breakPatience):
			}
		}
		state.BreaksTold = stub.told.Load()
		state.Resumable = stub.Stub != nil && stub.IsResumable()
		response.Stubs = append(response.Stubs, state)
	}
	return response
}
