package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Value;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An invocation that has come, as {@code seriatim.v1.Invocation} describes it. Immutable. */
public final class Invocation {
  private final long sequence;
  private final String method;
  private final ByteString message;

  /** The same by the generated class, if it has more than the fields above. */
  private final dev.seriatim.v1.@Nullable Invocation whole;

  Invocation(long sequence, String method, ByteString message) {
    this.sequence = sequence;
    this.method = method;
    this.message = message;
    this.whole = null;
  }

  private Invocation(dev.seriatim.v1.Invocation whole) {
    this.sequence = whole.getSequence();
    this.method = whole.getMethod();
    this.message = whole.getMessage();
    this.whole = whole;
  }

  /** The same invocation. */
  public static Invocation of(dev.seriatim.v1.Invocation invocation) {
    return new Invocation(invocation);
  }

  /** Its number, as an unsigned one. */
  public long sequence() {
    return sequence;
  }

  /** The method's short or full name. */
  public String method() {
    return method;
  }

  /** The argument, if it isn't JSON. */
  public ByteString message() {
    return message;
  }

  /** The argument, if it is JSON, or null. */
  public @Nullable Value json() {
    return whole != null && whole.hasJson() ? whole.getJson() : null;
  }

  /** How long it may take, or null. */
  public @Nullable Duration timeout() {
    return whole != null && whole.hasTimeout() ? whole.getTimeout() : null;
  }

  /** The caller's metadata. */
  public Map<String, String> metadata() {
    return whole == null ? Map.of() : whole.getMetadataMap();
  }
}
