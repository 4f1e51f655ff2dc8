package dev.seriatim.conformance.attack;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command that attacks a host. */
@Command(
    name = "attack",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Attacks the server, each attack on a new one with a small heap, and tells what a neighbour"
          + " on a connection of its own met meanwhile, and what became of the server's memory.",
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:the server held",
      "1:a neighbour's p99 was over 250 ms, a call of its failed, the heap did not come back, the"
          + " log grew by more than 256 KiB, or the server died",
      "2:the command line is wrong",
    })
public final class AttackMain implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  @Option(names = "--list", description = "Name the attacks and what they do, and play none.")
  private boolean list;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "How long each attack lasts. Default: ${DEFAULT-VALUE}")
  private int seconds = 20;

  @Option(
      names = "--heap",
      paramLabel = "SIZE",
      description = "The server's largest heap, as -Xmx takes it. Default: ${DEFAULT-VALUE}")
  private String heap = "512m";

  @Option(
      names = "--server-option",
      paramLabel = "OPTION",
      description = "An option of the server, such as --max-stubs=1000. May be repeated.")
  private List<String> options = new ArrayList<>();

  @Option(
      names = "--logs",
      paramLabel = "DIRECTORY",
      description = "Write what each server logged there.")
  private @Nullable Path logs;

  @Parameters(paramLabel = "ATTACK", description = "Play only these.")
  private List<String> names = new ArrayList<>();

  private AttackMain() {}

  /** Runs the command. */
  public static void main(String[] arguments) {
    System.exit(command().execute(arguments));
  }

  static CommandLine command() {
    return new CommandLine(new AttackMain());
  }

  @Override
  public Integer call() throws Exception {
    CommandLine commandLine = java.util.Objects.requireNonNull(spec).commandLine();
    PrintWriter out = commandLine.getOut();
    List<Attack> attacks = Campaign.attacks();
    for (String name : names) {
      if (attacks.stream().noneMatch(attack -> attack.name().equals(name))) {
        throw new ParameterException(commandLine, "no attack " + name + "; --list names them");
      }
    }
    if (list) {
      attacks.forEach(attack -> out.printf("%-24s %s%n", attack.name(), attack.what()));
      return 0;
    }
    // A host without memory may never answer.
    System.setProperty("sun.rmi.transport.tcp.responseTimeout", "15000");
    Campaign campaign = new Campaign(heap, options, Duration.ofSeconds(seconds));
    out.println(Result.heading());
    boolean held = true;
    for (Attack attack : attacks) {
      if (names.isEmpty() || names.contains(attack.name())) {
        Result result = campaign.play(attack);
        out.println(result);
        out.flush();
        held &= result.allFaults().isEmpty();
        if (logs != null) {
          Files.createDirectories(logs);
          Files.writeString(logs.resolve(attack.name() + ".log"), result.log());
        }
      }
    }
    return held ? 0 : 1;
  }
}
