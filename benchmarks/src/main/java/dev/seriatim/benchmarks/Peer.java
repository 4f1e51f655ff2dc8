package dev.seriatim.benchmarks;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * A system that Seriatim is measured beside, with the loads on it: {@code scripts/peer}, which runs
 * a load when it is told to, and ends with the benchmarks.
 */
final class Peer {
  private static final String SCRIPT = System.getProperty("seriatim.peer", "scripts/peer");

  private final String name;
  private final BufferedWriter loads;
  private final BufferedReader answers;

  private Peer(String name, Process process) {
    this.name = name;
    loads = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /** Downloads and builds what a peer needs, unless it is there. If that fails, says why. */
  static boolean install(String name) throws IOException, InterruptedException {
    return new ProcessBuilder(SCRIPT, "--install", name).inheritIO().start().waitFor() == 0;
  }

  /** Starts one, and waits until it can be called. */
  static Peer start(Scratch scratch, String name) throws IOException {
    ProcessBuilder command =
        new ProcessBuilder(SCRIPT, name).redirectError(ProcessBuilder.Redirect.INHERIT);
    // So that its files are on the same disk as Seriatim's.
    command.environment().put("TMPDIR", scratch.directory(name).toString());
    Peer peer = new Peer(name, scratch.start(command));
    peer.read("it was ready");
    return peer;
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
      throw new IOException("the peer %s ended before %s".formatted(name, before));
    }
    return line;
  }
}
