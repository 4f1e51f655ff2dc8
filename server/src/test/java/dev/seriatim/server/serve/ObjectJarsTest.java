package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the server makes of the files that it is given for objects. */
final class ObjectJarsTest {
  private static final String PROVIDERS =
      "META-INF/services/dev.seriatim.service.DurableObjectProvider";

  @TempDir private Path directory;
  private final DurableObjectHost.Builder host = DurableObjectHost.builder();

  /** Adds one namespace. */
  public static final class Good implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      host.namespace(
          "GOOD", HealthGrpc.getServiceDescriptor(), state -> new HealthGrpc.HealthImplBase() {});
    }
  }

  /** Can't add anything. */
  public static final class Bad implements DurableObjectProvider {
    @Override
    public void addTo(DurableObjectHost.Builder host) {
      throw new IllegalStateException("not today");
    }
  }

  @Test
  void aJarWithAProviderIsServed() throws Exception {
    List<String> served = ObjectJars.addTo(host, List.of(jar(PROVIDERS, Good.class.getName())));
    assertThat(host.namespaces()).containsExactly("GOOD");
    assertThat(served).hasSize(1);
    assertThat(served.get(0)).startsWith("serving GOOD from ");
  }

  @Test
  void aFileThatIsNoJarIsRefused() throws Exception {
    Path file = Files.writeString(directory.resolve("objects.jar"), "not a jar");
    assertRefused(file, "objects.jar', expected a jar: ");
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    assertRefused(directory.resolve("none.jar"), "none.jar', expected a jar that can be read");
    assertRefused(directory, "expected a jar that can be read");
  }

  @Test
  void aJarWithoutAProviderIsRefused() throws Exception {
    assertRefused(
        jar("readme.txt", "hello"), "has no " + PROVIDERS + ", expected one that names its");
  }

  @Test
  void aProviderThatIsNotThereIsNamed() throws Exception {
    assertRefused(jar(PROVIDERS, "com.example.Missing"), "com.example.Missing");
  }

  @Test
  void aProviderThatFailsIsNamed() throws Exception {
    assertRefused(jar(PROVIDERS, Bad.class.getName()), "Bad in ");
    assertRefused(jar(PROVIDERS, Bad.class.getName()), "not today");
  }

  @Test
  void nothingToServeIsRefused() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> ObjectJars.addTo(host, List.of()));
    assertThat(e).hasMessageThat().contains("no objects");
  }

  private void assertRefused(Path file, String message) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> ObjectJars.addTo(host, List.of(file)));
    assertThat(e).hasMessageThat().contains(message);
  }

  private Path jar(String entry, String text) throws IOException {
    Path file = Files.createTempFile(directory, "objects", ".jar");
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out)) {
      jar.putNextEntry(new ZipEntry(entry));
      jar.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return file;
  }
}
