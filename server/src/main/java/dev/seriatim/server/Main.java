package dev.seriatim.server;

import com.google.common.collect.ImmutableMap;
import dev.seriatim.server.cli.Commands;
import dev.seriatim.server.selftest.Selftest;
import dev.seriatim.server.serve.Serve;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** The program, which is its subcommands. */
@Command(
    name = "seriatim",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "Durable objects over gRPC: called one after another, in order.")
public final class Main {
  /**
   * The subcommands, in the order in which the help lists them: an object with picocli's
   * annotations, or a {@link CommandLine} of it. One is made only when it is run, or all are told
   * of: a program that makes a single call has no time for the others.
   */
  private static final ImmutableMap<String, Supplier<?>> COMMANDS =
      ImmutableMap.<String, Supplier<?>>builder()
          .put("serve", Serve::command)
          .putAll(Commands.all(Main::commandLine))
          .put("selftest", Selftest::new)
          .buildOrThrow();

  private Main() {}

  /** Runs a subcommand, and exits with its status; 2 is bad usage. */
  public static void main(String[] arguments) {
    System.exit(commandLine(arguments).execute(arguments));
  }

  /** The program with all of its subcommands. */
  public static CommandLine commandLine() {
    return commandLine(new String[0]);
  }

  /** The program with what these arguments need of it. */
  static CommandLine commandLine(String... arguments) {
    CommandLine program = new CommandLine(new Main());
    // Of what is wrong, the subcommand tells. (What is set here isn't for those that come later.)
    CommandLine.IParameterExceptionHandler usual = program.getParameterExceptionHandler();
    program.setParameterExceptionHandler(
        (e, given) ->
            (e.getCommandLine().equals(program)
                    ? usual
                    : e.getCommandLine().getParameterExceptionHandler())
                .handleParseException(e, given));
    Supplier<?> wanted = arguments.length == 0 ? null : COMMANDS.get(arguments[0]);
    if (wanted != null) {
      return program.addSubcommand(arguments[0], wanted.get());
    }
    COMMANDS.forEach((name, command) -> program.addSubcommand(name, command.get()));
    return program.addSubcommand(new HelpCommand());
  }
}
