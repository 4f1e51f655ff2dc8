package dev.seriatim.service.dispatch;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.wire.Invocation;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServiceDescriptor;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class ArgumentReadsTest {
  private static final int LARGE = 1 << 20;

  private final Semaphore reading = new Semaphore(0);
  private final CountDownLatch goOn = new CountDownLatch(1);
  private final ArgumentReads reads = new ArgumentReads(1);

  /** Takes as long as the test wants to read what is large. */
  private final class SlowReads implements MethodDescriptor.Marshaller<Integer> {
    @Override
    public InputStream stream(Integer value) {
      return new ByteArrayInputStream(new byte[value]);
    }

    @Override
    public Integer parse(InputStream stream) {
      try {
        int size = stream.available();
        if (size == LARGE) {
          reading.release();
          assertThat(goOn.await(30, TimeUnit.SECONDS)).isTrue();
        }
        return size;
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
  }

  private final ObjectMethod method =
      new MethodTable(
              ServiceDescriptor.newBuilder("Service")
                  .addMethod(
                      MethodDescriptor.<Integer, Integer>newBuilder()
                          .setType(MethodType.UNARY)
                          .setFullMethodName("Service/Method")
                          .setRequestMarshaller(new SlowReads())
                          .setResponseMarshaller(new SlowReads())
                          .build())
                  .build())
          .methods()
          .get(0);

  private Object read(int bytes) {
    ByteString argument = ByteString.copyFrom(new byte[bytes]);
    try {
      return reads.parse(
          method,
          Invocation.of(
              dev.seriatim.v1.Invocation.newBuilder()
                  .setSequence(1)
                  .setMethod("Method")
                  .setMessage(argument)
                  .build()));
    } catch (MalformedArgumentException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void ofLargeOnesSoManyAreReadAtATimeAndTheOthersPassThem() throws Exception {
    Thread one = Thread.ofVirtual().start(() -> read(LARGE));
    assertThat(reading.tryAcquire(30, TimeUnit.SECONDS)).isTrue();
    Thread another = Thread.ofVirtual().start(() -> read(LARGE));
    while (another.getState() != Thread.State.WAITING) {
      assertThat(reading.tryAcquire(5, TimeUnit.MILLISECONDS)).isFalse();
    }
    assertThat(read(1_000)).isEqualTo(1_000);
    goOn.countDown();
    assertThat(reading.tryAcquire(30, TimeUnit.SECONDS)).isTrue();
    one.join();
    another.join();
  }
}
