package dev.seriatim.service.connect;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;

/**
 * Follows the gRPC messages of one stream through the pieces that they come in: five bytes say
 * whether a message is compressed, and its length. For one thread.
 */
final class MessageScan {
  private static final int PREFIX = 5;

  private int prefixRead;
  private long length;
  private long missing;

  /** Where in the last piece the message begins that the piece ends in, or -1 if before it. */
  private int beginning;

  /** Whether this piece, which comes when there is no message begun, is messages as a whole. */
  static boolean isWhole(ByteBuf piece, int maxLength) {
    int at = piece.readerIndex();
    int end = at + piece.readableBytes();
    while (end - at >= PREFIX) {
      long length = piece.getUnsignedInt(at + 1);
      if (length > maxLength) {
        return false;
      }
      at += (int) Math.min(length + PREFIX, end - at + 1L);
    }
    return at == end;
  }

  /**
   * The next piece.
   *
   * @param maxLength how long a message may be
   * @return false if it has, or goes on with, a message that is longer
   */
  boolean next(ByteBuf piece, int maxLength) {
    int at = piece.readerIndex();
    int end = at + piece.readableBytes();
    beginning = -1;
    while (at < end) {
      if (missing > 0) {
        int part = (int) Math.min(missing, end - at);
        missing -= part;
        at += part;
      } else {
        if (prefixRead == 0) {
          beginning = at - piece.readerIndex();
          length = 0;
        }
        if (prefixRead > 0) {
          length = length << 8 | piece.getUnsignedByte(at);
        }
        at++;
        prefixRead++;
        if (prefixRead == PREFIX) {
          prefixRead = 0;
          missing = length;
          if (length > maxLength) {
            return false;
          }
        }
      }
    }
    return true;
  }

  /** Whether a message has begun that hasn't come to its end. */
  boolean isInside() {
    return missing > 0 || prefixRead > 0;
  }

  /** Whether a message began in the last piece. */
  boolean hasBegun() {
    return beginning >= 0;
  }

  /** How many bytes of the last piece belong to what came before the message that it ends in. */
  int before() {
    return Math.max(0, beginning);
  }

  /** The length of the last message that has said its length. */
  long length() {
    return length;
  }

  /** How much of it hasn't come yet. */
  long missing() {
    return missing;
  }
}
