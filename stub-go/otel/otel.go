// Package otel makes spans of the calls of a stub, and lets what the object does be in the same trace. It is a module of
// its own, so that who doesn't trace needs no OpenTelemetry.
package otel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"seriatim.dev/go/seriatim"
)

const scope = "seriatim.dev/go"

// Option says how calls are traced.
type Option func(*conn)

// WithTracerProvider makes spans with a tracer of this provider; without it, of the global one.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return func(c *conn) { c.provider = provider }
}

// WithBaggage lets OpenTelemetry's baggage go along with what is sampled, as the W3C has it, or not, which is the default.
// Whoever is called sees all of it, so nothing secret may be in it.
func WithBaggage(carried bool) Option {
	return func(c *conn) { c.baggage = carried }
}

// Traced is a connection like that one, which is a *seriatim.Stub as a rule, whose calls are traced:
//
//	counter := counterpb.NewCounterClient(otel.Traced(stub))
//
// A call whose context has a span that is sampled becomes a span of its own, of which the object's turn is a child. It
// ends with the call; that of a seriatim.Call when that is answered. All other calls stay as they are: they cost a look
// into the context, and nothing on the wire.
func Traced(stub grpc.ClientConnInterface, options ...Option) grpc.ClientConnInterface {
	made := &conn{stub: stub}
	for _, option := range options {
		option(made)
	}
	return made
}

type conn struct {
	stub     grpc.ClientConnInterface
	provider trace.TracerProvider // nil for the global one, which may be set later.
	baggage  bool
}

// Invoke makes one call.
func (c *conn) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return c.stub.Invoke(ctx, method, request, reply, options...)
	}
	provider := c.provider
	if provider == nil {
		provider = otel.GetTracerProvider()
	}
	name := strings.TrimPrefix(method, "/")
	ctx, span := provider.Tracer(scope).Start(ctx, name,
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", name)))
	err := c.stub.Invoke(c.propagated(ctx, span.SpanContext()), method, request, reply, options...)
	if err == nil {
		if done, failure := answerOf(options); done != nil {
			go func() {
				<-done
				end(span, failure())
			}()
			return nil
		}
	}
	end(span, err)
	return err
}

// NewStream refuses, as the stub does.
func (c *conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return c.stub.NewStream(ctx, desc, method, options...)
}

// answerOf is the end of a call that wasn't waited for, and its failure; nil if it was.
func answerOf(options []grpc.CallOption) (<-chan struct{}, func() error) {
	for _, option := range options {
		if later, ok := option.(interface {
			Answered() (<-chan struct{}, func() error)
		}); ok {
			return later.Answered()
		}
	}
	return nil, nil
}

// propagated has the trace in the metadata of the call, as https://www.w3.org/TR/trace-context/ has it, if it is sampled,
// and then the baggage, as https://www.w3.org/TR/baggage/ has it, if that goes along.
func (c *conn) propagated(ctx context.Context, span trace.SpanContext) context.Context {
	if !span.IsSampled() {
		return ctx
	}
	told, _ := metadata.FromOutgoingContext(ctx) // A copy.
	if told == nil {
		told = metadata.MD{}
	}
	told.Set("traceparent", fmt.Sprintf("00-%s-%s-%02x", span.TraceID(), span.SpanID(), byte(span.TraceFlags())))
	if state := span.TraceState().String(); state != "" {
		told.Set("tracestate", state)
	}
	if carried := baggage.FromContext(ctx).String(); c.baggage && carried != "" {
		told.Set("baggage", carried)
	}
	return metadata.NewOutgoingContext(ctx, told)
}

func end(span trace.Span, err error) {
	defer span.End()
	if err == nil {
		return
	}
	code := codeName(err)
	kind := code
	var failure *seriatim.CallFailure
	if errors.As(err, &failure) {
		if failure.Reason != "" {
			kind = string(failure.Reason)
		}
		span.SetAttributes(
			attribute.String("seriatim.fate", failure.Fate.String()),
			attribute.Int64("seriatim.sequence", int64(failure.Sequence)))
	}
	span.SetAttributes(attribute.String("rpc.response.status_code", code), attribute.String("error.type", kind))
	span.SetStatus(codes.Error, err.Error())
}

// codeName is the name of a status code as OpenTelemetry wants it: DEADLINE_EXCEEDED.
func codeName(err error) string {
	var name strings.Builder
	before := 'A'
	for _, c := range status.Code(err).String() {
		if c >= 'A' && c <= 'Z' && before >= 'a' {
			name.WriteByte('_')
		}
		name.WriteRune(c)
		before = c
	}
	return strings.ToUpper(name.String())
}
