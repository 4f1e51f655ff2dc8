package dev.seriatim.server.cli;

import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints what a shell needs to complete the command line. */
@Command(
    name = "completion",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = {
      "Prints what a shell needs to complete the words of this program.",
      "",
      "  bash: source <(seriatim completion bash)",
      "  zsh:  source <(seriatim completion zsh)",
      "  fish: seriatim completion fish | source"
    })
final class CompletionCommand implements Callable<Integer> {
  private static final String NAME = "seriatim";

  private final Supplier<CommandLine> program;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
  private Shell shell = Shell.bash;

  CompletionCommand(Supplier<CommandLine> program) {
    this.program = program;
  }

  /** The shells, as they are called. */
  @SuppressWarnings("MemberName")
  enum Shell {
    bash,
    zsh,
    fish
  }

  @Override
  public Integer call() {
    CommandLine whole = program.get();
    String script =
        switch (shell) {
          case bash, zsh -> AutoComplete.bash(NAME, whole); // It sees to zsh itself.
          case fish -> FishCompletion.script(NAME, whole.getCommandSpec());
        };
    Objects.requireNonNull(spec).commandLine().getOut().println(script.stripTrailing());
    return ExitStatus.OK;
  }
}
