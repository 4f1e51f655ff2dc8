package dev.seriatim.conformance.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.common.collect.ImmutableList;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import dev.seriatim.conformance.v1.ClientProbeGrpc;
import dev.seriatim.conformance.v1.DriverCall;
import dev.seriatim.conformance.v1.DriverIdOf;
import dev.seriatim.conformance.v1.DriverOpen;
import dev.seriatim.conformance.v1.DriverOptions;
import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;
import dev.seriatim.conformance.v1.DriverResult;
import dev.seriatim.conformance.v1.DriverStep;
import dev.seriatim.conformance.v1.DriverStubState;
import dev.seriatim.conformance.v1.ListenRequest;
import dev.seriatim.conformance.v1.SayRequest;
import dev.seriatim.conformance.v1.SayResponse;
import dev.seriatim.stub.BearerToken;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectNamespace;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import dev.seriatim.stub.FailureCause;
import dev.seriatim.stub.InvalidIdException;
import dev.seriatim.stub.ResumeOptions;
import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The driver of this tree's Java client, in this process or in one of its own. */
public final class JavaDriver implements Driver {
  private static final Duration END_PATIENCE = Duration.ofSeconds(40);
  private static final Duration BREAK_PATIENCE = Duration.ofSeconds(30);
  private static final ImmutableList<String> FEATURES = ImmutableList.of("resumable", "bearer");

  /** A driver in this process. */
  JavaDriver() {}

