package dev.seriatim.server.serve;

import static dev.seriatim.server.serve.LimitOptions.seconds;

import dev.seriatim.service.ConnectionLimits;
import dev.seriatim.service.HostLimits;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The limits of what clients may do before anything of theirs is queued, as options. */
final class ConnectionOptions {
  @Option(
      names = "--max-connections",
      paramLabel = "N",
      description = "How many connections may be open. Default: one for each 512 KiB of the heap")
  private @Nullable Integer maxConnections;

  @Option(
      names = "--max-connections-per-caller",
      paramLabel = "N",
      description =
          "How many connections a caller who is known may have. Default: half of --max-connections")
  private @Nullable Integer maxConnectionsPerCaller;

  @Option(
      names = "--max-stubs-per-connection",
      paramLabel = "N",
      description = "How many stubs one connection may have open. Default: half of --max-stubs")
  private @Nullable Integer maxStubsPerConnection;

  @Option(
      names = "--max-arriving-bytes",
      paramLabel = "BYTES",
      description =
          "How much memory frames may take while they arrive, and messages of calls that their"
              + " clients haven't ended. Default: a sixteenth of the heap, at least eight times"
              + " --max-frame-bytes")
  private @Nullable Long maxArrivingBytes;

  @Option(
      names = "--frame-limit",
      paramLabel = "SECONDS",
      description =
          "How long a frame may take to arrive, and a call of one message to be ended; fractions"
              + " are allowed. Default: 60")
  private @Nullable Double frameLimit;

  @Option(
      names = "--max-lanes-per-call",
      paramLabel = "N",
      description = "How many lanes a call of ConnectMany may have open (default: 100,000).")
  private @Nullable Integer maxLanesPerCall;

  @Option(
      names = "--max-resets-per-minute",
      paramLabel = "N",
      description =
          "How many calls a client may reset before its connection is closed. Default: 20000")
  private @Nullable Integer maxResetsPerMinute;

  @Option(
      names = "--handshake-limit",
      paramLabel = "SECONDS",
      description = "How long a client may take to begin to speak HTTP/2. Default: 20")
  private @Nullable Double handshakeLimit;

  @Option(
      names = "--max-connection-age",
      paramLabel = "SECONDS",
      description =
          "How long a connection may live; clients then open another one. Default: 0, for ever")
  private @Nullable Double maxConnectionAge;

  @Option(
      names = "--connection-age-grace",
      paramLabel = "SECONDS",
      description = "How long its stubs may go on. Default: 30")
  private @Nullable Double connectionAgeGrace;

  @Option(
      names = "--max-connection-idle",
      paramLabel = "SECONDS",
      description = "How long a connection may have no call at all. Default: 0, for ever")
  private @Nullable Double maxConnectionIdle;

  /**
   * These limits, but for those that are given otherwise.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  HostLimits applyTo(HostLimits.Builder limits) {
    ConnectionLimits connections = limits.build().connections();
    if (maxConnections != null) {
      connections =
          connections
              .withMaxConnections(maxConnections)
              .withMaxConnectionsPerCaller(Math.max(1, maxConnections / 2));
    }
    if (maxConnectionsPerCaller != null) {
      connections = connections.withMaxConnectionsPerCaller(maxConnectionsPerCaller);
    }
    if (maxStubsPerConnection != null) {
      connections = connections.withMaxStubsPerConnection(maxStubsPerConnection);
    }
    if (maxArrivingBytes != null) {
      connections = connections.withMaxArrivingBytes(maxArrivingBytes);
    }
    if (frameLimit != null) {
      connections = connections.withFrameLimit(seconds(frameLimit));
    }
    if (maxLanesPerCall != null) {
      connections = connections.withMaxLanesPerCall(maxLanesPerCall);
    }
    if (maxResetsPerMinute != null) {
      connections = connections.withMaxResetsPerMinute(maxResetsPerMinute);
    }
    if (handshakeLimit != null) {
      connections = connections.withHandshakeLimit(seconds(handshakeLimit));
    }
    if (maxConnectionAge != null) {
      connections = connections.withMaxConnectionAge(seconds(maxConnectionAge));
    }
    if (connectionAgeGrace != null) {
      connections = connections.withConnectionAgeGrace(seconds(connectionAgeGrace));
    }
    if (maxConnectionIdle != null) {
      connections = connections.withMaxConnectionIdle(seconds(maxConnectionIdle));
    }
    return limits.connections(connections).build();
  }
}
