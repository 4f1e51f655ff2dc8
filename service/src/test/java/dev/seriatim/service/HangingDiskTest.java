package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.Int64Value;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.storage.FaultScript;
import dev.seriatim.v1.Broken;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What clients are told by a host that reads from a disk which hangs, long before the limit on a
 * turn. All of them are on one connection, which no such read may hold.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class HangingDiskTest {
  private static final int READERS = 3;
  private static final int LATE = 10;

  @TempDir private Path directory;
  private final FaultScript faults = new FaultScript();
  private final List<AutoCloseable> open = new ArrayList<>();
  private FaultScript.@Nullable Hold disk;
  private DurableObjectHost host;
  private ManagedChannel connection;

  @BeforeEach
  void start() throws Exception {
    DurableObjectHost.Builder builder =
        DurableObjectHost.builder()
            .limits(HostLimits.builder().turnLimit(Duration.ofMinutes(10)).build())
            .storage(
                StorageOptions.sqlite(directory)
                    .withStorePatience(Duration.ofSeconds(1))
                    .withReadConnections(READERS))
            .namespace(
                TestHost.PROBE,
                ProbeGrpc.getServiceDescriptor(),
                Probe.doing(HangingDiskTest::turn))
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    InternalDurableObjectHost.faults(builder, faults);
    host = builder.build().start();
    open.add(host);
    connection = NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
    open.add(connection::shutdownNow);
  }

  @AfterEach
  void close() throws Exception {
    if (disk != null) {
      disk.release();
    }
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  /** Counts in the entry that the call names; a call that begins with a dot only says how far. */
  private static void turn(Probe probe, Words request, StreamObserver<Words> reply) {
    DurableObjectStorage storage = probe.state().storage();
    boolean reads = request.getText().startsWith(".");
    String key = request.getText().substring(reads ? 1 : 0);
    long n = storage.get(key, Int64Value.getDefaultInstance()).getValue();
    if (!reads) {
      storage.put(key, Int64Value.of(++n));
    }
    Probe.reply(reply, String.valueOf(n));
  }

  /** From now on each read hangs. */
  private FaultScript.Hold hang() {
    FaultScript.Hold hang = faults.holdReads();
    disk = hang;
    return hang;
  }

  private TestStub stub(String name) {
    return new TestStub(connection, TestHost.byName(name), Integer.MAX_VALUE);
  }

  private SessionStub session(int number) {
    return SessionStub.open(connection, "remembered", "s", number, 0, null);
  }

  @Test
  void eachCallIsToldInTimeAndNoOtherIsHeld() {
    TestStub cached = stub("cached");
    assertThat(cached.ask("n")).isEqualTo("1");
    TestStub reading = stub("object");
    for (int i = 0; i < 500; i++) {
      reading.ask("n"); // Until its turns begin on the transport's thread.
    }
    assertThat(session(1).call(1, "n").outcome(1)).isEqualTo("1");
    FaultScript.Hold hang = hang();
    reading.call(".never read");
    SessionStub found = session(2);
    hang.awaitReached();
    // What needs no disk goes on, on the same connection.
    for (int i = 2; i < 50; i++) {
      assertThat(cached.ask("n")).isEqualTo(String.valueOf(i));
    }
    assertThat(found.opened().getCompletedThrough()).isEqualTo(1);
    Broken broken = reading.broken("OBJECT_RESET");
    assertThat(broken.getRetryable()).isTrue();
    assertThat(broken.getCompletedThrough()).isEqualTo(500);
    TestStub claiming = stub("never seen").call("n");
    assertThat(claiming.broken("OBJECT_RESET").getRetryable()).isTrue();
    Wait.until(() -> !host.isServing(), "the host's saying that it doesn't serve");
    int readers = faults.readsHeld();
    assertThat(readers).isAtMost(READERS);
    for (int i = 0; i < LATE; i++) {
      assertThat(stub("late " + i).call("n").broken("OBJECT_RESET").getRetryable()).isTrue();
      SessionStub late = SessionStub.open(connection, "late", "t", i + 1, 0, null);
      assertThat(late.broken("OBJECT_RESET").getRetryable()).isTrue();
    }
    assertThat(faults.readsHeld()).isEqualTo(readers);
    assertThat(cached.ask("n")).isEqualTo("50");
    hang.release();
    Wait.until(host::isServing, "the host's serving again");
    assertThat(ask("object", ".n")).isEqualTo("500");
    assertThat(ask("never seen", "n")).isEqualTo("1");
  }

  @Test
  void theRecordOfASessionIsNotWaitedForWithoutEnd() throws Exception {
    assertThat(session(1).call(1, "n").outcome(1)).isEqualTo("1");
    close();
    open.clear();
    start();
    FaultScript.Hold hang = hang();
    SessionStub found = session(2);
    hang.awaitReached();
    assertThat(found.broken("OBJECT_RESET").getRetryable()).isTrue();
    Wait.until(() -> !host.isServing(), "the host's saying that it doesn't serve");
    hang.release();
    Wait.until(host::isServing, "the host's serving again");
    SessionStub again = session(3);
    assertThat(again.opened().getCompletedThrough()).isEqualTo(1);
    assertThat(again.outcome(1)).isEqualTo("1");
    assertThat(again.call(2, ".n").outcome(2)).isEqualTo("1");
  }

  /** Asks again and again, on stubs that are new, until the host has its store again. */
  private String ask(String object, String text) {
    while (true) {
      TestStub stub = stub(object).call(text);
      stub.halfClose();
      Status end = stub.end();
      if (end.isOk()) {
        return stub.answer();
      }
      assertThat(stub.broken("OBJECT_RESET").getRetryable()).isTrue();
    }
  }
}
