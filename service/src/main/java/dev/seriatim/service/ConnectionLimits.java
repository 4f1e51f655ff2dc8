package dev.seriatim.service;

import static com.google.common.base.Preconditions.checkArgument;

import com.google.errorprone.annotations.CheckReturnValue;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * The limits of what a host's clients may do before anything of theirs is queued. They hold where
 * the host {@linkplain DurableObjectHost.Builder#listen listens} by itself. Immutable; each {@code
 * with} method gives a changed copy.
 *
 * @param maxConnections how many connections may be open; default one for each 512 KiB of the
 *     largest heap, and 64 at least. One more is closed at once
 * @param maxConnectionsPerCaller how many connections a caller who is known may have; default half
 *     of {@link #maxConnections}. A connection is the caller's while he has a call on it, and then
 *     until another one calls there. A call on one more is refused with {@code OVERLOADED}, and the
 *     connection closed if it is nobody else's
 * @param maxStubsPerConnection how many stubs, and calls with a header, one connection may have
 *     open, on calls of their own and on lanes together; default half of {@link
 *     HostLimits#maxStubs}. One more is refused with {@code OVERLOADED}
 * @param maxLanesPerCall how many lanes one call of {@code ConnectMany} may have open; default
 *     100,000. One more is refused with {@code OVERLOADED}
 * @param maxArrivingBytes how much memory messages may take while they arrive: those of which a
 *     part is there, those that wait to be parsed, and those of calls of one message, with a header
 *     or of a service beside the objects, that their clients haven't ended yet; default a sixteenth
 *     of the largest heap, and eight times {@link HostLimits#maxFrameBytes} at least, since a frame
 *     may come in pieces that take more than they hold. When half of it is taken, each connection
 *     has an equal part of the rest; a stub whose frame would take more breaks with {@code
 *     OVERLOADED}, as do those whose frames have stood still for a second
 * @param frameLimit how long a frame may take to arrive, from its first byte to its last, and the
 *     message of such a call from its first byte to the call's end; default 60 s. What takes longer
 *     breaks with {@code OVERLOADED}
 * @param maxResetsPerMinute how many calls a client may reset, or have reset, within a minute;
 *     default 20,000. Its connection is closed over it
 * @param handshakeLimit how long a client may take to begin to speak HTTP/2; default 20 s. Its
 *     connection is closed then
 * @param maxConnectionAge how long a connection may live, or zero for as long as it likes, which is
 *     the default. Then it takes no more calls, and clients open another one; a resumable stub goes
 *     on there. The time is changed by a tenth, up or down, for each connection
 * @param connectionAgeGrace how long the calls of such a connection may go on, and so its stubs;
 *     default 30 s. Those that are open then break
 * @param maxConnectionIdle how long a connection may have no call at all, or zero for as long as it
 *     likes, which is the default. It is closed then
 */
@CheckReturnValue
public record ConnectionLimits(
    int maxConnections,
    int maxConnectionsPerCaller,
    int maxStubsPerConnection,
    int maxLanesPerCall,
    long maxArrivingBytes,
    Duration frameLimit,
    int maxResetsPerMinute,
    Duration handshakeLimit,
    Duration maxConnectionAge,
    Duration connectionAgeGrace,
    Duration maxConnectionIdle) {
  /** Checks each. */
  public ConnectionLimits {
    positive("maxConnections", maxConnections);
    positive("maxConnectionsPerCaller", maxConnectionsPerCaller);
    positive("maxStubsPerConnection", maxStubsPerConnection);
    positive("maxLanesPerCall", maxLanesPerCall);
    positive("maxArrivingBytes", maxArrivingBytes);
    DurationRange.positive("frameLimit", frameLimit);
    positive("maxResetsPerMinute", maxResetsPerMinute);
    DurationRange.positive("handshakeLimit", handshakeLimit);
    DurationRange.notNegative("maxConnectionAge", maxConnectionAge);
    DurationRange.positive("connectionAgeGrace", connectionAgeGrace);
    DurationRange.notNegative("maxConnectionIdle", maxConnectionIdle);
  }

  private static void positive(String name, long value) {
    checkArgument(value > 0, "%s: %s, expected at least 1", name, value);
  }

  /** The defaults. */
  public static ConnectionLimits defaults() {
    return HostLimits.defaults().connections();
  }

  static ConnectionLimits defaults(long heapBytes, int maxStubs, int maxFrameBytes) {
    int maxConnections = Math.clamp(heapBytes / (512 << 10), 64, 1 << 20);
    return new ConnectionLimits(
        maxConnections,
        maxConnections / 2,
        Math.max(1, maxStubs / 2),
        100_000,
        Math.max(8L * maxFrameBytes, heapBytes / 16),
        Duration.ofSeconds(60),
        20_000,
        Duration.ofSeconds(20),
        Duration.ZERO,
        Duration.ofSeconds(30),
        Duration.ZERO);
  }

  /** A copy with another {@link #maxConnections}. */
  public ConnectionLimits withMaxConnections(int connections) {
    return with(copy -> copy.maxConnections = connections);
  }

  /** A copy with another {@link #maxConnectionsPerCaller}. */
  public ConnectionLimits withMaxConnectionsPerCaller(int connections) {
    return with(copy -> copy.maxConnectionsPerCaller = connections);
  }

  /** A copy with another {@link #maxStubsPerConnection}. */
  public ConnectionLimits withMaxStubsPerConnection(int stubs) {
    return with(copy -> copy.maxStubsPerConnection = stubs);
  }

  /** A copy with another {@link #maxLanesPerCall}. */
  public ConnectionLimits withMaxLanesPerCall(int lanes) {
    return with(copy -> copy.maxLanesPerCall = lanes);
  }

  /** A copy with another {@link #maxArrivingBytes}. */
  public ConnectionLimits withMaxArrivingBytes(long bytes) {
    return with(copy -> copy.maxArrivingBytes = bytes);
  }

  /** A copy with another {@link #frameLimit}. */
  public ConnectionLimits withFrameLimit(Duration limit) {
    return with(copy -> copy.frameLimit = limit);
  }

  /** A copy with another {@link #maxResetsPerMinute}. */
  public ConnectionLimits withMaxResetsPerMinute(int resets) {
    return with(copy -> copy.maxResetsPerMinute = resets);
  }

  /** A copy with another {@link #handshakeLimit}. */
  public ConnectionLimits withHandshakeLimit(Duration limit) {
    return with(copy -> copy.handshakeLimit = limit);
  }

  /** A copy with another {@link #maxConnectionAge}. */
  public ConnectionLimits withMaxConnectionAge(Duration age) {
    return with(copy -> copy.maxConnectionAge = age);
  }

  /** A copy with another {@link #connectionAgeGrace}. */
  public ConnectionLimits withConnectionAgeGrace(Duration grace) {
    return with(copy -> copy.connectionAgeGrace = grace);
  }

  /** A copy with another {@link #maxConnectionIdle}. */
  public ConnectionLimits withMaxConnectionIdle(Duration idle) {
    return with(copy -> copy.maxConnectionIdle = idle);
  }

  private ConnectionLimits with(Consumer<Copy> change) {
    Copy copy = new Copy(this);
    change.accept(copy);
    return copy.limits();
  }

  /** The same limits, of which some may be changed. */
  private static final class Copy {
    private int maxConnections;
    private int maxConnectionsPerCaller;
    private int maxStubsPerConnection;
    private int maxLanesPerCall;
    private long maxArrivingBytes;
    private Duration frameLimit;
    private int maxResetsPerMinute;
    private Duration handshakeLimit;
    private Duration maxConnectionAge;
    private Duration connectionAgeGrace;
    private Duration maxConnectionIdle;

    Copy(ConnectionLimits of) {
      maxConnections = of.maxConnections;
      maxConnectionsPerCaller = of.maxConnectionsPerCaller;
      maxStubsPerConnection = of.maxStubsPerConnection;
      maxLanesPerCall = of.maxLanesPerCall;
      maxArrivingBytes = of.maxArrivingBytes;
      frameLimit = of.frameLimit;
      maxResetsPerMinute = of.maxResetsPerMinute;
      handshakeLimit = of.handshakeLimit;
      maxConnectionAge = of.maxConnectionAge;
      connectionAgeGrace = of.connectionAgeGrace;
      maxConnectionIdle = of.maxConnectionIdle;
    }

    ConnectionLimits limits() {
      return new ConnectionLimits(
          maxConnections,
          maxConnectionsPerCaller,
          maxStubsPerConnection,
          maxLanesPerCall,
          maxArrivingBytes,
          frameLimit,
          maxResetsPerMinute,
          handshakeLimit,
          maxConnectionAge,
          connectionAgeGrace,
          maxConnectionIdle);
    }
  }
}
