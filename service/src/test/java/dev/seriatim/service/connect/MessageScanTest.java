package dev.seriatim.service.connect;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.seriatim.service.Seeds;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Messages are followed through whatever pieces they come in. */
final class MessageScanTest {
  private static final int PREFIX = 5;
  private static final int MOST = 1_000;

  /** Some messages one behind another. */
  private static final class Messages {
    private final ByteBuf bytes = Unpooled.buffer();
    private final List<Integer> ends = new ArrayList<>();

    Messages(Random random, int count) {
      for (int i = 0; i < count; i++) {
        int length = random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(MOST + 1);
        bytes.writeByte(random.nextInt(2)).writeInt(length).writeBytes(new byte[length]);
        ends.add(bytes.writerIndex());
      }
    }

    int size() {
      return bytes.writerIndex();
    }

    ByteBuf piece(int from, int to) {
      return bytes.slice(from, to - from);
    }

    /** Where the message begins that this byte is in. */
    int begins(int at) {
      int begins = 0;
      for (int end : ends) {
        if (end <= at) {
          begins = end;
        }
      }
      return begins;
    }
  }

  @Test
  void anyPiecesTellWhereMessagesBeginAndEnd() {
    Seeds.each(200, seed -> play(new Random(seed)));
  }

  private static void play(Random random) {
    Messages stream = new Messages(random, 1 + random.nextInt(20));
    MessageScan scan = new MessageScan();
    int from = 0;
    while (from < stream.size()) {
      int to = Math.min(stream.size(), from + 1 + random.nextInt(700));
      ByteBuf piece = stream.piece(from, to);
      String what = "bytes %s to %s".formatted(from, to);
      boolean boundaries = stream.ends.contains(to);
      if (!scan.isInside()) {
        assertWithMessage(what).that(MessageScan.isWhole(piece, MOST)).isEqualTo(boundaries);
      }
      assertWithMessage(what).that(scan.next(piece, MOST)).isTrue();
      assertWithMessage(what).that(piece.readableBytes()).isEqualTo(to - from);
      assertWithMessage(what).that(scan.isInside()).isEqualTo(!boundaries);
      if (!boundaries) {
        int begins = stream.begins(to - 1);
        assertWithMessage(what).that(scan.hasBegun()).isEqualTo(begins >= from);
        assertWithMessage(what).that(scan.before()).isEqualTo(Math.max(0, begins - from));
        if (to - begins >= PREFIX) {
          int end = stream.ends.stream().filter(e -> e > begins).findFirst().orElseThrow();
          assertWithMessage(what).that(scan.length()).isEqualTo(end - begins - PREFIX);
          assertWithMessage(what).that(scan.missing()).isEqualTo(end - to);
        }
      }
      from = to;
    }
  }

  @Test
  void aMessageThatIsTooLongIsFoundByItsPrefix() {
    ByteBuf piece = Unpooled.buffer();
    piece.writeByte(0).writeInt(3).writeBytes(new byte[3]);
    piece.writeByte(0).writeInt(MOST + 1).writeBytes(new byte[7]);
    assertThat(MessageScan.isWhole(piece, MOST)).isFalse();
    MessageScan scan = new MessageScan();
    assertThat(scan.next(piece, MOST)).isFalse();
    assertThat(scan.before()).isEqualTo(PREFIX + 3);
    assertThat(scan.length()).isEqualTo(MOST + 1);
  }

  @Test
  void aLengthIsAnUnsignedNumber() {
    ByteBuf piece = Unpooled.buffer().writeByte(0).writeInt(-1);
    assertThat(MessageScan.isWhole(piece, Integer.MAX_VALUE)).isFalse();
    MessageScan scan = new MessageScan();
    assertThat(scan.next(piece, Integer.MAX_VALUE)).isFalse();
    assertThat(scan.length()).isEqualTo(0xffff_ffffL);
  }
}
