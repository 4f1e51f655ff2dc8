package dev.seriatim.service.server;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.Wait;
import dev.seriatim.service.probe.ProbeGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarOutputStream;
import java.util.logging.Logger;
import java.util.zip.ZipEntry;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server program when it gets SIGTERM, as a process of its own. */
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class ShutdownTest {
  private static final Logger logger = Logger.getLogger(ShutdownTest.class.getName());

  @TempDir private Path directory;
  private final List<String> output = new CopyOnWriteArrayList<>();
  private @Nullable Process server;

  /** Objects whose alarm runs until it is cut off, and says so in the log. */
  public static final class Objects implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace(
          "PROBE",
          ProbeGrpc.getServiceDescriptor(),
          Probe.doing(
              (probe, request, reply) -> {
                probe.state().storage().setAlarm(Instant.EPOCH);
                Probe.echo(probe, request, reply);
              },
              (probe, alarm) -> {
                System.out.println("the alarm runs, after failures: " + alarm.retries());
                try {
                  new CountDownLatch(1).await();
                } finally {
                  logger.warning("said in the drain");
                }
              }));
    }
  }

  @AfterEach
  void kill() {
    if (server != null) {
      server.destroyForcibly();
    }
  }

  @Test
  void whatIsLoggedInTheDrainIsNotLost() throws Exception {
    Process first = start("--drain-limit", "0.3");
    setAlarm();
    await("the alarm runs, after failures: 0");
    // Not the process' own method, which would close its output, too.
    assertThat(first.toHandle().destroy()).isTrue();
    assertWithMessage("the server ends").that(first.waitFor(60, TimeUnit.SECONDS)).isTrue();
    await("drained");
    await("0 stubs and 1 alarms had not ended at the drain limit of PT0.3S");
    await("said in the drain");
    assertThat(first.exitValue()).isEqualTo(0);
    // It was cut off, which isn't counted.
    output.clear();
    var _ = start("--drain-limit", "0.3");
    await("the alarm runs, after failures: 0");
  }

  @Test
  void theDefaultsLeaveTimeBeforeKubernetesKills() {
    Duration longest =
        HostLimits.defaults().drainLimit().plus(Main.AFTER_DRAIN_LIMIT).plusSeconds(1);
    assertThat(longest).isLessThan(Duration.ofSeconds(30));
    // The last frames, and what is not committed yet, have their time.
    assertThat(Main.AFTER_DRAIN_LIMIT)
        .isGreaterThan(StorageOptions.memory().storePatience().plusSeconds(3));
  }

  private Process start(String... options) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "--listen",
                "127.0.0.1:0",
                "--data",
                directory.resolve("data").toString(),
                "--objects",
                jar().toString()));
    command.addAll(List.of(options));
    Process started = new ProcessBuilder(command).redirectErrorStream(true).start();
    server = started;
    BufferedReader lines = started.inputReader(UTF_8);
    Thread.startVirtualThread(() -> lines.lines().forEach(output::add));
    await("listening on ");
    return started;
  }

  private void await(String text) {
    Wait.until(
        () -> output.stream().anyMatch(line -> line.contains(text)), "'" + text + "' in " + output);
  }

  private void setAlarm() {
    String listening =
        output.stream().filter(line -> line.startsWith("listening on ")).findFirst().orElseThrow();
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(listening.substring("listening on ".length()))
            .usePlaintext()
            .build();
    try {
      Metadata headers = new Metadata();
      headers.put(Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER), "PROBE/a");
      var _ =
          ProbeGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
              .do_(Probe.words("set"));
    } finally {
      channel.shutdownNow();
    }
  }

  private Path jar() throws IOException {
    Path file = directory.resolve("objects.jar");
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out)) {
      jar.putNextEntry(new ZipEntry("META-INF/services/" + DurableObjectProvider.class.getName()));
      jar.write(Objects.class.getName().getBytes(UTF_8));
    }
    return file;
  }
}
