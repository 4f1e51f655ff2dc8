package dev.seriatim.benchmarks.pekko;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Starts two nodes, one of them in a process of its own, and puts loads on a counter there. Prints
 * {@code ready}; then each line of the standard input, {@code LOAD IN_FLIGHT WARM_UP_MILLIS
 * MILLIS}, is a load to run, and is answered with a line: the calls per second and, where calls
 * were made one at a time, the percentiles 0 to 100 of their latency in microseconds. {@code LOAD}
 * is {@code ask} or {@code tell}. Ends when its standard input does.
 */
public final class Main {
  private Main() {}

  /** Runs it. */
  public static void main(String[] arguments) throws Exception {
    try (HostProcess host = HostProcess.start()) {
      Node node = Node.start(Node.CALLER);
      node.join(host.address());
      serve(new Calls(node, "bench"));
    }
  }

  private static void serve(Calls calls) throws Exception {
    calls.value(); // Answered when both nodes are up, and the counter's shard has a home.
    System.out.println("ready");
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      System.out.println(run(calls, line.split(" ")));
    }
  }

  private static String run(Calls calls, String[] words) throws Exception {
    long before = calls.value();
    ClosedLoop.Run run =
        ClosedLoop.run(
            calls.named(words[0]),
            Integer.parseInt(words[1]),
            Duration.ofMillis(Long.parseLong(words[2])),
            Duration.ofMillis(Long.parseLong(words[3])));
    long counted = calls.value() - before;
    if (counted != run.calls()) {
      throw new IOException("the counter counted %d, expected %d".formatted(counted, run.calls()));
    }
    return run.line();
  }
}
