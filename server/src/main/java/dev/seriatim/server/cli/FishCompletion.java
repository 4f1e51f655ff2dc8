package dev.seriatim.server.cli;

import com.google.common.base.Joiner;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What fish needs to complete a program: a line for each subcommand and each option. */
final class FishCompletion {
  private final String program;
  private final StringBuilder script = new StringBuilder();

  private FishCompletion(String program) {
    this.program = program;
  }

  static String script(String program, CommandSpec spec) {
    FishCompletion completion = new FishCompletion(program);
    completion.add(spec, List.of());
    return completion.script.toString();
  }

  private void add(CommandSpec spec, List<String> path) {
    // Where it is: behind the words of the path, and behind none of its own subcommands.
    String words =
        path.isEmpty()
            ? ""
            : "__fish_seen_subcommand_from "
                + Joiner.on("; and __fish_seen_subcommand_from ").join(path);
    Map<String, CommandLine> inner = spec.subcommands();
    String here =
        inner.isEmpty()
            ? words
            : Joiner.on("; and ")
                .skipNulls()
                .join(
                    words.isEmpty() ? null : words,
                    "not __fish_seen_subcommand_from " + Joiner.on(' ').join(inner.keySet()));
    inner.forEach(
        (name, command) -> line(here, "-f -a " + name, firstLine(command.getCommandSpec())));
    for (OptionSpec option : spec.options()) {
      if (!option.hidden()) {
        StringBuilder names = new StringBuilder();
        for (String name : option.names()) {
          names
              .append(name.startsWith("--") ? " -l " : name.length() == 2 ? " -s " : " -o ")
              .append(name.replaceFirst("^--?", ""));
        }
        line(
            words,
            (option.arity().max() == 0 ? "" : "-r") + names,
            option.description().length == 0 ? "" : option.description()[0]);
      }
    }
    inner.forEach(
        (name, command) -> {
          List<String> deeper = new ArrayList<>(path);
          deeper.add(name);
          add(command.getCommandSpec(), deeper);
        });
  }

  private static String firstLine(CommandSpec spec) {
    String[] description = spec.usageMessage().description();
    return description.length == 0 ? "" : description[0];
  }

  private void line(String where, String what, String described) {
    script.append("complete -c ").append(program);
    if (!where.isEmpty()) {
      script.append(" -n ").append(quoted(where));
    }
    script.append(' ').append(what.strip());
    int end = described.indexOf(". ");
    String text = (end < 0 ? described : described.substring(0, end)).replaceAll("[$%]\\S*", "");
    if (!text.isBlank()) {
      script.append(" -d ").append(quoted(text.strip()));
    }
    script.append('\n');
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
