package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** Options from the command line, the environment and a file. */
final class OptionSourcesTest {
  @TempDir private Path directory;

  private static List<String> complete(Map<String, String> environment, String... arguments) {
    return new OptionSources(new CommandLine(new Serve()).getCommandSpec(), environment)
        .addTo(List.of(arguments));
  }

  private Path config(String... lines) throws Exception {
    return Files.write(directory.resolve("config"), List.of(lines));
  }

  @Test
  void whatIsNearerHidesWhatIsFarther() throws Exception {
    Path file =
        config("max-stubs = 1", "max-instances=2", "--turn-limit = 3", "", "# drain-limit = 9");

    assertThat(
            complete(
                Map.of("SERIATIM_MAX_STUBS", "10", "SERIATIM_IDLE_LIMIT", "11", "PATH", "/bin"),
                "--max-instances=100",
                "--config",
                file.toString()))
        .containsExactly(
            "--idle-limit=11",
            "--max-stubs=10",
            "--turn-limit=3",
            "--max-instances=100",
            "--config",
            file.toString())
        .inOrder();
  }

  @Test
  void theEnvironmentNamesTheFile() throws Exception {
    Path file = config("max-stubs = 1");

    assertThat(complete(Map.of("SERIATIM_CONFIG", file.toString())))
        .containsExactly("--config=" + file, "--max-stubs=1");
  }

  @Test
  void ofTwoThatExcludeEachOtherOneHidesTheOther() throws Exception {
    Path file = config("data = /var/lib/seriatim");
    Map<String, String> environment = Map.of("SERIATIM_STORE", "jdbc:postgresql://db/s");

    assertThat(complete(environment, "--data", "memory")).containsExactly("--data", "memory");
    assertThat(complete(environment, "--config=" + file))
        .containsExactly("--store=jdbc:postgresql://db/s", "--config=" + file);
  }

  @Test
  void aSwitchIsOnOrOff() throws Exception {
    assertThat(complete(Map.of("SERIATIM_STANDBY", "true", "SERIATIM_NO_REFLECTION", "false")))
        .containsExactly("--standby");
    Path file = config("standby", "no-reflection = false");
    assertThat(complete(Map.of(), "--config=" + file))
        .containsExactly("--standby", "--config=" + file);
    assertThat(complete(Map.of("SERIATIM_STANDBY", "false"), "--config=" + file))
        .containsExactly("--config=" + file);
    // This one may have a value.
    assertThat(complete(Map.of("SERIATIM_INSECURE", "transport")))
        .containsExactly("--insecure=transport");
  }

  @Test
  void whatMayBeRepeatedHasSeveralValues() throws Exception {
    assertThat(complete(Map.of("SERIATIM_OBJECTS", "a.jar" + File.pathSeparator + "b.jar")))
        .containsExactly("--objects=a.jar", "--objects=b.jar");
    Path file = config("objects = a.jar", "objects = b.jar");
    assertThat(complete(Map.of(), "--config=" + file))
        .containsExactly("--objects=a.jar", "--objects=b.jar", "--config=" + file);
  }

  @Test
  void whatMayBeRepeatedAddsUp() throws Exception {
    Path file = config("objects = c.jar");
    assertThat(
            complete(Map.of("SERIATIM_OBJECTS", "b.jar"), "--objects", "a.jar", "--config=" + file))
        .containsExactly(
            "--objects=b.jar", "--objects=c.jar", "--objects", "a.jar", "--config=" + file);
  }

  @Test
  void whatOthersSetIsLeftAlone() {
    assertThat(
            complete(
                Map.of(
                    "SERIATIM_JAVA_OPTS", "-Xmx1g",
                    "SERIATIM_SERVICE_HOST", "10.0.0.1",
                    "SERIATIM_SERVICE_PORT", "7070",
                    "SERIATIM_SERVICE_PORT_GRPC", "7070",
                    "SERIATIM_PORT", "tcp://10.0.0.1:7070",
                    "SERIATIM_PORT_7070_TCP_ADDR", "10.0.0.1")))
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SERIATIM_MAX_STUB  | 1     | the environment has SERIATIM_MAX_STUB, but there is no option"
            + " --max-stub; there are --",
        "SERIATIM_max_stubs | 1     | there is no option --max-stubs",
        "SERIATIM_HELP      | true  | there is no option --help",
        "SERIATIM_STANDBY   | yes   | the environment's SERIATIM_STANDBY is 'yes', expected true or"
            + " false",
        "SERIATIM_CONFIG    | /none | --config '/none': there is no such file",
        "SERIATIM_MAX_STUBS | many  | (from the environment's SERIATIM_MAX_STUBS)",
        "SERIATIM_MAX_STUBS | 0     | maxStubs",
      })
  void whatIsWrongInTheEnvironmentIsTold(String name, String value, String expected) {
    assertThat(OpenServer.refusal(Map.of(name, value), "--data=memory")).contains(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "max-stub = 1       | line 2 of 'FILE': there is no option --max-stub; there are --",
        "config = other     | line 2 of 'FILE': there is no option --config",
        "max-stubs          | line 2 of 'FILE': --max-stubs has no value, expected NAME = VALUE",
        "turn-limit = 2     | line 2 of 'FILE': --turn-limit a second time; the first is on line 1"
            + " of",
        "standby = perhaps  | line 2 of 'FILE' is 'perhaps', expected true or false",
        "max-stubs = many   | (from line 2 of 'FILE')",
      })
  void whatIsWrongInTheFileIsTold(String line, String expected) throws Exception {
    Path file = config("turn-limit = 1", line);

    assertThat(OpenServer.refusal(Map.of(), "--config", file.toString(), "--data=memory"))
        .contains(expected.replace("FILE", file.toString()));
  }

  @Test
  void helpIsThereWhateverElseIs() {
    CommandLine line = new CommandLine(new Serve());
    line.setOut(new java.io.PrintWriter(new java.io.StringWriter()));

    assertThat(
            new ServerCommand(line, Map.of("SERIATIM_NONE", "1")).commandLine().execute("--help"))
        .isEqualTo(0);
    assertThrows(
        CommandLine.ParameterException.class,
        () -> new ServerCommand(line, Map.of("SERIATIM_NONE", "1")).parse());
  }
}
