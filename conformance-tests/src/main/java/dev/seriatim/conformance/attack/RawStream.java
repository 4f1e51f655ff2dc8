package dev.seriatim.conformance.attack;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.rpc.ErrorInfo;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** One stream of a {@link RawConnection}, and what the host has said on it. */
final class RawStream {
  /** A gRPC message has this before it: whether it is compressed, and its length. */
  private static final int PREFIX = 5;

  private final RawConnection connection;
  private final int id;

  /** How much the host takes. Guarded by the connection. */
  long window;

  // Guarded by this.
  private byte[] unread = new byte[0];
  private int outcomes;
  private @Nullable Broken broken;
  private boolean over;

  RawStream(RawConnection connection, int id, int window) {
    this.connection = connection;
    this.id = id;
    this.window = window;
  }

  int id() {
    return id;
  }

  // ---- what is said

  /** Sends a message whole. */
  RawStream message(MessageLite message) throws IOException {
    byte[] bytes = framed(message.toByteArray(), message.getSerializedSize(), false);
    connection.data(this, bytes, 0, bytes.length, Long.MAX_VALUE / 2_000_000);
    return this;
  }

  /** The beginning of a message that claims to be of this length: the prefix and these bytes. */
  static byte[] framed(byte[] bytes, int claimed, boolean compressed) {
    ByteArrayOutputStream message = new ByteArrayOutputStream(PREFIX + bytes.length);
    message.write(compressed ? 1 : 0);
    message.writeBytes(ByteBuffer.allocate(4).putInt(claimed).array());
    message.writeBytes(bytes);
    return message.toByteArray();
  }

  /**
   * Sends bytes, whatever they mean, as long as they are taken.
   *
   * @return how many were sent
   */
  int data(byte[] bytes, long patienceMillis) throws IOException {
    return connection.data(this, bytes, 0, bytes.length, patienceMillis);
  }

  void end() throws IOException {
    connection.endStream(this);
  }

  void reset() throws IOException {
    connection.reset(this);
  }

  // ---- what is heard, by the connection's reader

  synchronized void received(byte[] more) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(unread);
    all.writeBytes(more);
    ByteBuffer buffer = ByteBuffer.wrap(all.toByteArray());
    while (buffer.remaining() >= PREFIX) {
      int length = buffer.getInt(buffer.position() + 1);
      if (buffer.remaining() < PREFIX + length) {
        break;
      }
      byte[] message = new byte[length];
      buffer.position(buffer.position() + PREFIX);
      buffer.get(message);
      understood(message);
    }
    unread = new byte[buffer.remaining()];
    buffer.get(unread);
  }

  private void understood(byte[] message) {
    try {
      ConnectResponse response = ConnectResponse.parseFrom(message);
      outcomes += response.getOutcomesCount();
      if (response.hasBroken()) {
        broken = response.getBroken();
      }
    } catch (InvalidProtocolBufferException e) {
      // Another service's.
    }
  }

  synchronized void over() {
    over = true;
  }

  // ---- what came of it

  synchronized boolean isOver() {
    return over;
  }

  synchronized int outcomes() {
    return outcomes;
  }

  /** What the break says, or null if the stub hasn't broken. */
  synchronized @Nullable String breakMessage() {
    return broken == null ? null : broken.getCause().getMessage();
  }

  /** Why the stub broke, or null if it hasn't. */
  synchronized @Nullable String reason() {
    if (broken == null || broken.getCause().getDetailsCount() == 0) {
      return null;
    }
    Any first = broken.getCause().getDetails(0);
    try {
      return first.unpack(ErrorInfo.class).getReason();
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }
}
