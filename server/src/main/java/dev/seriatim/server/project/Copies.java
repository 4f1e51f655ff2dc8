package dev.seriatim.server.project;

import static java.util.Objects.requireNonNull;

import com.google.common.base.Joiner;
import com.google.common.base.Splitter;
import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Copies of compiled classes, beside them. Code is loaded as it is needed: a turn that runs on the
 * old code must find that, whatever was compiled meanwhile. For one thread.
 */
final class Copies {
  private static final String NAME = "seriatim-dev";

  /** So many of the last copies are kept. */
  private static final int KEPT = 3;

  private int made;

  /**
   * Copies the directories of a place, and leaves its jars where they are.
   *
   * @param place as {@code --objects} takes it
   * @return where it is now
   */
  String copy(String place) throws IOException {
    made++;
    List<String> parts = new ArrayList<>();
    for (String part : Splitter.on(',').omitEmptyStrings().trimResults().split(place)) {
      Path classes = Path.of(part).toAbsolutePath().normalize();
      parts.add(Files.isDirectory(classes) ? copy(classes).toString() : part);
    }
    return Joiner.on(',').join(parts);
  }

  private Path copy(Path classes) throws IOException {
    Path all = requireNonNull(classes.getParent()).resolve(NAME);
    if (made == 1) {
      delete(all); // Those of a run before.
    }
    delete(all.resolve(Integer.toString(made - KEPT)));
    // With the end of its name, which is shown.
    Path end = classes.subpath(Math.max(0, classes.getNameCount() - 3), classes.getNameCount());
    Path to = all.resolve(Integer.toString(made)).resolve(end);
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path copied = to.resolve(classes.relativize(file));
        if (Files.isDirectory(file)) {
          Files.createDirectories(copied);
        } else {
          Path _ = Files.copy(file, copied);
        }
      }
    }
    return to;
  }

  private static void delete(Path directory) throws IOException {
    if (Files.exists(directory)) {
      MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
    }
  }
}
