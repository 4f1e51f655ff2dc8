package dev.seriatim.service.connect;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.StubFrame;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.Invocation;
import dev.seriatim.wire.RequestFrame;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One frame from a client, or what is wrong with it. */
public final class Frame implements Arrived, StubFrame {
  private static final RequestFrame EMPTY = new RequestFrame(null, List.of(), 0, null);
  private static final byte[] NOTHING = {};

  private final byte[] bytes;
  private final int size;
  private final @Nullable BreakCause refused;

  /** Null until it is asked for. */
  private @Nullable RequestFrame request;

  private Frame(
      byte[] bytes, int size, @Nullable BreakCause refused, @Nullable RequestFrame request) {
    this.bytes = bytes;
    this.size = size;
    this.refused = refused;
    this.request = request;
  }

  /** A frame of these bytes, which nobody changes any more. */
  public static Frame of(byte[] bytes) {
    return new Frame(bytes, bytes.length, null, null);
  }

  /** A frame of so many bytes that can't be had. */
  static Frame refused(int size, BreakCause why) {
    return new Frame(NOTHING, size, why, EMPTY);
  }

  /** A frame that can't be read from its first byte on. */
  static Frame notAFrame(int size, String why) {
    return refused(size, notARequest(why));
  }

  private static BreakCause notARequest(String why) {
    return BreakCause.of(BreakReason.PROTOCOL_VIOLATION, "a frame is not a ConnectRequest: " + why);
  }

  @CanIgnoreReturnValue
  RequestFrame read() {
    RequestFrame read = request;
    if (read == null) {
      read = RequestFrame.parse(bytes);
      request = read;
    }
    return read;
  }

  @Override
  public byte[] bytes() {
    return bytes;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public @Nullable BreakCause refused() {
    return refused;
  }

  @Override
  public @Nullable Open open() {
    return read().open();
  }

  @Override
  public List<Invocation> invocations() {
    return read().invocations();
  }

  @Override
  public long acknowledgedThrough() {
    return read().acknowledgedThrough();
  }

  @Override
  public @Nullable BreakCause fault() {
    String fault = read().fault();
    return fault == null ? refused : notARequest(fault);
  }
}
