package dev.seriatim.server.serve;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The subcommand with its options, wherever they come from. For one thread. */
final class ServerCommand {
  private final CommandLine commandLine;
  private final OptionSources sources;

  ServerCommand(CommandLine commandLine, Map<String, String> environment) {
    this.commandLine = commandLine;
    this.sources = new OptionSources(commandLine.getCommandSpec(), environment);
    commandLine
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, _) -> refuse(e))
        .getCommandSpec()
        .preprocessor(
            (arguments, _, _, _) -> {
              complete(arguments);
              return false; // They are to be read as they are now.
            });
  }

  CommandLine commandLine() {
    return commandLine;
  }

  /**
   * Reads the options into the program, and doesn't run it.
   *
   * @throws ParameterException if they are none
   */
  void parse(String... arguments) {
    var _ = commandLine.parseArgs(arguments);
  }

  /** Adds what the environment and the file say to these arguments, the first of which is last. */
  private void complete(List<String> arguments) {
    for (String argument : arguments) {
      if (List.of("-h", "--help", "-V", "--version").contains(argument)) {
        return; // Whatever else there is.
      }
    }
    List<String> given = new ArrayList<>(arguments);
    Collections.reverse(given);
    List<String> all;
    try {
      all = new ArrayList<>(sources.addTo(given));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(commandLine, String.valueOf(e.getMessage()), e);
    }
    Collections.reverse(all);
    arguments.clear();
    arguments.addAll(all);
  }

  /** Says what is wrong, and with what the program ends over it. */
  int refuse(ParameterException e) {
    @Nullable String origin = e.getArgSpec() == null ? null : sources.origin(e.getArgSpec());
    commandLine
        .getErr()
        .println(String.valueOf(e.getMessage()) + (origin == null ? "" : " (from " + origin + ")"));
    if (!UnmatchedArgumentException.printSuggestions(e, commandLine.getErr())) {
      commandLine.getErr().println("see --help");
    }
    commandLine.getErr().flush();
    return commandLine.getCommandSpec().exitCodeOnInvalidInput();
  }
}
