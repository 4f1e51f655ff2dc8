package dev.seriatim.conformance.attack;

import static com.google.common.truth.Truth.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Model.OptionSpec;

/** What {@code scripts/attack --help} says, which asks no program, is what the program takes. */
final class AttackHelpTest {
  @Test
  void theScriptNamesEachOptionAndItsDefault() throws Exception {
    List<String> lines = Files.readAllLines(Path.of("..", "scripts", "attack"));
    List<OptionSpec> options =
        AttackMain.command().getCommandSpec().options().stream()
            .filter(Predicate.not(option -> option.usageHelp() || option.versionHelp()))
            .toList();
    List<String> named = lines.stream().filter(line -> line.startsWith("#   --")).toList();
    assertThat(named).hasSize(options.size());
    for (int i = 0; i < named.size(); i++) {
      OptionSpec option = options.get(i);
      String value = option.arity().max() == 0 ? "" : " " + option.paramLabel();
      assertThat(named.get(i)).startsWith("#   " + option.longestName() + value + " ");
      Object initial = option.initialValue();
      if (initial instanceof Integer || initial instanceof String) {
        assertThat(named.get(i)).endsWith("; default " + initial);
      }
    }
  }
}
