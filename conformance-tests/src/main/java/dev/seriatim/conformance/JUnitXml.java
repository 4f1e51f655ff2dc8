package dev.seriatim.conformance;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.conformance.CaseResult.Verdict;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Writes results in the XML form that build servers read. */
final class JUnitXml {
  private JUnitXml() {}

  static void write(List<CaseResult> results, Path file) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    try (BufferedWriter text = Files.newBufferedWriter(file, UTF_8)) {
      XMLStreamWriter xml = XMLOutputFactory.newFactory().createXMLStreamWriter(text);
      xml.writeStartDocument("UTF-8", "1.0");
      xml.writeStartElement("testsuite");
      xml.writeAttribute("name", "seriatim-conformance");
      xml.writeAttribute("tests", Integer.toString(results.size()));
      xml.writeAttribute("failures", count(results, CaseResult::isFailure));
      xml.writeAttribute("errors", "0");
      xml.writeAttribute("skipped", count(results, JUnitXml::isSkipped));
      xml.writeAttribute(
          "time",
          seconds(results.stream().map(CaseResult::time).reduce(Duration.ZERO, Duration::plus)));
      for (CaseResult result : results) {
        write(xml, result);
      }
      xml.writeEndDocument();
      xml.close();
    } catch (XMLStreamException e) {
      throw new IOException(e);
    }
  }

  private static void write(XMLStreamWriter xml, CaseResult result) throws XMLStreamException {
    String name = result.testCase().getName();
    int slash = name.indexOf('/');
    xml.writeStartElement("testcase");
    xml.writeAttribute(
        "classname", "seriatim-conformance." + (slash < 0 ? name : name.substring(0, slash)));
    xml.writeAttribute("name", name.substring(slash + 1));
    xml.writeAttribute("time", seconds(result.time()));
    if (result.isFailure()) {
      xml.writeStartElement("failure");
      xml.writeAttribute("message", printable(result.message()));
      xml.writeEndElement();
    } else if (isSkipped(result)) {
      xml.writeStartElement("skipped");
      xml.writeAttribute("message", printable(result.message()));
      xml.writeEndElement();
    }
    xml.writeEndElement();
  }

  /** A known failure is told as skipped, since it neither passed nor fails the run. */
  private static boolean isSkipped(CaseResult result) {
    return result.verdict() == Verdict.SKIPPED || result.verdict() == Verdict.KNOWN_FAILURE;
  }

  private static String count(
      List<CaseResult> results, java.util.function.Predicate<CaseResult> predicate) {
    return Long.toString(results.stream().filter(predicate).count());
  }

  private static String seconds(Duration time) {
    return String.format(Locale.ROOT, "%.3f", time.toNanos() / 1e9);
  }

  /** XML has no way to write most control characters. */
  private static String printable(String text) {
    return text.codePoints()
        .mapToObj(c -> c >= ' ' && c != 0xFFFE && c != 0xFFFF ? Character.toString(c) : "?")
        .collect(Collectors.joining());
  }
}
