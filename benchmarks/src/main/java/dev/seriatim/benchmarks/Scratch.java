package dev.seriatim.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What a run has on the machine while it lasts: a directory, and the processes that it starts. Both
 * are gone at its end, also when it is interrupted.
 */
final class Scratch implements AutoCloseable {
  private static final long END_SECONDS = 5;

  private final Path directory;
  private final Deque<Process> processes = new ArrayDeque<>();
  private boolean cleared;

  private Scratch(Path directory) {
    this.directory = directory;
  }

  static Scratch make() throws IOException {
    Scratch scratch = new Scratch(Files.createTempDirectory("bench"));
    Runtime.getRuntime().addShutdownHook(new Thread(scratch::close));
    return scratch;
  }

  /** A new directory. */
  Path directory(String name) throws IOException {
    return Files.createTempDirectory(directory, name);
  }

  /** The kind of file system that the directories are on, such as {@code ext4}. */
  String fileSystem() throws IOException {
    return Files.getFileStore(directory).type();
  }

  /** Starts a process, which is ended with the run, if {@link #end} hasn't ended it before. */
  synchronized Process start(ProcessBuilder command) throws IOException {
    if (cleared) {
      throw new IOException("the run has ended");
    }
    Process process = command.start();
    processes.push(process);
    return process;
  }

  /** Asks a process to end, and makes it end if it doesn't. */
  synchronized void end(Process process) {
    processes.remove(process);
    process.destroy();
    boolean interrupted = false;
    try {
      process.waitFor(END_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    process.destroyForcibly();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public synchronized void close() {
    if (cleared) {
      return;
    }
    cleared = true;
    while (!processes.isEmpty()) {
      end(processes.peek());
    }
    try (Stream<Path> files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(Scratch::delete);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
