package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the server makes of the places that it is given for objects. */
final class ObjectPlacesTest {
  private static final String PROVIDERS =
      "META-INF/services/dev.seriatim.service.DurableObjectProvider";

  private static final ClassLoader HOST = ObjectPlacesTest.class.getClassLoader();

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
    List<String> served = serve(jar(PROVIDERS, Good.class.getName()));
    assertThat(host.namespaces()).containsExactly("GOOD");
    assertThat(served).hasSize(1);
    assertThat(served.get(0)).startsWith("serving GOOD from ");
  }

  @Test
  void aDirectoryOfClassesIsServed() throws Exception {
    Path classes = place("shop/target/classes", "SHOP", "1");
    assertThat(serve(classes)).containsExactly("serving SHOP_1 from shop/target/classes");
  }

  @Test
  void allJarsOfADirectoryAreServedTogether() throws Exception {
    Path classes = place("one", "SHOP", "1");
    Path jars = Files.createDirectories(directory.resolve("jars"));
    pack(classes.resolve("example"), "example/", jars.resolve("a.jar"));
    pack(classes.resolve("META-INF"), "META-INF/", jars.resolve("b.jar"));
    pack(classes.resolve("picocli"), "picocli/", jars.resolve("c.jar"));
    assertThat(serve(jars.resolve("*"))).containsExactly("serving SHOP_1 from a.jar");
  }

  @Test
  void placesWithCommasBetweenThemBelongTogether() throws Exception {
    Path classes = place("one", "SHOP", "1");
    Path jars = Files.createDirectories(directory.resolve("jars"));
    Path needed = jars.resolve("needed.jar");
    pack(classes.resolve("picocli"), "picocli/", needed);
    MoreFiles.deleteRecursively(classes.resolve("picocli"), RecursiveDeleteOption.ALLOW_INSECURE);
    assertThat(serve(classes + "," + jars.resolve("*"))).containsExactly("serving SHOP_1 from one");
  }

  /** The program has a class of this name, without what the object calls. */
  @Test
  void eachPlaceBringsItsOwnVersionOfWhatTheProgramHasToo() throws Exception {
    assertThat(serve(place("one", "SHOP", "1"))).containsExactly("serving SHOP_1 from one");
    assertThat(serve(place("two", "SHOP", "2"))).containsExactly("serving SHOP_2 from two");
  }

  @Test
  void whatGoesToTheHostAndBackIsTheHosts() throws Exception {
    Path classes = place("one", "SHOP", "1");
    for (Class<?> shared :
        List.of(DurableObjectProvider.class, io.grpc.Status.class, com.google.protobuf.Any.class)) {
      Path file = classes.resolve(shared.getName().replace('.', '/') + ".class");
      Files.createDirectories(file.getParent());
      Files.writeString(file, "not a class");
    }
    assertThat(serve(classes)).containsExactly("serving SHOP_1 from one");
    try (ObjectLoader loader = new ObjectLoader(ObjectPlace.parse(classes.toString()), HOST)) {
      assertThat(loader.loadClass("io.grpc.Status")).isSameInstanceAs(io.grpc.Status.class);
      assertThat(loader.loadClass("picocli.CommandLine"))
          .isNotSameInstanceAs(picocli.CommandLine.class);
      assertThat(loader.loadClass("picocli.AutoComplete"))
          .isSameInstanceAs(picocli.AutoComplete.class);
      assertThat(String.valueOf(loader.getResource("picocli/CommandLine.class")))
          .contains(classes.toString());
    }
  }

  @Test
  void whatAnObjectNeedsAndIsNotThereIsNamed() throws Exception {
    Path classes = place("one", "SHOP", "1");
    Files.delete(classes.resolve("example/Shelf.class"));
    assertRefused(classes, "one'");
    assertRefused(classes, "example/Shelf; what it needs is not there, expected it in the same");
  }

  @Test
  void classesForANewerJavaAreToldOf() throws Exception {
    Path classes = place("one", "SHOP", "1");
    Path file = classes.resolve("example/Shop.class");
    byte[] compiled = Files.readAllBytes(file);
    compiled[7] = (byte) 0xf0; // The version of the format.
    Files.write(file, compiled);
    assertRefused(classes, "; this is Java " + Runtime.version().feature() + ", expected classes");
  }

  @Test
  void aFileThatIsNoJarIsRefused() throws Exception {
    Path file = Files.writeString(directory.resolve("objects.jar"), "not a jar");
    assertRefused(file, "objects.jar', expected a jar: ");
  }

  @Test
  void aPlaceThatIsNotThereIsRefused() {
    assertRefused(
        directory.resolve("none.jar"),
        "none.jar', expected a jar or a directory of classes that can be read");
    assertRefused(directory.resolve("none/*"), "none/*', expected a directory with jars: ");
    assertRefused(directory.resolve("*"), "/*': there is no jar, expected at least one");
    assertRefused("", "--objects '' has no META-INF/services/");
  }

  @Test
  void aPlaceWithoutAProviderIsRefused() throws Exception {
    String expected = "has no " + PROVIDERS + ", expected one that names its";
    assertRefused(jar("readme.txt", "hello"), expected);
    assertRefused(directory, expected);
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
        assertThrows(IllegalArgumentException.class, () -> ObjectPlaces.addTo(host, List.of()));
    assertThat(e).hasMessageThat().contains("no objects");
  }

  private List<String> serve(Object place) {
    return ObjectPlaces.addTo(host, List.of(place.toString()));
  }

  private void assertRefused(Object place, String message) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> serve(place));
    assertThat(e).hasMessageThat().contains(message);
  }

  /**
   * A directory of classes with a namespace that is called by what its own picocli says, which is
   * another one than the program's.
   */
  private Path place(String name, String namespace, String version) throws IOException {
    Path sources = Files.createDirectories(directory.resolve("sources of " + version));
    Path classes = Files.createDirectories(directory.resolve(name));
    List<Path> files = new ArrayList<>();
    for (String source :
        List.of(
            """
            package picocli;
            public final class CommandLine {
              public static String version() { return "%s"; }
            }
            """
                .formatted(version),
            """
            package example;
            public final class Shelf extends io.grpc.health.v1.HealthGrpc.HealthImplBase {}
            """,
            """
            package example;
            public final class Shop implements dev.seriatim.service.DurableObjectProvider {
              @Override public void addTo(dev.seriatim.service.DurableObjectHost.Builder host) {
                io.grpc.BindableService shelf = new Shelf();
                host.namespace(
                    "%s_" + picocli.CommandLine.version(),
                    io.grpc.health.v1.HealthGrpc.getServiceDescriptor(),
                    state -> shelf);
              }
            }
            """
                .formatted(namespace))) {
      String type = source.replaceAll("(?s).* class (\\w+) .*", "$1");
      files.add(Files.writeString(sources.resolve(type + ".java"), source));
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
      assertThat(
              compiler
                  .getTask(
                      null,
                      manager,
                      null,
                      List.of("-d", classes.toString(), "-proc:none", "-nowarn"),
                      null,
                      manager.getJavaFileObjectsFromPaths(files))
                  .call())
          .isTrue();
    }
    Path providers = classes.resolve(PROVIDERS);
    Files.createDirectories(providers.getParent());
    Files.writeString(providers, "example.Shop");
    return classes;
  }

  /** Packs the files below a directory. */
  private static void pack(Path from, String prefix, Path to) throws IOException {
    try (OutputStream out = Files.newOutputStream(to);
        JarOutputStream jar = new JarOutputStream(out);
        Stream<Path> files = Files.walk(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        jar.putNextEntry(new ZipEntry(prefix + from.relativize(file)));
        jar.write(Files.readAllBytes(file));
      }
    }
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
