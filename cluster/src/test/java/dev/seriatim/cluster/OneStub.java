package dev.seriatim.cluster;

import com.google.rpc.Status;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.service.connect.Frame;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import dev.seriatim.wire.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A relay, its client, and an edge that has no other. */
final class OneStub extends FakeEdge implements Attachment {
  static final Namespace NAMESPACE =
      new Namespace(
          "COUNTER",
          "COUNTER",
          new DurableObjectIds("COUNTER"),
          new MethodTable(CounterGrpc.getServiceDescriptor()),
          _ -> new CounterGrpc.CounterImplBase() {});

  static final ObjectAddress ADDRESS =
      new ObjectAddress(NAMESPACE, NAMESPACE.ids().fromName("somebody"));

  private final Relay relay;

  /** Finds a way if there is one. */
  private final Function<Relay, @Nullable Way> ways;

  /** Whether the client reads, as it says whenever it is asked. */
  private final BooleanSupplier reads;

  private final AtomicLong room = new AtomicLong();
  private final AtomicLong now = new AtomicLong();
  private final AtomicInteger lost = new AtomicInteger();

  // Written by whoever serves the relay, one thread at a time.
  private volatile boolean known;
  private volatile boolean waits;
  private volatile @Nullable Broken broken;
  private volatile @Nullable Status end;

  OneStub(Function<Relay, @Nullable Way> ways, BooleanSupplier reads) {
    this.ways = ways;
    this.reads = reads;
    this.relay = new Relay(ADDRESS, this, /* fromObject= */ false, /* session= */ null, this);
  }

  Relay relay() {
    return relay;
  }

  /** The client sends a frame with one call. */
  void call(long sequence) {
    relay
        .input()
        .add(
            Frame.of(
                ConnectRequest.newBuilder()
                    .addInvocations(Invocation.newBuilder().setSequence(sequence).setMethod("Get"))
                    .build()
                    .toByteArray()));
  }

  /** Time passes, and the edge looks at it as it does at all that wait. */
  void after(Duration time) {
    boolean _ = relay.look(now.addAndGet(time.toNanos()));
  }

  /** Whether the edge has it among those that are open. */
  boolean isKnown() {
    return known;
  }

  /** Whether the edge has it among those that wait. */
  boolean isWaiting() {
    return waits;
  }

  /** How often it was counted as lost. */
  int lost() {
    return lost.get();
  }

  /** How much room the edge keeps for what its client has sent. */
  long room() {
    return room.get();
  }

  /** What the client was told of what ran; null if it was told nothing. */
  @Nullable Broken broken() {
    return broken;
  }

  /** With what it has ended; null if it hasn't. */
  @Nullable Status end() {
    return end;
  }

  // ---- the edge

  @Override
  public long nanos() {
    return now.get();
  }

  @Override
  public @Nullable Way way(Relay one, boolean onClientsThread) {
    return ways.apply(one);
  }

  @Override
  public void began(Relay one) {
    known = true;
    waits = true;
  }

  @Override
  public void found(Relay one) {
    waits = false;
  }

  @Override
  public void waits(Relay one) {
    waits = true;
  }

  @Override
  public void lost(Relay one) {
    lost.incrementAndGet();
  }

  @Override
  public void ended(Relay one) {
    known = false;
    waits = false;
  }

  @Override
  public @Nullable String takeRoom(int count, long more) {
    room.addAndGet(more);
    return null;
  }

  @Override
  public void giveRoom(int count, long less) {
    room.addAndGet(-less);
  }

  // ---- the client

  @Override
  public boolean isReady() {
    return reads.getAsBoolean();
  }

  @Override
  public void send(List<Outcome> outcomes, @Nullable Broken last) {
    broken = last;
  }

  @Override
  public void close(Status status) {
    end = status;
  }
}
