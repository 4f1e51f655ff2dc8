package dev.seriatim.service.dispatch;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.sun.management.ThreadMXBean;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Seeds;
import dev.seriatim.service.probe.MirrorGrpc;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.wire.Invocation;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What arguments are taken to need in memory, beside what is allocated when they are read. */
final class HeapEstimateTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private interface Seeded {
    void play() throws Exception;
  }

  /** Of the seed that is played. */
  private Random random = new Random();

  private void eachSeed(Seeded test) {
    Seeds.each(
        1,
        seed -> {
          random = new Random(seed);
          test.play();
        });
  }

  private Value value(int depth) {
    return switch (random.nextInt(depth > 0 ? 7 : 5)) {
      case 0 -> Value.newBuilder().setNullValue(NullValue.NULL_VALUE).build();
      case 1 -> Value.newBuilder().setBoolValue(random.nextBoolean()).build();
      case 2 -> Value.newBuilder().setNumberValue(random.nextInt(1000)).build();
      case 3 -> Value.newBuilder().setStringValue("x".repeat(random.nextInt(40))).build();
      case 4 -> Value.newBuilder().setStringValue("\u00e4".repeat(random.nextInt(2000))).build();
      case 5 -> {
        ListValue.Builder list = ListValue.newBuilder();
        int size = random.nextInt(1 << random.nextInt(8));
        for (int i = 0; i < size; i++) {
          list.addValues(value(depth - 1));
        }
        yield Value.newBuilder().setListValue(list).build();
      }
      default -> {
        Struct.Builder struct = Struct.newBuilder();
        int size = random.nextInt(1 << random.nextInt(6));
        for (int i = 0; i < size; i++) {
          struct.putFields("key" + i, value(depth - 1));
        }
        yield Value.newBuilder().setStructValue(struct).build();
      }
    };
  }

  private interface Reading {
    Object read() throws Exception;
  }

  private static long allocated(Reading reading) throws Exception {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    Object _ = reading.read();
    return THREADS.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  void isAboutWhatReadingAllocates() {
    eachSeed(this::compareWithWhatReadingAllocates);
  }

  private void compareWithWhatReadingAllocates() throws Exception {
    Value.Builder every = Value.newBuilder(); // Its classes are loaded when it is read.
    every
        .getStructValueBuilder()
        .putFields(
            "list",
            Value.newBuilder()
                .setListValue(ListValue.newBuilder().addValues(value(0)).addValues(value(5)))
                .build());
    Object _ = Value.parseFrom(every.build().toByteString());
    for (int i = 0; i < 300; i++) {
      ByteString bytes = value(5).toByteString();
      if (bytes.size() < 1000) {
        continue;
      }
      long allocated = allocated(() -> Value.parseFrom(bytes));
      long estimate = HeapEstimate.of(bytes, Value.getDescriptor(), Long.MAX_VALUE);
      assertWithMessage("%s bytes, %s allocated", bytes.size(), allocated)
          .that(estimate)
          .isAtLeast(allocated / 3);
      assertWithMessage("%s bytes, %s allocated", bytes.size(), allocated)
          .that(estimate)
          .isAtMost(3 * allocated);
    }
  }

  private static ByteString emptyValues(int count) {
    ListValue.Builder list = ListValue.newBuilder();
    for (int i = 0; i < count; i++) {
      list.addValues(Value.getDefaultInstance());
    }
    return Value.newBuilder().setListValue(list).build().toByteString();
  }

  @Test
  void emptyMessagesAreWhatTheyAre() {
    ByteString bytes = emptyValues(100_000);
    assertThat(bytes.size()).isAtMost(200_100);
    assertThat(HeapEstimate.of(bytes, Value.getDescriptor(), Long.MAX_VALUE)).isAtLeast(4_000_000);
  }

  /** It costs time that others need. */
  @Test
  void whatIsTooMuchInAnyCaseIsNotCountedToItsEnd() {
    ByteString bytes = emptyValues(100_000);
    long estimate = HeapEstimate.of(bytes, Value.getDescriptor(), 50_000);
    assertThat(estimate).isGreaterThan(50_000);
    assertThat(estimate).isAtMost(51_000);
  }

  @Test
  void whatIsDamagedCountsUpToThere() {
    eachSeed(this::countWhatIsDamaged);
  }

  private void countWhatIsDamaged() {
    ByteString whole = value(5).toByteString();
    for (int i = 0; i < 1_000; i++) {
      byte[] bytes = whole.toByteArray();
      if (bytes.length > 0) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      assertThat(HeapEstimate.of(ByteString.copyFrom(bytes), Value.getDescriptor(), Long.MAX_VALUE))
          .isAtLeast(0);
    }
  }

  @Test
  void whatIsNestedWithoutEndIsCutOff() {
    byte[] bytes = new byte[1 << 20];
    for (int i = 0; i + 1 < bytes.length; i += 2) {
      bytes[i] = 0x32; // Value.list_value and ListValue.values in turn, each said to hold nothing.
    }
    assertThat(HeapEstimate.of(ByteString.copyFrom(bytes), Value.getDescriptor(), Long.MAX_VALUE))
        .isAtLeast(0);
    ByteString deep = ByteString.EMPTY;
    for (int i = 0; i < 10_000; i++) {
      int tag = i % 2 == 0 ? 0x0a : 0x32; // In turn a list of values, and a value that is a list.
      ByteString.Output out = ByteString.newOutput();
      out.write(tag);
      int length = deep.size();
      while (length >= 0x80) {
        out.write((length & 0x7f) | 0x80);
        length >>>= 7;
      }
      out.write(length);
      deep = out.toByteString().concat(deep);
    }
    assertThat(HeapEstimate.of(deep, Value.getDescriptor(), Long.MAX_VALUE)).isLessThan(100_000);
  }

  private static ObjectMethod method(io.grpc.ServiceDescriptor service) {
    return new MethodTable(service).methods().get(0);
  }

  private static Invocation invocation(Value json) {
    return Invocation.of(dev.seriatim.v1.Invocation.newBuilder().setJson(json).build());
  }

  @Test
  void jsonTakesMoreThanItsTree() {
    eachSeed(this::compareJsonWithItsTree);
  }

  private void compareJsonWithItsTree() throws Exception {
    ObjectMethod method = method(MirrorGrpc.getServiceDescriptor());
    for (int i = 0; i < 100; i++) {
      Invocation invocation =
          invocation(
              Value.newBuilder()
                  .setStructValue(Struct.newBuilder().putFields("aValue", value(4)))
                  .build());
      long estimate = method.heapBytes(invocation, Long.MAX_VALUE);
      Object _ = method.parse(invocation); // Classes are loaded.
      long allocated = allocated(() -> method.parse(invocation));
      if (estimate > 0) {
        assertWithMessage("%s allocated", allocated).that(estimate).isAtLeast(allocated / 3);
        assertWithMessage("%s allocated", allocated).that(estimate).isAtMost(3 * allocated);
      }
    }
  }

  @Test
  void whatIsSmallIsNotCounted() {
    ObjectMethod method = requireNonNull(method(ProbeGrpc.getServiceDescriptor()));
    assertThat(method.heapBytes(message(Probe.filling(10_000).toByteString()), Long.MAX_VALUE))
        .isEqualTo(0);
    assertThat(method.heapBytes(message(Probe.filling(100_000).toByteString()), Long.MAX_VALUE))
        .isAtLeast(100_000);
    assertThat(method.heapBytes(message(Probe.filling(100_000).toByteString()), Long.MAX_VALUE))
        .isAtMost(101_000);
    assertThat(method.heapBytes(message(ByteString.copyFrom(new byte[0])), Long.MAX_VALUE))
        .isEqualTo(0);
  }

  private static Invocation message(ByteString bytes) {
    return Invocation.of(dev.seriatim.v1.Invocation.newBuilder().setMessage(bytes).build());
  }
}
