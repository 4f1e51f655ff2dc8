package dev.seriatim.testing;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Int64Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.Fate;
import dev.seriatim.stub.Reasons;
import dev.seriatim.testing.v1.AddResponse;
import dev.seriatim.testing.v1.RingRequest;
import io.grpc.StatusRuntimeException;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a test does to one object, and sees of it. */
class TestObjectTest {
  @RegisterExtension static final SeriatimExtension SERIATIM = SeriatimExtension.of(Tally::addTo);

  @Test
  void anObjectIsEvictedBehindItsOpenStubs(TestSeriatim host) {
    TestObject object = host.object(Tally.NAMESPACE, "a");
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(object.isLive()).isFalse();
    assertThat(object.evict()).isFalse();
    assertThat(Tallies.add(stub, 2).getCalls()).isEqualTo(1);
    assertThat(Tallies.add(stub, 2).getCalls()).isEqualTo(2);
    assertThat(object.isLive()).isTrue();
    assertThat(object.evict()).isTrue();
    assertThat(object.isLive()).isFalse();
    AddResponse after = Tallies.add(stub, 1);
    assertThat(after.getCalls()).isEqualTo(1);
    assertThat(after.getSum()).isEqualTo(5);
  }

  @Test
  void anObjectIsAborted(TestSeriatim host) {
    TestObject object = host.object(Tally.NAMESPACE, "a");
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(object.abort("nobody is there")).isFalse();
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    assertThat(object.abort("as the test wants it")).isTrue();
    CallFailure failure = Tallies.failure(stub);
    assertThat(failure.reason()).isEqualTo(Reasons.OBJECT_RESET);
    assertThat(failure.failureCause().message()).contains("as the test wants it");
    assertThat(Tallies.sum(host.stub(Tally.NAMESPACE, "a"))).isEqualTo(2);
  }

  @Test
  void theNextCallBreaks(TestSeriatim host) {
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(2);
    host.object(Tally.NAMESPACE, "a").breakNextCall(Reasons.OVERLOADED);
    assertThat(Tallies.sum(host.stub(Tally.NAMESPACE, "b"))).isEqualTo(0);
    CallFailure failure = Tallies.failure(stub);
    assertThat(failure.reason()).isEqualTo(Reasons.OVERLOADED);
    assertThat(failure.overloaded()).isTrue();
    assertThat(failure.fate()).isEqualTo(Fate.NOT_EXECUTED);
    assertThat(Tallies.sum(host.stub(Tally.NAMESPACE, "a"))).isEqualTo(2);
    assertThrows(
        IllegalArgumentException.class,
        () -> host.object(Tally.NAMESPACE, "a").breakNextCall("NO_SUCH_REASON"));
  }

  @Test
  void theAlarmRunsWhenTheTestSaysSo(TestSeriatim host) {
    TestObject object = host.object(Tally.NAMESPACE, "a");
    assertThat(object.runAlarm()).isFalse();
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    Tallies.ringAfterSeconds(stub, 3600);
    assertThat(object.alarm()).hasValue(Instant.parse("2026-01-01T01:00:00Z"));
    assertThat(object.runAlarm()).isTrue();
    assertThat(object.entries("rang/")).hasSize(1);
    assertThat(object.alarm()).isEmpty();
    Tallies.ring(
        stub, RingRequest.newBuilder().setAfter(Durations.fromHours(1)).setFailures(1).build());
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, object::runAlarm);
    assertThat(e).hasMessageThat().contains("it fails as it was told");
  }

  @Test
  void storageIsReadAndWritten(TestSeriatim host) {
    TestObject object = host.object(Tally.NAMESPACE, "a");
    assertThat(object.get("sum", Int64Value.of(-1))).isEqualTo(Int64Value.of(-1));
    object.put("sum", Int64Value.of(40));
    assertThat(object.isLive()).isFalse();
    DurableObjectStub stub = host.stub(Tally.NAMESPACE, "a");
    assertThat(Tallies.add(stub, 2).getSum()).isEqualTo(42);
    assertThat(object.entries("s", Int64Value.parser())).containsExactly("sum", Int64Value.of(42));
    object.put("sum", Int64Value.of(1));
    AddResponse after = Tallies.add(stub, 1);
    assertThat(after.getSum()).isEqualTo(2);
    assertThat(after.getCalls()).isEqualTo(1);
    assertThat(object.delete("sum")).isTrue();
    assertThat(object.delete("sum")).isFalse();
    assertThat(Tallies.sum(stub)).isEqualTo(0);
  }

  @Test
  void aTestsCodeRunsAsATurn(TestSeriatim host) throws Exception {
    TestObject object = host.object(Tally.NAMESPACE, "a");
    object.run(state -> state.storage().put("sum", Int64Value.of(7)));
    assertThat(object.<Optional<String>>call(state -> state.name())).hasValue("a");
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () ->
                object.run(
                    state -> {
                      state.storage().put("sum", Int64Value.of(8));
                      throw new IllegalStateException("no, not that");
                    }));
    assertThat(e).hasMessageThat().isEqualTo("no, not that");
    assertThat(Tallies.storedSum(object)).isEqualTo(7);
  }

  @Test
  void objectsAreListed(TestSeriatim host) {
    assertThat(host.objects(Tally.NAMESPACE)).isEmpty();
    assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "b"), 1).getSum()).isEqualTo(1);
    assertThat(Tallies.add(host.stub(Tally.NAMESPACE, "a"), 1).getSum()).isEqualTo(1);
    assertThat(host.objects(Tally.NAMESPACE))
        .containsExactly(stored(host, "a"), stored(host, "b"))
        .inOrder();
    assertThat(host.objects("NO_SUCH_NAMESPACE")).isEmpty();
  }

  private static StoredObject stored(TestSeriatim host, String name) {
    return new StoredObject(
        Tally.NAMESPACE,
        Optional.of(name),
        host.objects().namespace(Tally.NAMESPACE).idFromName(name).toString());
  }

  @Test
  void anObjectThatCannotBeIsRefused(TestSeriatim host) {
    assertThrows(IllegalArgumentException.class, () -> host.object("NO_SUCH_NAMESPACE", "a"));
    assertThrows(IllegalArgumentException.class, () -> host.object(Tally.NAMESPACE, ""));
  }
}