  /** Answers every line of the standard input with one on the standard output. */
  public static void main(String[] args) throws IOException, InterruptedException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    PrintStream out = new PrintStream(System.out, true, UTF_8);
    JavaDriver driver = new JavaDriver();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      out.println(DriverJson.line(driver.run(DriverJson.request(line))));
    }
  }

  @Override
  public DriverResponse run(DriverRequest request) throws InterruptedException {
    try (DurableObjects objects =
        DurableObjects.connect(
            request.getTarget(), credentials(request), options(request.getOptions()))) {
      Session session =
          new Session(objects, request.getTarget(), resumeOptions(request.getOptions()));
      for (DriverStep step : request.getStepsList()) {
        session.play(step);
      }
      return session.report();
    } catch (ExecutionException | RuntimeException e) {
      return DriverResponse.newBuilder()
          .addAllFeatures(FEATURES)
          .setDriverFault(e.toString())
          .build();
    }
  }

  private static ChannelCredentials credentials(DriverRequest request) {
    ChannelCredentials connection =
        request.getTls() ? TlsChannelCredentials.create() : InsecureChannelCredentials.create();
    if (!request.getOptions().getBearer()) {
      return connection;
    }
    AtomicInteger fetches = new AtomicInteger();
    int failing = request.getOptions().getFailingFetch();
    boolean all = request.getOptions().getLaterFetchesFail();
    return CompositeChannelCredentials.create(
        connection,
        BearerToken.from(
            () -> {
              int number = fetches.incrementAndGet();
              if (number == failing || (all && number > failing)) {
                throw new IllegalStateException("no token today");
              }
              return "token-" + number;
            }));
  }

  private static ClientOptions options(DriverOptions given) {
    ClientOptions.Builder options = ClientOptions.builder();
    if (given.getMaxUnansweredFrames() > 0) {
      options.maxUnansweredFrames(given.getMaxUnansweredFrames());
    }
    if (given.getMaxFrameInvocations() > 0) {
      options.maxFrameInvocations(given.getMaxFrameInvocations());
    }
    if (given.getMaxFrameBytes() > 0) {
      options.maxFrameBytes(given.getMaxFrameBytes());
    }
    if (given.getMaxInvocationBytes() > 0) {
      options.maxInvocationBytes(given.getMaxInvocationBytes());
    }
    if (given.getMaxBufferedInvocations() > 0) {
      options.maxBufferedInvocations(given.getMaxBufferedInvocations());
    }
    if (given.getMaxBufferedBytes() > 0) {
      options.maxBufferedBytes(given.getMaxBufferedBytes());
    }
    if (given.getMaxInboundFrameBytes() > 0) {
      options.maxInboundFrameBytes(given.getMaxInboundFrameBytes());
    }
    if (given.getDeadlineGraceMs() > 0) {
      options.deadlineGrace(Duration.ofMillis(given.getDeadlineGraceMs()));
    }
    if (given.getDescribeTimeoutMs() > 0) {
      options.describeTimeout(Duration.ofMillis(given.getDescribeTimeoutMs()));
    }
    if (given.getEndTimeoutMs() > 0) {
      options.endTimeout(Duration.ofMillis(given.getEndTimeoutMs()));
    }
    if (given.getOpenTimeoutMs() > 0) {
      options.openTimeout(Duration.ofMillis(given.getOpenTimeoutMs()));
    }
    if (given.getKeepAliveTimeMs() > 0) {
      options.keepAliveTime(Duration.ofMillis(given.getKeepAliveTimeMs()));
    }
    if (given.getKeepAliveTimeoutMs() > 0) {
      options.keepAliveTimeout(Duration.ofMillis(given.getKeepAliveTimeoutMs()));
    }
    if (given.getSharedCalls() > 0) {
      options.sharedCalls(given.getSharedCalls());
    }
    if (given.getSharedCallIdleTimeoutMs() > 0) {
      options.sharedCallIdleTimeout(Duration.ofMillis(given.getSharedCallIdleTimeoutMs()));
    }
    options.followRoutes(given.getFollowRoutes());
    if (given.getMaxRoutes() > 0) {
      options.maxRoutes(given.getMaxRoutes());
    }
    return options.build();
  }

  private static ResumeOptions resumeOptions(DriverOptions given) {
    ResumeOptions.Builder options = ResumeOptions.builder();
    if (given.getResumeTimeoutMs() > 0) {
      options.resumeTimeout(Duration.ofMillis(given.getResumeTimeoutMs()));
    }
    if (given.getMaxResumesWithoutProgress() > 0) {
      options.maxResumesWithoutProgress(given.getMaxResumesWithoutProgress());
    }
    if (given.getResumeBackoffMs() > 0) {
      options.resumeBackoff(Duration.ofMillis(given.getResumeBackoffMs()));
    }
    if (given.getMaxResumeBackoffMs() > 0) {
      options.maxResumeBackoff(Duration.ofMillis(given.getMaxResumeBackoffMs()));
    }
    return options.build();
  }

  /** A stub; none, if it was refused. */
  private record Opened(@Nullable DurableObjectStub stub, AtomicInteger breaksTold) {}

  /** One call, and how to wait for what it gives. */
  private interface Call {
    DriverResult await() throws InterruptedException, ExecutionException;

    default void giveUp() {}
  }

  /** One request. Used by one thread. */
  private static final class Session {
    private final DurableObjects objects;
    private final String target;
    private final ResumeOptions resume;
    private final Map<String, Opened> stubs = new LinkedHashMap<>();
    private final List<Call> calls = new ArrayList<>();
    private final Map<Integer, CountDownLatch> done = new HashMap<>();

    Session(DurableObjects objects, String target, ResumeOptions resume) {
      this.objects = objects;
      this.target = target;
      this.resume = resume;
    }

    void play(DriverStep step) throws InterruptedException, ExecutionException {
      switch (step.getStepCase()) {
        case OPEN -> open(step.getOpen());
        case CALL -> {
          for (int i = 0; i < Math.max(1, step.getCall().getTimes()); i++) {
            calls.add(call(step.getCall(), calls.size() + 1));
          }
        }
        case AWAIT -> {
          int first = Math.max(1, step.getAwait().getFirst());
          int last = step.getAwait().getLast() == 0 ? calls.size() : step.getAwait().getLast();
          for (int number = first; number <= last; number++) {
            calls.get(number - 1).await();
          }
        }
        case GIVE_UP -> calls.get(step.getGiveUp().getCall() - 1).giveUp();
        case CLOSE -> stub(step.getClose().getStub()).close();
        case CANCEL -> stub(step.getCancel().getStub()).cancel("the case says so");
        case AWAIT_END -> {
          if (!stub(step.getAwaitEnd().getStub()).awaitEnd(END_PATIENCE)) {
            throw new IllegalStateException("the stub never ended");
          }
        }
        case ID_FROM_NAME -> {
          DriverResult result =
              id(step.getIdFromName().getNamespace(), step.getIdFromName().getName());
          calls.add(() -> result);
        }
        case STEP_NOT_SET -> throw new IllegalStateException("unknown step " + step);
      }
    }

    private DurableObjectStub stub(String name) {
      return Objects.requireNonNull(Objects.requireNonNull(stubs.get(name), name).stub(), name);
    }

    private void open(DriverOpen open) {
      DurableObjectNamespace namespace =
          namespace(objects, open.getNamespace(), open.getUniqueKey());
      if (open.getResumable()) {
        namespace = namespace.resumable(resume);
      }
      DurableObjectStub stub = null;
      AtomicInteger told = new AtomicInteger();
      if (open.hasIdOf()) {
        DriverResult result;
        try {
          DurableObjectId id = id(open.getIdOf());
          stub = namespace.get(id);
          result = DriverResult.newBuilder().setOk(true).setText(id.toString()).build();
        } catch (RuntimeException e) {
          result = failed(e);
        }
        DriverResult made = result;
        calls.add(() -> made);
      } else {
        stub =
            open.getName().isEmpty()
                ? namespace.get(namespace.idFromString(open.getId()))
                : namespace.getByName(open.getName());
      }
      if (stub != null) {
        stub.onBreak(_ -> told.incrementAndGet());
      }
      stubs.put(open.getStub(), new Opened(stub, told));
    }

    private DurableObjectId id(DriverIdOf id) {
      DurableObjects other =
          id.getOtherClient()
              ? DurableObjects.connect(target, InsecureChannelCredentials.create())
              : null;
      try {
        DurableObjectNamespace namespace =
            namespace(other == null ? objects : other, id.getNamespace(), id.getUniqueKey());
        return id.getName().isEmpty()
            ? namespace.idFromString(id.getDigits())
            : namespace.idFromName(id.getName());
      } finally {
        if (other != null) {
          other.close();
        }
      }
    }

    private static DurableObjectNamespace namespace(
        DurableObjects client, String name, String uniqueKey) {
      return uniqueKey.isEmpty() ? client.namespace(name) : client.namespace(name, uniqueKey);
    }

    private Call call(DriverCall call, int number) {
      DurableObjectStub stub = stub(call.getStub());
      if (call.getListen()) {
        return listen(stub);
      }
      ClientProbeGrpc.ClientProbeFutureStub probe = ClientProbeGrpc.newFutureStub(stub.channel());
      if (call.getTimeoutMs() > 0) {
        probe = probe.withDeadlineAfter(call.getTimeoutMs(), TimeUnit.MILLISECONDS);
      }
      if (call.getMetadataCount() > 0) {
        Metadata headers = new Metadata();
        call.getMetadataMap()
            .forEach(
                (key, value) ->
                    headers.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value));
        probe = probe.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
      }
      SayRequest request =
          SayRequest.newBuilder()
              .setText(call.getText().replace("#", String.valueOf(number)))
              .setPadding(ByteString.copyFrom(new byte[call.getPaddingBytes()]))
              .build();
      ListenableFuture<SayResponse> future = probe.say(request);
      if (call.getBlockUntil() > 0) {
        CountDownLatch done = done(call.getBlockUntil());
        future.addListener(() -> Uninterruptibles.awaitUninterruptibly(done), Runnable::run);
      }
      future.addListener(done(number)::countDown, Runnable::run);
      return new Call() {
        @Override
        public DriverResult await() throws InterruptedException, ExecutionException {
          return result(future);
        }

        @Override
        public void giveUp() {
          future.cancel(true);
        }
      };
    }

    /** Released when the call with this number is done. */
    private CountDownLatch done(int number) {
      return done.computeIfAbsent(number, _ -> new CountDownLatch(1));
    }

    private static DriverResult result(ListenableFuture<SayResponse> future)
        throws InterruptedException {
      try {
        SayResponse response = future.get();
        return DriverResult.newBuilder()
            .setOk(true)
            .setText(response.getText())
            .setPaddingBytes(response.getPadding().size())
            .build();
      } catch (ExecutionException e) {
        return failed(e.getCause() == null ? e : e.getCause());
      } catch (CancellationException e) {
        // A cancelled future keeps no cause: Java's way of telling its caller what it did itself.
        return DriverResult.newBuilder()
            .setCode(Status.Code.CANCELLED.name())
            .setReason("CALL_CANCELLED")
            .setFate("UNKNOWN")
            .build();
      }
    }

    private static Call listen(DurableObjectStub stub) {
      DriverResult result;
      try {
        boolean answered =
            ClientProbeGrpc.newBlockingStub(stub.channel())
                .listen(ListenRequest.getDefaultInstance())
                .hasNext();
        result = DriverResult.newBuilder().setOk(answered).build();
      } catch (RuntimeException e) {
        result = failed(e);
      }
      DriverResult made = result;
      return () -> made;
    }

    private DriverResult id(String namespace, String name) {
      try {
        return DriverResult.newBuilder()
            .setOk(true)
            .setText(objects.namespace(namespace).idFromName(name).toString())
            .build();
      } catch (RuntimeException e) {
        return failed(e);
      }
    }

    private static DriverResult failed(Throwable thrown) {
      Status status = Status.fromThrowable(thrown);
      DriverResult.Builder result =
          DriverResult.newBuilder()
              .setCode(status.getCode().name())
              .setMessage(Objects.requireNonNullElse(status.getDescription(), ""));
      CallFailure failure = CallFailure.of(thrown).orElse(null);
      if (thrown instanceof InvalidIdException invalid) {
        return DriverResult.newBuilder()
            .setReason(invalid.reason())
            .setMessage(String.valueOf(invalid.getMessage()))
            .build();
      }
      if (failure == null) {
        return result.setUnexpected(thrown.toString()).build();
      }
      return result
          .setCauseMessage(failure.failureCause().message())
          .setReason(failure.reason())
          .setRetryable(failure.retryable())
          .setOverloaded(failure.overloaded())
          .setRemote(failure.remote())
          .setFate(failure.fate().name())
          .setFailedSequence(Long.toUnsignedString(failure.failedSequence()))
          .setSequence(Long.toUnsignedString(failure.sequence()))
          .build();
    }

    DriverResponse report() throws InterruptedException, ExecutionException {
      DriverResponse.Builder response = DriverResponse.newBuilder().addAllFeatures(FEATURES);
      for (Call call : calls) {
        response.addResults(call.await());
      }
      for (Map.Entry<String, Opened> entry : stubs.entrySet()) {
        Opened opened = entry.getValue();
        DurableObjectStub stub = opened.stub();
        boolean broken = false;
        String reason = "";
        if (stub != null && stub.isBroken()) {
          broken = true;
          // Its listeners are told before its end.
          stub.awaitEnd(BREAK_PATIENCE);
          reason = stub.breakCause().map(FailureCause::reason).orElse("");
        }
        response.addStubs(
            DriverStubState.newBuilder()
                .setStub(entry.getKey())
                .setBroken(broken)
                .setReason(reason)
                .setResumable(stub != null && stub.isResumable())
                .setBreaksTold(opened.breaksTold().get()));
      }
      return response.build();
    }
  }
}
