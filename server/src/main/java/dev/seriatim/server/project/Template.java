package dev.seriatim.server.project;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.google.common.collect.ImmutableMap;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The files of a new project, with what differs filled in. They are in the program. */
final class Template {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{(\\w+)}}");
  private static final String SNAPSHOT = "-SNAPSHOT";

  /** The files, by where they go to: what they are called in the program. */
  private static final ImmutableMap<String, String> FILES =
      ImmutableMap.<String, String>builder()
          .put("README.md", "README.md")
          .put(".gitignore", "gitignore")
          .put("Dockerfile", "Dockerfile")
          .put("pom.xml", "pom.xml")
          .put("src/main/proto/counter.proto", "counter.proto")
          .put("src/main/java/{{folder}}/Counter.java", "Counter.java.txt")
          .put("src/main/java/{{folder}}/Provider.java", "Provider.java.txt")
          .put(
              "src/main/resources/META-INF/services/dev.seriatim.service.DurableObjectProvider",
              "DurableObjectProvider")
          .put("src/test/java/{{folder}}/CounterTest.java", "CounterTest.java.txt")
          .buildOrThrow();

  private final ImmutableMap<String, String> values;

  private Template(ImmutableMap<String, String> values) {
    this.values = values;
  }

  /** For a project of this name, with the versions that this program was built with. */
  static Template of(ProjectName project) throws IOException {
    Properties versions = new Properties();
    try (InputStream in = resource("versions.properties")) {
      versions.load(in);
    }
    Map<String, String> values = new HashMap<>();
    versions.forEach((key, value) -> values.put(key.toString(), value.toString()));
    String version = requireNonNull(values.get("version"));
    values.put("released", version.replace(SNAPSHOT, "")); // npm, PyPI and Go have only these.
    values.put("name", project.name());
    values.put("package", project.packageName());
    values.put("folder", project.folder());
    return new Template(ImmutableMap.copyOf(values));
  }

  /** Writes the project into this directory, with a client in each of these languages. */
  void writeTo(Path directory, Collection<ClientLanguage> clients) throws IOException {
    write("project/", FILES, directory);
    for (ClientLanguage client : clients) {
      write("clients/" + client.name() + "/", client.files(), directory.resolve(client.folder()));
    }
  }

  private void write(String from, Map<String, String> files, Path to) throws IOException {
    for (Map.Entry<String, String> each : files.entrySet()) {
      Path file = to.resolve(filled(each.getKey()));
      Files.createDirectories(requireNonNull(file.getParent()));
      try (InputStream in = resource(from + each.getValue())) {
        Files.writeString(file, filled(new String(in.readAllBytes(), UTF_8)));
      }
    }
  }

  private String filled(String text) {
    return PLACEHOLDER
        .matcher(text)
        .replaceAll(
            found ->
                Matcher.quoteReplacement(
                    requireNonNull(values.get(found.group(1)), found.group(1))));
  }

  private static InputStream resource(String name) {
    return requireNonNull(Template.class.getResourceAsStream(name), name);
  }
}
