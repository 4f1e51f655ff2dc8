package main

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/grpc/metadata"

	conformancev1 "seriatim.dev/go/conformance/v1"
	"seriatim.dev/go/seriatim"
)

// madeCall is one call, and how to give it up.
type madeCall struct {
	result func() result
	cancel context.CancelFunc
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
