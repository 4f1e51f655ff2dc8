package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.conformance.HostUnderTest.Transport;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** The command, against the real host and against one with a fault. */
final class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;

  @Test
  void passesTheHostAndWritesWhatItFound() throws Exception {
    Path xml = directory.resolve("results/conformance.xml");

    int code = runOnHost("--filter", "^(sequence|drain)/", "--junit-xml", xml.toString());

    assertThat(err.toString()).isEmpty();
    assertThat(code).isEqualTo(0);
    assertThat(out.toString()).containsMatch("SEQUENCE_VIOLATION +[1-9][0-9]* +0 +0 +0");
    assertThat(out.toString()).contains("SKIPPED drain/an-idle-stub-breaks");
    Element suite = parse(xml).getDocumentElement();
    assertThat(suite.getAttribute("failures")).isEqualTo("0");
    assertThat(Integer.parseInt(suite.getAttribute("skipped"))).isGreaterThan(0);
    assertThat(Integer.parseInt(suite.getAttribute("tests")))
        .isEqualTo(suite.getElementsByTagName("testcase").getLength());
  }

  @Test
  void failsWhereTheHostFails() throws Exception {
    // No host is there.
    Path xml = directory.resolve("conformance.xml");

    int code =
        run(
            "--target",
            "127.0.0.1:1",
            "--filter",
            "^order/one-at-a-time$",
            "--junit-xml",
            "" + xml);

    assertThat(code).isEqualTo(1);
    assertThat(out.toString()).contains("FAILED order/one-at-a-time");
    assertThat(out.toString()).containsMatch("1 cases +0 +1 +0 +0");
    Element suite = parse(xml).getDocumentElement();
    assertThat(suite.getAttribute("failures")).isEqualTo("1");
    assertThat(suite.getElementsByTagName("failure").getLength()).isEqualTo(1);
  }

  @Test
  void aKnownFailureThatFailsDoesNotFailTheRun() throws Exception {
    Path known = known("# why", "order/one-at-a-time  # and why not yet");

    int code =
        run(
            "--target", "127.0.0.1:1",
            "--filter", "^order/one-at-a-time$",
            "--known-failures", known.toString());

    assertThat(code).isEqualTo(0);
    assertThat(out.toString()).contains("KNOWN_FAILURE order/one-at-a-time");
  }

  @Test
  void aKnownFailureThatPassesFailsTheRun() throws Exception {
    Path known = known("order/one-at-a-time");

    int code = runOnHost("--filter", "^order/one-at-a-time$", "--known-failures", "" + known);

    assertThat(code).isEqualTo(1);
    assertThat(out.toString()).contains("UNEXPECTED_PASS order/one-at-a-time");
  }

  @Test
  void listsTheCases() {
    assertThat(run("--list", "--filter", "^sequence/gap$")).isEqualTo(0);
    assertThat(out.toString()).containsMatch("sequence/gap +A number is left out");
  }

  @Test
  void wrongUsageIsTold() throws Exception {
    assertUsage("--target HOST:PORT is missing");
    assertUsage("no case has a name that matches 'nonsense'", "--filter", "nonsense", "--list");
    assertUsage("--filter doesn't parse", "--filter", "(", "--list");
    assertUsage("--with flying is not one of", "--with", "flying", "--target", "127.0.0.1:1");
    assertUsage("--with drain is not one of", "--with", "drain", "--target", "127.0.0.1:1");
    assertUsage("--patience is 0", "--patience", "0", "--target", "127.0.0.1:1");
    assertUsage("Unknown option", "--nonsense");
    assertUsage(
        "there is no case 'no/such-case'",
        "--target",
        "127.0.0.1:1",
        "--known-failures",
        known("no/such-case").toString());
    assertUsage(
        "--known-failures can't be read",
        "--target",
        "127.0.0.1:1",
        "--known-failures",
        directory.resolve("nothing-here").toString());
  }

  private void assertUsage(String message, String... arguments) {
    err.getBuffer().setLength(0);
    assertThat(run(arguments)).isEqualTo(2);
    assertThat(err.toString()).contains(message);
  }

  private int runOnHost(String... arguments) {
    try (HostUnderTest host = HostUnderTest.start(Transport.LOOPBACK, Set.of())) {
      return run(
          Stream.concat(
                  Stream.of("--target", "127.0.0.1:" + host.host().port()),
                  Arrays.stream(arguments))
              .toArray(String[]::new));
    }
  }

  private int run(String... arguments) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }

  private Path known(String... lines) throws Exception {
    return Files.write(directory.resolve("known.txt"), Arrays.asList(lines));
  }

  private static Document parse(Path xml) throws Exception {
    return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(xml.toFile());
  }
}
