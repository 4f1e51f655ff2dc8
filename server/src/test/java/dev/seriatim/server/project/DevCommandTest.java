package dev.seriatim.server.project;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.collect.ImmutableList;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.seriatim.server.Main;
import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code dev} as a process of its own, on a project that javac compiles. */
final class DevCommandTest {
  private static final String LISTENING = "listening on ";

  /**
   * Stores how often it was called, and throws that, so that its answer can be told from others.
   */
  private static final String SHOP =
      """
      package example;

      import com.google.protobuf.Int64Value;
      import dev.seriatim.service.*;
      import io.grpc.Status;
      import io.grpc.health.v1.*;
      import io.grpc.stub.StreamObserver;

      public final class Shop extends HealthGrpc.HealthImplBase {
        public static final class Provider implements DurableObjectProvider {
          public void addTo(DurableObjectHost.Builder host) {
            host.namespace("NAME", HealthGrpc.getServiceDescriptor(), Shop::new);
          }
        }

        private final DurableObjectStorage storage;

        Shop(DurableObjectState state) {
          storage = state.storage();
        }

        @Override
        public void check(HealthCheckRequest request, StreamObserver<HealthCheckResponse> reply) {
          long count = storage.get("count", Int64Value.getDefaultInstance()).getValue() + 1;
          storage.put("count", Int64Value.of(count));
          if (request.getService().equals("tell")) {
            throw Status.INVALID_ARGUMENT
                .withDescription(new Word().word() + count)
                .asRuntimeException();
          }
          reply.onNext(HealthCheckResponse.getDefaultInstance());
          reply.onCompleted();
        }
      }

      class Word {
        String word() {
          return "WORD";
        }
      }
      """;

  @TempDir private Path project;

  private final List<String> output = new CopyOnWriteArrayList<>();

  /** A permit for each line. */
  private final Semaphore said = new Semaphore(0);

  private @Nullable Process process;

  @AfterEach
  void end() throws InterruptedException {
    if (process != null) {
      process.destroyForcibly();
      assertWithMessage("the end of dev").that(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void afterASaveAnOpenStubRunsTheNewCode() throws Exception {
    write("SHOP", "one ");
    start();
    try (DurableObjects objects = connect();
        DurableObjectStub stub = objects.namespace("SHOP").getByName("a")) {
      HealthGrpc.HealthBlockingStub shop = HealthGrpc.newBlockingStub(stub.channel());
      var _ = shop.check(HealthCheckRequest.getDefaultInstance());

      write("SHOP", "two "); // Which a stub of the old code couldn't know.
      await("again serving SHOP from ");
      var _ = shop.check(HealthCheckRequest.getDefaultInstance());
      assertThat(told(shop)).isEqualTo("two 3");
    }
  }

  @Test
  void whatCannotBeCompiledOrServedIsToldAndTheOldCodeGoesOn() throws Exception {
    write("SHOP", "one ");
    start();
    try (DurableObjects objects = connect()) {
      save("package example; class Word { nonsense }");
      await("error: ");
      await("the code as it was goes on");
      assertThat(tell(objects)).isEqualTo("one 1");

      write("STORE", "two ");
      await("namespace SHOP is gone");
      assertThat(tell(objects)).isEqualTo("one 1");

      write("SHOP", "three ");
      await("again serving SHOP from ");
      assertThat(tell(objects)).isEqualTo("three 1");
    }
  }

  @Test
  void whatDoesNotCompileAtFirstIsServedOnceItDoes() throws Exception {
    write("SHOP", "one ");
    save("package example; class Word { nonsense }");
    start();
    await("not compiled, as above");
    write("SHOP", "two ");
    try (DurableObjects objects = connect()) {
      assertThat(tell(objects)).isEqualTo("two 1");
    }
  }

  @Test
  void aFolderWithoutAProjectIsRefused() throws Exception {
    Process refused = run();
    await("there is no pom.xml in this folder");
    assertWithMessage("the end of dev").that(refused.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(refused.exitValue()).isEqualTo(2);
  }

  // ---- the project

  /** Saves the project, whose object has this namespace and this word. */
  private void write(String namespace, String word) throws IOException {
    Path providers =
        project.resolve("classes/META-INF/services/" + DurableObjectProvider.class.getName());
    if (!Files.exists(providers)) {
      Files.createDirectories(providers.getParent());
      Files.writeString(providers, "example.Shop$Provider");
    }
    save(SHOP.replace("NAME", namespace).replace("WORD", word));
  }

  /** Saves its source in one step: what a slow machine had saved of it would be compiled, too. */
  private void save(String source) throws IOException {
    Path next = Files.writeString(project.resolve("next"), source);
    Path shop = project.resolve("src/main/java/example/Shop.java");
    Files.createDirectories(shop.getParent());
    Files.move(next, shop, StandardCopyOption.ATOMIC_MOVE);
  }

  private void start() throws IOException {
    Files.writeString(
        project.resolve("options"),
        "-proc:none -d classes -cp \"" + System.getProperty("java.class.path") + "\"");
    run(
        "--build",
        Path.of(System.getProperty("java.home"), "bin", "javac")
            + " -J-XX:TieredStopAtLevel=1 @options src/main/java/example/*.java",
        "--objects",
        "classes",
        "--data",
        "memory",
        "--listen",
        "127.0.0.1:0");
  }

  @CanIgnoreReturnValue
  private Process run(String... options) throws IOException {
    Process started =
        new ProcessBuilder(
                ImmutableList.<String>builder()
                    .add(Path.of(System.getProperty("java.home"), "bin", "java").toString())
                    .add("--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1")
                    .add("-cp", System.getProperty("java.class.path"), Main.class.getName())
                    .add("dev")
                    .add(options)
                    .build())
            .directory(project.toFile())
            .redirectErrorStream(true)
            .start();
    process = started;
    BufferedReader lines = started.inputReader(UTF_8);
    Thread.startVirtualThread(() -> lines.lines().forEach(this::said));
    return started;
  }

  // ---- what it says

  private void await(String text) throws InterruptedException {
    // Two JVMs, the compiler among them, on a machine that may be busy.
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
    while (output.stream().noneMatch(line -> line.contains(text))) {
      assertWithMessage("'%s' comes, behind %s", text, output)
          .that(said.tryAcquire(end - System.nanoTime(), TimeUnit.NANOSECONDS))
          .isTrue();
    }
  }

  private void said(String line) {
    output.add(line);
    said.release();
  }

  private String target() throws InterruptedException {
    await(LISTENING);
    return output.stream()
        .filter(line -> line.startsWith(LISTENING))
        .findFirst()
        .orElseThrow()
        .substring(LISTENING.length());
  }

  private DurableObjects connect() throws InterruptedException {
    return DurableObjects.connect(
        target(),
        InsecureChannelCredentials.create(),
        ClientOptions.builder().openTimeout(Duration.ofMinutes(1)).build());
  }

  private static String tell(DurableObjects objects) {
    try (DurableObjectStub stub = objects.namespace("SHOP").getByName("a")) {
      return told(HealthGrpc.newBlockingStub(stub.channel()));
    }
  }

  private static String told(HealthGrpc.HealthBlockingStub shop) {
    HealthCheckRequest tell = HealthCheckRequest.newBuilder().setService("tell").build();
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, () -> shop.check(tell));
    return CallFailure.of(e).orElseThrow().failureCause().message();
  }
}
