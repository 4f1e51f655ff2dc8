package dev.seriatim.conformance;

import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import dev.seriatim.conformance.v1.AbortRequest;
import dev.seriatim.conformance.v1.AbortResponse;
import dev.seriatim.conformance.v1.Alarm;
import dev.seriatim.conformance.v1.AppendRequest;
import dev.seriatim.conformance.v1.AppendResponse;
import dev.seriatim.conformance.v1.AwaitHeldRequest;
import dev.seriatim.conformance.v1.AwaitHeldResponse;
import dev.seriatim.conformance.v1.CountLateWritesRequest;
import dev.seriatim.conformance.v1.CountLateWritesResponse;
import dev.seriatim.conformance.v1.DescribeInstanceRequest;
import dev.seriatim.conformance.v1.DescribeInstanceResponse;
import dev.seriatim.conformance.v1.DescribeTurnRequest;
import dev.seriatim.conformance.v1.DescribeTurnResponse;
import dev.seriatim.conformance.v1.EchoRequest;
import dev.seriatim.conformance.v1.EchoResponse;
import dev.seriatim.conformance.v1.Entry;
import dev.seriatim.conformance.v1.FailRequest;
import dev.seriatim.conformance.v1.FailResponse;
import dev.seriatim.conformance.v1.GetMemoryRequest;
import dev.seriatim.conformance.v1.GetMemoryResponse;
import dev.seriatim.conformance.v1.HoldRequest;
import dev.seriatim.conformance.v1.HoldResponse;
import dev.seriatim.conformance.v1.Kinds;
import dev.seriatim.conformance.v1.NeverRequest;
import dev.seriatim.conformance.v1.NeverResponse;
import dev.seriatim.conformance.v1.ProbeGrpc;
import dev.seriatim.conformance.v1.ReadJournalRequest;
import dev.seriatim.conformance.v1.ReadJournalResponse;
import dev.seriatim.conformance.v1.ReadRequest;
import dev.seriatim.conformance.v1.ReadResponse;
import dev.seriatim.conformance.v1.ReleaseRequest;
import dev.seriatim.conformance.v1.ReleaseResponse;
import dev.seriatim.conformance.v1.SetMemoryRequest;
import dev.seriatim.conformance.v1.SetMemoryResponse;
import dev.seriatim.conformance.v1.WatchRequest;
import dev.seriatim.conformance.v1.WatchResponse;
import dev.seriatim.conformance.v1.WriteRequest;
import dev.seriatim.conformance.v1.WriteResponse;
import dev.seriatim.service.DurableObjectState;
import dev.seriatim.service.DurableObjectStorage;
import dev.seriatim.service.ListOptions;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The object that the cases drive: see {@code probe.proto}. One instance of it. */
final class Probe extends ProbeGrpc.ProbeImplBase {
  private static final Executor OTHER_THREADS =
      task -> Thread.ofVirtual().name("probe-later").start(task);

  private final ProbeWorld world;
  private final ProbeWorld.Evidence evidence;
  private final DurableObjectState state;
  private final DurableObjectStorage storage;
  private final long instance;

  /** Owned by the turns: they don't overlap. */
  private String memory = "";

  Probe(ProbeWorld world, DurableObjectState state) {
    this.world = world;
    this.state = state;
    storage = state.storage();
    evidence = world.evidence(state.id().toString());
    instance = evidence.newInstance();
  }

  @Override
  public void echo(EchoRequest request, StreamObserver<EchoResponse> reply) {
    evidence.mark(request.getMark());
    EchoResponse.Builder response =
        EchoResponse.newBuilder()
            .setLength(request.getText().length())
            .setPadding(ByteString.copyFrom(new byte[request.getPaddingBytes()]));
    if (!request.getOnlyLength()) {
      response.setText(request.getText());
    }
    answer(reply, response.build());
  }

  @Override
  public void mirror(Kinds request, StreamObserver<Kinds> reply) {
    answer(reply, request);
  }

  @Override
  public void append(AppendRequest request, StreamObserver<AppendResponse> reply) {
    int length = evidence.mark(request.getMark());
    answer(reply, AppendResponse.newBuilder().setLength(length).setMark(request.getMark()).build());
  }

  @Override
  public void readJournal(ReadJournalRequest request, StreamObserver<ReadJournalResponse> reply) {
    answer(
        reply,
        ReadJournalResponse.newBuilder()
            .addAllMarks(evidence.marks())
            .setOverlaps(evidence.overlaps())
            .setInstances(evidence.instances())
            .build());
  }

