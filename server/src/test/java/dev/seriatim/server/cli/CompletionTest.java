package dev.seriatim.server.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What shells complete by. */
final class CompletionTest {
  @Command(name = "seriatim")
  private static final class Program {}

  private static CommandLine program() {
    CommandLine program = new CommandLine(new Program());
    Commands.all(CompletionTest::program)
        .forEach((name, command) -> program.addSubcommand(name, command.get()));
    return program;
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh", "fish"})
  void aShellTakesIt(String shell) throws Exception {
    Ran ran = Ran.of(new CompletionCommand(CompletionTest::program), shell);
    assertThat(ran.status()).isEqualTo(0);
    for (String word : List.of("call", "namespaces", "storage", "rm", "idempotency-key")) {
      assertWithMessage("of %s", shell).that(ran.out()).contains(word);
    }
    Process checked;
    try {
      checked = new ProcessBuilder(shell, "-n").redirectErrorStream(true).start();
    } catch (java.io.IOException e) {
      Assumptions.abort("there is no " + shell);
      return;
    }
    try (var in = checked.outputWriter()) {
      in.write(ran.out());
    }
    String said = new String(checked.getInputStream().readAllBytes(), UTF_8);
    assertWithMessage("%s has ended within 30 s", shell)
        .that(checked.waitFor(30, TimeUnit.SECONDS))
        .isTrue();
    assertWithMessage(said).that(checked.exitValue()).isEqualTo(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"alarm set", "storage put", "call", "token new"})
  void fishKnowsTheOptionsOfASubcommand(String command) {
    String words = command.replace(" ", "; and __fish_seen_subcommand_from ");
    assertThat(Ran.of(new CompletionCommand(CompletionTest::program), "fish").out())
        .containsMatch(
            "complete -c seriatim -n '__fish_seen_subcommand_from " + words + "' (-r )?-");
  }
}
