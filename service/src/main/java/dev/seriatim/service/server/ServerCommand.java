package dev.seriatim.service.server;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The program with its options, wherever they come from. For one thread. */
final class ServerCommand {
  private final CommandLine commandLine;
  private final OptionSources sources;

  ServerCommand(CommandLine commandLine, Map<String, String> environment) {
    this.commandLine = commandLine;
    this.sources = new OptionSources(commandLine.getCommandSpec(), environment);
    commandLine
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, _) -> refuse(e));
  }

  /** Runs the program, and says with what it ended. */
  int execute(String... arguments) {
    try {
      return commandLine.execute(complete(arguments));
    } catch (ParameterException e) {
      return refuse(e);
    }
  }

  /**
   * Reads the options into the program, and doesn't run it.
   *
   * @throws ParameterException if they are none
   */
  void parse(String... arguments) {
    var _ = commandLine.parseArgs(complete(arguments));
  }

  private String[] complete(String... arguments) {
    for (String argument : arguments) {
      if (List.of("-h", "--help", "-V", "--version").contains(argument)) {
        return arguments; // Whatever else there is.
      }
    }
    try {
      return sources.addTo(List.of(arguments)).toArray(String[]::new);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(commandLine, String.valueOf(e.getMessage()), e);
    }
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
