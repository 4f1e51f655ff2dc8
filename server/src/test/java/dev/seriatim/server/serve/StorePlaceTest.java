package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;

import dev.seriatim.service.StorageOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The password of a store, which may stand in a file. */
final class StorePlaceTest {
  @TempDir private Path directory;

  private StorePlace place(String store) {
    return CommandLine.populateCommand(new StorePlace(), "--store", store);
  }

  @Test
  void thePasswordComesOutOfItsFile() throws Exception {
    Path file = Files.writeString(directory.resolve("password"), "p&w d=1\n");

    assertThat(place("jdbc:postgresql://h/d?user=u").toOptions(file).location())
        .isEqualTo(
            new StorageOptions.Postgres("jdbc:postgresql://h/d?user=u&password=p%26w+d%3D1"));
    assertThat(place("jdbc:postgresql://h/d").toOptions(file).location())
        .isEqualTo(new StorageOptions.Postgres("jdbc:postgresql://h/d?password=p%26w+d%3D1"));
    assertThat(place("jdbc:postgresql://h/d").toOptions(null).location())
        .isEqualTo(new StorageOptions.Postgres("jdbc:postgresql://h/d"));
  }

  @Test
  void nobodyIsToldThePassword() throws Exception {
    Path file = Files.writeString(directory.resolve("password"), "secret");
    StorePlace place = place("jdbc:postgresql://h/d?user=u");

    assertThat(place.toOptions(file).location().toString()).doesNotContain("secret");
    assertThat(place.toString()).doesNotContain("secret");
  }
}