  @Override
  public void fail(FailRequest request, StreamObserver<FailResponse> reply) {
    evidence.mark(request.getMark());
    RuntimeException failure = StatusProto.toStatusRuntimeException(request.getStatus());
    FailResponse response = FailResponse.getDefaultInstance();
    switch (request.getStyle()) {
      case STYLE_PLAIN_EXCEPTION ->
          throw new IllegalStateException(request.getStatus().getMessage());
      case STYLE_ERROR -> throw new AssertionError(request.getStatus().getMessage());
      case STYLE_REPLY_ERROR -> reply.onError(failure);
      case STYLE_REPLY_ERROR_LATER -> OTHER_THREADS.execute(() -> reply.onError(failure));
      case STYLE_NO_RESPONSE -> reply.onCompleted();
      case STYLE_TWO_RESPONSES -> {
        reply.onNext(response);
        reply.onNext(response);
        reply.onCompleted();
      }
      case STYLE_THROW_BEHIND_RESPONSE -> {
        reply.onNext(response);
        throw failure;
      }
      case STYLE_THROW_BEHIND_REPLY -> {
        answer(reply, response);
        throw failure;
      }
      case STYLE_ERROR_BEHIND_RESPONSE -> {
        reply.onNext(response);
        reply.onError(failure);
      }
      case STYLE_UNSPECIFIED -> throw failure;
      case UNRECOGNIZED ->
          throw new IllegalArgumentException("unknown style " + request.getStyleValue());
    }
  }

  @Override
  public void hold(HoldRequest request, StreamObserver<HoldResponse> reply) {
    evidence.mark(request.getMark());
    ProbeWorld.Gate gate = world.gate(request.getGate());
    CompletableFuture<Void> released = gate.released();
    gate.arrive();
    Runnable end =
        () -> {
          evidence.mark(request.getMarkAfter());
          answer(reply, HoldResponse.getDefaultInstance());
        };
    if (request.getBlock()) {
      Uninterruptibles.awaitUninterruptibly(latch(released));
      end.run();
    } else {
      later(released, end);
    }
  }

  @Override
  public void awaitHeld(AwaitHeldRequest request, StreamObserver<AwaitHeldResponse> reply) {
    later(
        world.gate(request.getGate()).arrived(Math.max(1, request.getTurns())),
        () -> answer(reply, AwaitHeldResponse.getDefaultInstance()));
  }

  @Override
  public void release(ReleaseRequest request, StreamObserver<ReleaseResponse> reply) {
    evidence.mark(request.getMark());
    world.gate(request.getGate()).release();
    answer(reply, ReleaseResponse.getDefaultInstance());
  }

