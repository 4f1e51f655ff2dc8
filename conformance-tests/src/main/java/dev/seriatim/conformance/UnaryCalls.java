package dev.seriatim.conformance;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.seriatim.conformance.v1.DescribeNamespace;
import dev.seriatim.conformance.v1.Direct;
import dev.seriatim.conformance.v1.ExpectedBroken;
import dev.seriatim.conformance.v1.ExpectedOutcome;
import dev.seriatim.conformance.v1.ListNamespaces;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.Method;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** The calls of a case that are not on a stub. */
final class UnaryCalls {
  private static final Metadata.Key<String> OBJECT =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> IDEMPOTENCY =
      Metadata.Key.of("seriatim-idempotency", Metadata.ASCII_STRING_MARSHALLER);

  private final Channel channel;
  private final Duration patience;

  UnaryCalls(Channel channel, Duration patience) {
    this.channel = channel;
    this.patience = patience;
  }

  void describeNamespace(DescribeNamespace expected) throws CaseFailure {
    DescribeNamespaceResponse response;
    try {
      response = describe(expected.getName());
    } catch (StatusRuntimeException e) {
      if (expected.getReason().isEmpty()) {
        throw new CaseFailure("DescribeNamespace failed: " + Text.of(e.getStatus()));
      }
      cause(ExpectedBroken.newBuilder().setReason(expected.getReason()).build(), e);
      return;
    }
    if (!expected.getReason().isEmpty()) {
      throw new CaseFailure(
          "DescribeNamespace gave {%s}, expected failure %s"
              .formatted(Text.oneLine(response), expected.getReason()));
    }
    Comparison.check("the description", expected.getResponse(), response);
    for (Method method : expected.getHasMethodsList()) {
      if (!response.getMethodsList().contains(method)) {
        throw new CaseFailure("the description lacks method {" + Text.oneLine(method) + "}");
      }
    }
    for (Method method : response.getMethodsList()) {
      if (expected.getHasNoMethodsList().contains(method.getName())) {
        throw new CaseFailure("the description has method " + method.getName());
      }
    }
  }

  void listNamespaces(ListNamespaces expected) throws CaseFailure {
    List<String> names;
    try {
      names =
          DurableObjectsGrpc.newBlockingStub(channel)
              .withDeadlineAfter(patience)
              .listNamespaces(ListNamespacesRequest.getDefaultInstance())
              .getNamesList();
    } catch (StatusRuntimeException e) {
      throw new CaseFailure("ListNamespaces failed: " + Text.of(e.getStatus()));
    }
    for (String name : expected.getHasNamesList()) {
      if (!names.contains(name)) {
        throw new CaseFailure("the namespaces are " + names + ", expected " + name + " among them");
      }
    }
    if (!names.equals(names.stream().sorted().distinct().toList())) {
      throw new CaseFailure("the namespaces are " + names + ", expected them in ascending order");
    }
  }

  /** The key from which the namespace's ids are derived. */
  String uniqueKey(String namespace) throws CaseFailure {
    try {
      return describe(namespace).getUniqueKey();
    } catch (StatusRuntimeException e) {
      throw new CaseFailure("DescribeNamespace failed: " + Text.of(e.getStatus()));
    }
  }

  void direct(Direct direct) throws CaseFailure {
    MethodDescriptor<byte[], byte[]> method =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(ProbeMethods.SERVICE + '/' + Calls.method(direct.getCall()))
            .setRequestMarshaller(new BytesMarshaller())
            .setResponseMarshaller(new BytesMarshaller())
            .build();
    Metadata headers = new Metadata();
    if (direct.hasObject()) {
      headers.put(OBJECT, direct.getObject());
    }
    direct.getMoreObjectsList().forEach(object -> headers.put(OBJECT, object));
    direct
        .getCall()
        .getMetadataMap()
        .forEach(
            (key, value) ->
                headers.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value));
    byte[] response;
    AtomicReference<Metadata> told = new AtomicReference<>(new Metadata());
    try {
      response =
          ClientCalls.blockingUnaryCall(
              ClientInterceptors.intercept(
                  channel,
                  MetadataUtils.newAttachHeadersInterceptor(headers),
                  MetadataUtils.newCaptureMetadataInterceptor(told, new AtomicReference<>())),
              method,
              CallOptions.DEFAULT
                  .withDeadlineAfter(patience.toNanos(), TimeUnit.NANOSECONDS)
                  .withCompression(direct.getCompressed() ? "gzip" : "identity"),
              Calls.bytes(direct.getCall()).toByteArray());
    } catch (StatusRuntimeException e) {
      failed(direct, e);
      return;
    }
    if (direct.hasBroken() || direct.getCodesCount() > 0) {
      throw new CaseFailure("the call completed, expected that it fails");
    }
    String idempotency = told.get().get(IDEMPOTENCY);
    String expected = direct.hasIdempotency() ? direct.getIdempotency() : null;
    if (!Objects.equals(expected, idempotency)) {
      throw new CaseFailure(
          "the header %s is %s, expected %s".formatted(IDEMPOTENCY.name(), idempotency, expected));
    }
    if (direct.getOutcome().getResultCase() != ExpectedOutcome.ResultCase.RESULT_NOT_SET) {
      Comparison.check(
          "the response", Comparison.response(direct.getOutcome()), ByteString.copyFrom(response));
    }
  }

  private static void failed(Direct direct, StatusRuntimeException e) throws CaseFailure {
    if (direct.hasBroken()) {
      cause(direct.getBroken(), e);
    } else if (!direct.getCodesList().contains(Code.forNumber(e.getStatus().getCode().value()))) {
      throw new CaseFailure(
          "the call failed with %s, expected %s"
              .formatted(
                  Text.of(e.getStatus()),
                  direct.getCodesCount() == 0 ? "a response" : direct.getCodesList()));
    }
  }

  private static void cause(ExpectedBroken expected, StatusRuntimeException e) throws CaseFailure {
    com.google.rpc.Status cause = StatusProto.fromThrowable(e);
    if (cause == null || cause.getDetailsCount() == 0) {
      throw new CaseFailure(
          "the call failed with %s and no details, expected reason %s"
              .formatted(Text.of(e.getStatus()), expected.getReason()));
    }
    FailureChecks.cause(expected, cause, FrameRules.errorInfo(cause));
  }

  private DescribeNamespaceResponse describe(String namespace) {
    return DurableObjectsGrpc.newBlockingStub(channel)
        .withDeadlineAfter(patience)
        .describeNamespace(DescribeNamespaceRequest.newBuilder().setName(namespace).build());
  }
}
