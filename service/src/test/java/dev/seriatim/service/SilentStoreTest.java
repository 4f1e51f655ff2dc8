package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.Int64Value;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.storage.PostgresServer;
import dev.seriatim.service.storage.TcpProxy;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What clients are told by a host whose PostgreSQL says nothing any more. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class SilentStoreTest {
  private static final int STUBS = 10;

  private final TcpProxy proxy = new TcpProxy(PostgresServer.shared());
  private final TestHost host;

  SilentStoreTest() throws Exception {
    host =
        TestHost.storing(
            StorageOptions.postgres(url()).withStorePatience(Duration.ofSeconds(1)),
            Probe.doing(SilentStoreTest::increment));
  }

  private String url() {
    // Each statement as text, so that the proxy can read what is committed.
    return proxy.url(PostgresServer.shared().newSchema()) + "&prepareThreshold=0";
  }

  @AfterEach
  void close() {
    proxy.speak();
    host.close();
    proxy.close();
  }

  /** Counts in the entry that the call names, or only says how far it is. */
  private static void increment(Probe probe, Words request, StreamObserver<Words> reply) {
    DurableObjectStorage storage = probe.state().storage();
    boolean reads = request.getText().equals("read");
    String key = reads ? "n" : request.getText();
    long n = storage.get(key, Int64Value.getDefaultInstance()).getValue();
    if (!reads) {
      storage.put(key, Int64Value.of(++n));
    }
    Probe.reply(reply, String.valueOf(n));
  }

  @Test
  void eachCallIsToldInTimeAndNoneWhatIsNotSo() {
    List<TestStub> stubs = new ArrayList<>();
    for (int i = 0; i < STUBS; i++) {
      stubs.add(host.stub("object"));
      stubs.add(host.stub("object " + i));
    }
    for (TestStub stub : stubs) {
      stub.ask("n");
    }
    proxy.silenceAnswersToCommit();
    // Some of them are in the group whose answer gets lost, others behind it.
    for (TestStub stub : stubs) {
      stub.call("n", "n");
    }
    int unknown = 0;
    int lost = 0;
    for (int i = 0; i < stubs.size(); i++) {
      Status end = stubs.get(i).end();
      if (stubs.get(i).isBroken()) {
        stubs.get(i).broken("OBJECT_RESET");
      } else {
        assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(end.getDescription()).contains("has not said");
        lost++;
        unknown += i % 2 == 0 ? 2 : 0;
      }
    }
    // While it is silent, whoever comes is told, too.
    List<TestStub> late = new ArrayList<>();
    for (int i = 0; i < STUBS; i++) {
      late.add(host.stub("object").call("n"));
      late.add(host.stub("never seen").call("read"));
    }
    for (TestStub stub : late) {
      assertThat(stub.broken("OBJECT_RESET").getRetryable()).isTrue();
    }
    assertThat(lost).isAtLeast(1);
    proxy.speak();
    long found = ask("object", "read");
    assertThat(found).isAtLeast(STUBS);
    assertThat(found).isAtMost(STUBS + unknown);
    assertThat(ask("object", "n")).isEqualTo(found + 1);
    assertThat(ask("object", "read")).isEqualTo(found + 1);
  }

  /** Asks again and again, on stubs that are new, until the host has its store again. */
  private long ask(String object, String text) {
    while (true) {
      TestStub stub = host.stub(object).call(text);
      stub.halfClose();
      Status end = stub.end();
      if (end.isOk()) {
        return Long.parseLong(stub.answer());
      }
      assertThat(stub.broken("OBJECT_RESET").getRetryable()).isTrue();
    }
  }
}
