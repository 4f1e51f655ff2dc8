package dev.seriatim.server.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file that is there when it is complete, and not before. */
final class PartialFile implements AutoCloseable {
  private final Path file;
  private final Path partial;
  private final OutputStream stream;
  private boolean complete;

  private PartialFile(Path file, Path partial, OutputStream stream) {
    this.file = file;
    this.partial = partial;
    this.stream = stream;
  }

  static PartialFile of(Path file) throws IOException {
    if (Files.exists(file)) {
      throw CommandFailure.usage("'%s' is there already, expected a new file".formatted(file));
    }
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    return new PartialFile(file, partial, Files.newOutputStream(partial));
  }

  OutputStream stream() {
    return stream;
  }

  /** All has been written. */
  void complete() throws IOException {
    stream.close();
    try (FileChannel written = FileChannel.open(partial, StandardOpenOption.WRITE)) {
      written.force(/* metaData= */ true);
    }
    Files.move(partial, file); // Not over another one.
    complete = true;
  }

  @Override
  public void close() throws IOException {
    stream.close();
    if (!complete) {
      Files.deleteIfExists(partial);
    }
  }
}
