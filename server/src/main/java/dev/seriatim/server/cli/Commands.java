package dev.seriatim.server.cli;

import com.google.common.collect.ImmutableMap;
import dev.seriatim.server.project.DevCommand;
import dev.seriatim.server.project.NewCommand;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;

/** The subcommands that ask a host for something, and those that begin a project. */
public final class Commands {
  private Commands() {}

  /**
   * All of them, by name, in the order in which help lists them. One is made when it is needed.
   *
   * @param program makes the whole program, for what completes its words
   */
  public static ImmutableMap<String, Supplier<CommandLine>> all(Supplier<CommandLine> program) {
    ImmutableMap.Builder<String, Supplier<CommandLine>> commands = ImmutableMap.builder();
    commands.put("new", () -> line(new NewCommand()));
    commands.put("dev", () -> line(new DevCommand()));
    commands.put("call", () -> line(new CallCommand()));
    commands.put("host", () -> line(new HostInfoCommand()));
    commands.put("namespaces", () -> line(new NamespacesCommand()));
    commands.put("objects", () -> line(new ObjectsCommand()));
    commands.put("object", () -> line(new ObjectCommand()));
    commands.put("storage", () -> line(new StorageCommand()));
    commands.put("alarm", () -> line(new AlarmCommand()));
    commands.put("evict", () -> line(new ObjectActions.Evict()));
    commands.put("reset", () -> line(new ObjectActions.Reset()));
    commands.put("delete", () -> line(new ObjectActions.Delete()));
    commands.put("tail", () -> line(new TailCommand()));
    commands.put("export", () -> line(new ExportCommand()));
    commands.put("import", () -> line(new ImportCommand()));
    commands.put("copy", () -> line(new CopyCommand()));
    commands.put("backup", () -> line(new BackupCommand()));
    commands.put("restore", () -> line(new RestoreCommand()));
    commands.put("drain", () -> line(new DrainCommand()));
    commands.put("token", () -> line(new TokenCommand()));
    commands.put("completion", () -> line(new CompletionCommand(program)));
    return commands.buildOrThrow();
  }

  private static CommandLine line(Object command) {
    return line(command, System.getenv());
  }

  /** A command that also looks into this environment. */
  static CommandLine line(Object command, Map<String, String> environment) {
    return new CommandLine(command)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setDefaultValueProvider(new EnvironmentDefaults(environment))
        .setParameterExceptionHandler(
            (e, _) -> {
              CommandLine of = e.getCommandLine();
              of.getErr().println(e.getMessage());
              if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, of.getErr())) {
                of.getErr().println("see seriatim " + of.getCommandName() + " --help");
              }
              return ExitStatus.USAGE;
            });
  }
}
