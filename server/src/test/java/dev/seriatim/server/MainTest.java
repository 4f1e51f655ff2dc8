package dev.seriatim.server;

import static com.google.common.truth.Truth.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The program's own arguments. */
final class MainTest {
  private final StringWriter printed = new StringWriter();
  private final StringWriter complaints = new StringWriter();

  @Test
  void theVersionSaysFromWhatItWasBuilt() {
    assertThat(run("--version")).isEqualTo(0);
    assertThat(printed.toString().strip())
        .matches("Seriatim \\d+\\.\\d+\\.\\d+\\S* \\(commit (unknown|[0-9a-f]{7,}\\+?)\\)");
    String ofTheProgram = printed.toString();
    printed.getBuffer().setLength(0);

    assertThat(run("serve", "--version")).isEqualTo(0);
    assertThat(printed.toString()).isEqualTo(ofTheProgram);
  }

  @Test
  void helpTellsOfAllSubcommands() {
    assertThat(run("--help")).isEqualTo(0);
    for (CommandLine command : Main.commandLine().getSubcommands().values()) {
      if (!command.getCommandSpec().usageMessage().hidden()) {
        assertThat(printed.toString()).contains("\n  " + command.getCommandName() + " ");
      }
    }
    assertThat(Main.commandLine().getSubcommands().keySet()).contains("serve");
  }

  @Test
  void helpOfASubcommand() {
    assertThat(run("help", "serve")).isEqualTo(0);
    assertThat(printed.toString()).contains("Usage: seriatim serve [");
  }

  @Test
  void withoutASubcommandItTellsWhichThereAre() {
    assertThat(run()).isEqualTo(2);
    assertThat(complaints.toString()).contains("serve");
  }

  @Test
  void aSubcommandThatIsNotThereIsRefused() {
    assertThat(run("server")).isEqualTo(2);
    assertThat(complaints.toString()).contains("server");
  }

  @Test
  void whatIsWrongWithTheOptionsOfASubcommandItTellsItself() {
    assertThat(run("serve", "--max-stub", "1")).isEqualTo(2);
    assertThat(complaints.toString()).contains("'--max-stub'");
    assertThat(complaints.toString()).contains("--max-stubs");
    assertThat(complaints.toString()).doesNotContain("Usage:");
  }

  private int run(String... arguments) {
    return Main.commandLine(arguments)
        .setOut(new PrintWriter(printed, true))
        .setErr(new PrintWriter(complaints, true))
        .execute(arguments);
  }
}