  @Override
  public void never(NeverRequest request, StreamObserver<NeverResponse> reply) {
    evidence.mark(request.getMark());
    if (request.getBlock()) {
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Status.CANCELLED.withDescription("interrupted").withCause(e).asRuntimeException();
      }
    }
  }

  @Override
  public void abort(AbortRequest request, StreamObserver<AbortResponse> reply) {
    evidence.mark(request.getMark());
    state.abort(request.getReason());
    answer(reply, AbortResponse.getDefaultInstance());
  }

  @Override
  public void describeInstance(
      DescribeInstanceRequest request, StreamObserver<DescribeInstanceResponse> reply) {
    DescribeInstanceResponse.Builder response =
        DescribeInstanceResponse.newBuilder().setId(state.id().toString()).setInstance(instance);
    state.name().ifPresent(response::setName);
    answer(reply, response.build());
  }

  @Override
  public void describeTurn(
      DescribeTurnRequest request, StreamObserver<DescribeTurnResponse> reply) {
    Metadata metadata = TurnObserver.METADATA.get();
    Deadline deadline = Context.current().getDeadline();
    DescribeTurnResponse.Builder response =
        DescribeTurnResponse.newBuilder()
            .setIntercepted(metadata != null)
            .setDeadlineIsWithin(
                deadline != null
                    && deadline.timeRemaining(TimeUnit.NANOSECONDS)
                        <= Durations.toNanos(request.getDeadlineWithin()));
    if (metadata != null) {
      for (String key : request.getKeysList()) {
        String value = value(metadata, key);
        if (value != null) {
          response.putMetadata(key, value);
        }
      }
    }
    answer(reply, response.build());
  }

  @Override
  public void setMemory(SetMemoryRequest request, StreamObserver<SetMemoryResponse> reply) {
    evidence.mark(request.getMark());
    memory = request.getValue();
    answer(reply, SetMemoryResponse.getDefaultInstance());
  }

  @Override
  public void getMemory(GetMemoryRequest request, StreamObserver<GetMemoryResponse> reply) {
    answer(reply, GetMemoryResponse.newBuilder().setValue(memory).build());
  }

  @Override
  public void write(WriteRequest request, StreamObserver<WriteResponse> reply) {
    evidence.mark(request.getMark());
    if (request.getDeleteAll()) {
      storage.deleteAll();
    }
    for (Entry entry : request.getPutsList()) {
      storage.put(entry.getKey(), entry.getValueBytes());
    }
    request.getDeletesList().forEach(storage::delete);
    if (request.getRolledBackCount() > 0) {
      rollBack(request.getRolledBackList());
    }
    if (request.hasSetAlarm()) {
      evidence.setAlarm(request.getSetAlarm());
      setAlarm(request.getSetAlarm().getAfter());
    }
    if (request.getDeleteAlarm()) {
      storage.deleteAlarm();
    }
    memory = request.getMemory();
    WriteResponse response =
        WriteResponse.newBuilder().addAllEntries(entries(ListOptions.all())).build();
    switch (request.getThen()) {
      case THEN_UNSPECIFIED -> answer(reply, response);
      case THEN_THROW ->
          throw Status.FAILED_PRECONDITION.withDescription("as it was told").asRuntimeException();
      case THEN_ABORT -> {
        state.abort("as it was told");
        answer(reply, response);
      }
      case THEN_NEVER -> {}
      case THEN_HOLD -> {
        ProbeWorld.Gate gate = world.gate(request.getGate());
        gate.arrive();
        later(gate.released(), () -> answer(reply, response));
      }
      case THEN_WRITE_LATE -> {
        ProbeWorld.Gate gate = world.gate(request.getGate());
        gate.arrive();
        later(
            gate.released(),
            () -> {
              evidence.lateWrite(isRefused());
              gate.arrive();
              answer(reply, response);
            });
      }
      case UNRECOGNIZED ->
          throw new IllegalArgumentException("unknown then " + request.getThenValue());
    }
  }

  private void setAlarm(Duration after) {
    storage.setAlarm(state.clock().instant().plusNanos(Durations.toNanos(after)));
  }

  /** A turn of the object's alarm. */
  void runAlarm() {
    ProbeWorld.Evidence.AlarmRun run = evidence.newAlarmRun();
    Alarm alarm = run.alarm();
    evidence.mark(alarm.getMark() + run.number());
    ProbeWorld.Gate gate = world.gate(alarm.getGate());
    gate.arrive();
    if (alarm.getHold()) {
      Uninterruptibles.awaitUninterruptibly(latch(gate.released()));
    }
    for (Entry entry : alarm.getPutsList()) {
      storage.put(entry.getKey(), entry.getValueBytes());
    }
    if (run.number() < alarm.getTimes()) {
      setAlarm(Durations.ZERO);
    }
    if (run.number() <= alarm.getFailures()) {
      throw Status.FAILED_PRECONDITION.withDescription("as it was told").asRuntimeException();
    }
  }

  private boolean isRefused() {
    try {
      storage.put("late", ByteString.copyFromUtf8("late"));
      return false;
    } catch (IllegalStateException e) {
      return true;
    }
  }

  private void rollBack(List<Entry> entries) {
    DurableObjectStorage.VoidTransaction<RolledBack> body =
        () -> {
          for (Entry entry : entries) {
            storage.put(entry.getKey(), entry.getValueBytes());
          }
          throw new RolledBack();
        };
    try {
      storage.transaction(body);
    } catch (RolledBack e) {
      // As meant: the turn goes on.
    }
  }

  /** Ends a transaction that is to leave nothing. */
  private static final class RolledBack extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  @Override
  public void read(ReadRequest request, StreamObserver<ReadResponse> reply) {
    answer(
        reply,
        ReadResponse.newBuilder()
            .addAllEntries(entries(ListOptions.all().prefix(request.getPrefix())))
            .setMemory(memory)
            .setAlarmIsSet(storage.getAlarm().isPresent())
            .build());
  }

  private List<Entry> entries(ListOptions options) {
    return storage.list(options).entrySet().stream()
        .map(
            entry ->
                Entry.newBuilder().setKey(entry.getKey()).setValueBytes(entry.getValue()).build())
        .toList();
  }

  @Override
  public void countLateWrites(
      CountLateWritesRequest request, StreamObserver<CountLateWritesResponse> reply) {
    answer(
        reply,
        CountLateWritesResponse.newBuilder()
            .setRefused(evidence.lateWritesRefused())
            .setLetThrough(evidence.lateWritesLetThrough())
            .build());
  }

  @Override
  public void watch(WatchRequest request, StreamObserver<WatchResponse> reply) {
    reply.onCompleted();
  }

  private static @Nullable String value(Metadata metadata, String key) {
    if (!key.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
      return metadata.get(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER));
    }
    byte[] value = metadata.get(Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER));
    return value == null ? null : Base64.getEncoder().encodeToString(value);
  }

  private static <M extends Message> void answer(StreamObserver<M> reply, M response) {
    reply.onNext(response);
    reply.onCompleted();
  }

  /** Runs it on a thread that is not the one which opens the gate, nor the turn's own. */
  @SuppressWarnings("FutureReturnValueIgnored") // Fails only where the turn was cut off meanwhile.
  private static void later(CompletableFuture<Void> signal, Runnable task) {
    signal.thenRunAsync(task, OTHER_THREADS);
  }

  @SuppressWarnings("FutureReturnValueIgnored")
  private static CountDownLatch latch(CompletableFuture<Void> signal) {
    CountDownLatch latch = new CountDownLatch(1);
    signal.thenRun(latch::countDown);
    return latch;
  }
}
