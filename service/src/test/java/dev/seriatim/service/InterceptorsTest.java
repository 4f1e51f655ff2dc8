package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.CallerHost.Way;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What an embedder puts around calls, and around turns. */
final class InterceptorsTest {
  private static final Metadata.Key<String> REQUEST =
      Metadata.Key.of("x-request", Metadata.ASCII_STRING_MARSHALLER);

  private static final Context.Key<String> ATTACHED = Context.key("attached");

  private final Queue<String> seen = new ConcurrentLinkedQueue<>();

  /** Notes the calls that it sees under this name. */
  private ServerInterceptor noting(String name) {
    return noting(method -> name + " " + method.getBareMethodName());
  }

  /** Notes this of the method of each call that it sees. */
  private ServerInterceptor noting(Function<MethodDescriptor<?, ?>, String> what) {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        seen.add(what.apply(call.getMethodDescriptor()));
        return next.startCall(call, headers);
      }
    };
  }

  @ParameterizedTest
  @EnumSource(names = {"CONNECT", "HEADER"})
  void thoseOfTheTransportSeeEachRpcOnceInTheirOrder(Way way) throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .authenticator(CallerHost::byName)
                .transportInterceptor(noting("first"))
                .transportInterceptor(noting("second")))) {
      assertThat(host.call("alice", way, "a", "hello")).isEqualTo("hello");
      String method = way == Way.HEADER ? "Do" : "Connect";
      assertThat(seen).containsExactly("first " + method, "second " + method).inOrder();
      seen.clear();
      // They see calls that are refused, too.
      assertThat(host.call(null, way, "a", "hello")).isEqualTo("UNAUTHENTICATED");
      assertThat(seen).containsExactly("first " + method, "second " + method).inOrder();
    }
  }

  @Test
  void thoseOfTheTransportSeeMethodsAsTheyWereDefined() throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .transportInterceptor(
                    noting(method -> method.getBareMethodName() + " is " + method.getType())))) {
      assertThat(host.call(null, Way.HEADER, "a", "hello")).isEqualTo("hello");
      var _ =
          DurableObjectsGrpc.newBlockingStub(host.channel())
              .listNamespaces(ListNamespacesRequest.getDefaultInstance());
      assertThat(seen).containsExactly("Do is UNARY", "ListNamespaces is UNARY").inOrder();
    }
  }

  @ParameterizedTest
  @EnumSource
  void thoseOfTurnsSeeEachInvocationInTheirOrder(Way way) throws Exception {
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .interceptor(noting("first"))
                .interceptor(noting("second")))) {
      assertThat(host.call(null, way, "a", "hello")).isEqualTo("hello");
      assertThat(host.call(null, way, ProbeGrpc.getDoOtherMethod(), "a", "hello"))
          .isEqualTo("hello");
      assertThat(seen)
          .containsExactly("first Do", "second Do", "first DoOther", "second DoOther")
          .inOrder();
    }
  }

  @Test
  void theySeeTheMetadataAndTheCallerAndAttachToTheTurn() throws Exception {
    ServerInterceptor attaching =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            String text = headers.get(REQUEST) + " of " + DurableObjectState.CALLER.get().name();
            return Contexts.interceptCall(
                Context.current().withValue(ATTACHED, text), call, headers, next);
          }
        };
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes((probe, request, reply) -> Probe.reply(reply, ATTACHED.get()))
                .authenticator(CallerHost::byName)
                .interceptor(attaching))) {
      TestStub stub = new TestStub(host.as("alice"), TestHost.byName("a"), Integer.MAX_VALUE);
      stub.call("hello", call -> call.putMetadata("x-request", "17"));
      assertThat(stub.answer()).isEqualTo("17 of alice");
    }
  }

  @Test
  void theySeeNothingOfWhatObjectsTellEachOther() throws Exception {
    ServerInterceptor keys =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            seen.addAll(headers.keys());
            return next.startCall(call, headers);
          }
        };
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(
                    (probe, request, reply) -> {
                      if (request.getText().equals("call")) {
                        DurableObjectStub stub =
                            probe.state().objects().namespace(TestHost.PROBE).getByName("b");
                        reply.onNext(
                            stub.call(ProbeGrpc.getDoMethod(), Probe.words("hello"))
                                .get(30, TimeUnit.SECONDS));
                        reply.onCompleted();
                      } else {
                        Probe.echo(probe, request, reply);
                      }
                    })
                .authenticator(CallerHost::byName)
                .interceptor(keys))) {
      assertThat(host.call("alice", Way.CONNECT, "a", "call")).isEqualTo("hello");
      assertThat(seen).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatOneThrowsFailsTheTurnAlone(Way way) throws Exception {
    ServerInterceptor throwing =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            if ("DoOther".equals(call.getMethodDescriptor().getBareMethodName())) {
              throw new IllegalStateException("not this one");
            }
            return next.startCall(call, headers);
          }
        };
    try (CallerHost host =
        CallerHost.overNetwork(CallerHost.probes(Probe::echo).interceptor(throwing))) {
      assertThat(host.call(null, way, ProbeGrpc.getDoOtherMethod(), "a", "hello"))
          .isEqualTo("OBJECT_EXCEPTION");
      assertThat(host.call(null, way, "a", "hello")).isEqualTo("hello");
    }
  }

  @ParameterizedTest
  @EnumSource
  void oneMayCloseTheCallItself(Way way) throws Exception {
    ServerInterceptor closing =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            call.close(Status.FAILED_PRECONDITION.withDescription("closed"), new Metadata());
            return new ServerCall.Listener<>() {};
          }
        };
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(
                    (probe, request, reply) -> {
                      seen.add("the object ran");
                      Probe.echo(probe, request, reply);
                    })
                .interceptor(closing))) {
      assertThat(host.call(null, way, "a", "hello")).isEqualTo("OBJECT_EXCEPTION");
      assertThat(seen).isEmpty();
    }
  }

  @Test
  void oneOfTheTransportMayRefuseOrThrowAndTheOthersGoOn() throws Exception {
    ServerInterceptor moody =
        new ServerInterceptor() {
          @Override
          public <Q, R> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            String request = headers.get(REQUEST);
            if ("throw".equals(request)) {
              throw new IllegalStateException("not this one");
            }
            if ("refuse".equals(request)) {
              call.close(Status.RESOURCE_EXHAUSTED, new Metadata());
              return new ServerCall.Listener<>() {};
            }
            return next.startCall(call, headers);
          }
        };
    try (CallerHost host =
        CallerHost.overNetwork(
            CallerHost.probes(Probe::echo)
                .authenticator(CallerHost::byName)
                .transportInterceptor(moody))) {
      for (String request : List.of("throw", "refuse")) {
        Metadata headers = new Metadata();
        headers.put(REQUEST, request);
        TestStub refused =
            new TestStub(
                io.grpc.ClientInterceptors.intercept(
                    host.as("alice"),
                    io.grpc.stub.MetadataUtils.newAttachHeadersInterceptor(headers)),
                TestHost.byName("a"),
                Integer.MAX_VALUE);
        assertThat(refused.lost().isOk()).isFalse();
      }
      assertThat(host.call("alice", Way.CONNECT, "a", "hello")).isEqualTo("hello");
    }
  }
}
