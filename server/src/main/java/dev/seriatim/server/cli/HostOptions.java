package dev.seriatim.server.cli;

import com.google.common.base.CharMatcher;
import dev.seriatim.stub.BearerToken;
import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which host, and who calls. */
final class HostOptions {
  private static final String DEFAULT_TARGET = "localhost:7070";
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(30);

  @Spec(Spec.Target.MIXEE)
  private @Nullable CommandSpec spec;

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      defaultValue = DEFAULT_TARGET,
      description = "Where the host is; also SERIATIM_TARGET. Default: ${DEFAULT-VALUE}")
  private String target = DEFAULT_TARGET;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description =
          "Who calls, by a bearer token; others on this machine can see it here. Also"
              + " SERIATIM_TOKEN.")
  private @Nullable String token;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "The same, from a file. Also SERIATIM_TOKEN_FILE.")
  private @Nullable Path tokenFile;

  @Option(names = "--tls", description = "By TLS, with the authorities that Java knows.")
  private boolean tls;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "By TLS, with these authorities, in PEM. Also SERIATIM_TLS_CA.")
  private @Nullable Path tlsCa;

  @Option(
      names = "--tls-certificate",
      paramLabel = "FILE",
      description = "By TLS, and who calls by a certificate, in PEM.")
  private @Nullable Path certificate;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      description = "The key of the certificate, in PEM.")
  private @Nullable Path key;

  @Option(
      names = "--tls-name",
      paramLabel = "NAME",
      description = "What the host's certificate is for, if that isn't the target.")
  private @Nullable String tlsName;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      converter = DurationConverter.class,
      description = "How long to wait for an answer, such as 500ms or 2m.")
  private @Nullable Duration timeout;

  /** How long to wait, if that was said. */
  @Nullable Duration timeout() {
    return timeout;
  }

  String target() {
    return target;
  }

  /**
   * A channel to the host; the caller shuts it down.
   *
   * @throws CommandFailure if the options don't go together, or a file can't be read
   */
  ManagedChannel channel() {
    return channel(target);
  }

  /** The same to another host. */
  ManagedChannel channel(String to) {
    try {
      ManagedChannelBuilder<?> channel =
          Grpc.newChannelBuilder(to, credentials())
              .keepAliveTime(KEEP_ALIVE.toSeconds(), TimeUnit.SECONDS)
              .maxInboundMessageSize(Integer.MAX_VALUE);
      if (tlsName != null) {
        channel.overrideAuthority(tlsName);
      }
      return channel.build();
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage("--target '%s': %s".formatted(to, e.getMessage()));
    }
  }

  private ChannelCredentials credentials() {
    ChannelCredentials transport =
        tls || tlsCa != null || certificate != null || key != null || tlsName != null
            ? tlsCredentials()
            : InsecureChannelCredentials.create();
    String shown = token();
    return shown == null
        ? transport
        : CompositeChannelCredentials.create(transport, BearerToken.from(() -> shown));
  }

  private ChannelCredentials tlsCredentials() {
    if ((certificate == null) != (key == null)) {
      throw CommandFailure.usage(
          "%s without %s, expected both"
              .formatted(
                  key == null ? "--tls-certificate" : "--tls-key",
                  key == null ? "--tls-key" : "--tls-certificate"));
    }
    TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
    try {
      if (tlsCa != null) {
        credentials.trustManager(tlsCa.toFile());
      }
      if (certificate != null && key != null) {
        credentials.keyManager(certificate.toFile(), key.toFile());
      }
      return credentials.build();
    } catch (IOException e) {
      throw CommandFailure.usage("TLS: " + e.getMessage());
    }
  }

  private @Nullable String token() {
    boolean given = isGiven("--token");
    if (given && isGiven("--token-file")) {
      throw CommandFailure.usage("--token and --token-file, expected one of them");
    }
    if (tokenFile == null || given || (token != null && !isGiven("--token-file"))) {
      return token;
    }
    try {
      return CharMatcher.whitespace().trimFrom(Files.readString(tokenFile));
    } catch (IOException e) {
      throw CommandFailure.usage("--token-file: can't read " + e.getMessage());
    }
  }

  /** On the command line itself. */
  private boolean isGiven(String option) {
    return spec != null && spec.commandLine().getParseResult().hasMatchedOption(option);
  }
}
