package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;

import io.grpc.netty.shaded.io.netty.channel.DefaultChannelConfig;
import io.grpc.netty.shaded.io.netty.channel.RecvByteBufAllocator.ExtendedHandle;
import io.grpc.netty.shaded.io.netty.channel.embedded.EmbeddedChannel;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** How much is read of a connection at a time, by how long it takes to work off. */
final class PacedReadsTest {
  private final AtomicLong now = new AtomicLong();
  private final ExtendedHandle handle = (ExtendedHandle) new PacedReads(now::get).newHandle();

  /** Reads as much as there is room for, again and again, and gives how much that is in the end. */
  private int settled(long nanosOfOneByte) {
    int bytes = 0;
    for (int i = 0; i < 40; i++) {
      handle.reset(new DefaultChannelConfig(new EmbeddedChannel()));
      bytes = handle.guess();
      handle.attemptedBytesRead(bytes);
      handle.lastBytesRead(bytes);
      now.addAndGet(bytes * nanosOfOneByte);
      handle.incMessagesRead(1);
      assertThat(handle.continueReading()).isFalse();
      handle.readComplete();
    }
    return bytes;
  }

  @Test
  void muchIsReadOfWhatIsSoonWorkedOff() {
    assertThat(settled(/* nanosOfOneByte= */ 10)).isEqualTo(64 << 10);
  }

  @Test
  void littleIsReadOfWhatTakesLong() {
    assertThat(settled(/* nanosOfOneByte= */ 500)).isAtMost(4_000);
    assertThat(settled(/* nanosOfOneByte= */ 1_000_000)).isEqualTo(1 << 10);
  }

  @Test
  void whatIsSoonWorkedOffAgainIsReadInLargePiecesAgain() {
    int slow = settled(/* nanosOfOneByte= */ 500);
    assertThat(settled(/* nanosOfOneByte= */ 10)).isGreaterThan(8 * slow);
  }

  @Test
  void onePauseDoesNotSlowTheConnectionDownForLong() {
    int before = settled(/* nanosOfOneByte= */ 10);
    handle.lastBytesRead(100);
    now.addAndGet(1_000_000_000);
    handle.readComplete();
    assertThat(handle.guess()).isAtLeast(before / 2);
  }

  @Test
  void theEndOfAConnectionChangesNothing() {
    int before = settled(/* nanosOfOneByte= */ 10);
    handle.lastBytesRead(-1);
    now.addAndGet(1_000_000_000);
    handle.readComplete();
    assertThat(handle.guess()).isEqualTo(before);
  }
}
