package dev.seriatim.benchmarks;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A process with loads of its own, started by a script. It runs a load when it is told to, and ends
 * with the benchmarks. benchmarks/README.md says how they talk.
 */
final class LoadProcess {
  private static final Path SCRIPTS = Path.of(System.getProperty("seriatim.scripts", "scripts"));

  private final String name;
  private final BufferedWriter loads;
  private final BufferedReader answers;

  private LoadProcess(String name, Process process) {
    this.name = name;
    loads = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * Downloads and builds what one needs, unless it is there. If that fails, the script says why.
   */
  static boolean install(String script, String name) throws IOException, InterruptedException {
    ProcessBuilder command = new ProcessBuilder(path(script), "--install", name);
    return command.inheritIO().start().waitFor() == 0;
  }

  /** Starts one, and waits until it is ready. */
  static LoadProcess start(Scratch scratch, String script, String name, String... arguments)
      throws IOException {
    List<String> words = new ArrayList<>(List.of(path(script), name));
    words.addAll(List.of(arguments));
    ProcessBuilder command =
        new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT);
    // So that its files are on the same disk as Seriatim's.
    command.environment().put("TMPDIR", scratch.directory(name).toString());
    LoadProcess process = new LoadProcess(name, scratch.start(command));
    process.read("it was ready");
    return process;
  }

  private static String path(String script) {
    return SCRIPTS.resolve(script).toString();
  }

  /** A load that it has. */
  Runner load(String load) {
    return (inFlight, warmUp, time) -> run(load, inFlight, warmUp, time);
  }

  private Run run(String load, int inFlight, Duration warmUp, Duration time) throws IOException {
    loads.write("%s %d %d %d".formatted(load, inFlight, warmUp.toMillis(), time.toMillis()));
    loads.newLine();
    loads.flush();
    String line = read("%s with %,d in flight was answered".formatted(load, inFlight));
    double[] numbers = Arrays.stream(line.split(" ")).mapToDouble(Double::parseDouble).toArray();
    long[] latencyNanos =
        Arrays.stream(numbers).skip(1).mapToLong(micros -> (long) (micros * 1e3)).toArray();
    return new Run(numbers[0], latencyNanos);
  }

  private String read(String before) throws IOException {
    String line = answers.readLine();
    if (line == null) {
      throw new IOException("%s ended before %s".formatted(name, before));
    }
    return line;
  }
}
