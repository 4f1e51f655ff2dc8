package dev.seriatim.server.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** What a command did. */
record Ran(int status, String out, String err) {
  /** Runs it. */
  static Ran of(Object command, String... arguments) {
    return of(command, Map.of(), arguments);
  }

  static Ran of(Object command, Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line =
        Commands.line(command, environment)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));
    int status = line.execute(arguments);
    return new Ran(status, out.toString(), err.toString());
  }

  /** What it printed, by lines. */
  List<String> lines() {
    return out.lines().toList();
  }

  /** What it complained of, by lines. */
  List<String> complaints() {
    return err.lines().toList();
  }
}
