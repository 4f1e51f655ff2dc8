package dev.seriatim.conformance.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A driver in a process of its own, which is started when it is needed, and killed if it answers
 * too late. Used by one thread.
 */
final class ProcessDriver implements Driver {
  private static final int LONGEST_ERROR = 1_500;
  private static final String END = "";

  private final List<String> command;
  private final Duration patience;
  private @Nullable Running running;

  ProcessDriver(List<String> command, Duration patience) {
    this.command = List.copyOf(command);
    this.patience = patience;
  }

  @Override
  public DriverResponse run(DriverRequest request) throws DriverException, InterruptedException {
    Running driver = running;
    if (driver == null) {
      driver = start();
      running = driver;
    }
    String line;
    try {
      driver.input().write((DriverJson.line(request) + "\n").getBytes(UTF_8));
      driver.input().flush();
      line = driver.lines().poll(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (IOException e) {
      line = END; // It has ended, or closed its input, which is as bad.
    }
    if (line == null) {
      String message = "no answer within " + patience.toSeconds() + " s" + errors(driver);
      kill();
      throw DriverException.hang(message);
    }
    if (line.equals(END)) {
      String message = "ended, " + exit(driver) + errors(driver);
      kill();
      throw DriverException.crash(message);
    }
    try {
      return DriverJson.response(line);
    } catch (InvalidProtocolBufferException e) {
      kill();
      throw DriverException.crash("answered what is no DriverResponse: " + line);
    }
  }

  /** Closes its input, at which it should end, and waits for that. */
  @Override
  public void close() {
    Running driver = running;
    if (driver == null) {
      return;
    }
    try {
      driver.input().close();
      driver.process().waitFor(10, TimeUnit.SECONDS);
    } catch (IOException e) {
      // It has gone already.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      kill();
    }
  }

  private Running start() throws DriverException {
    try {
      Path errors = Files.createTempFile("seriatim-driver", ".log");
      Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
      BlockingQueue<String> lines = new LinkedBlockingQueue<>();
      Thread.ofVirtual().start(() -> read(process, lines));
      return new Running(process, process.getOutputStream(), lines, errors);
    } catch (IOException e) {
      throw DriverException.crash("can't be started: " + e.getMessage());
    }
  }

  private static void read(Process process, BlockingQueue<String> lines) {
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (!line.isBlank()) {
          lines.add(line);
        }
      }
    } catch (IOException e) {
      // The same as its end.
    }
    lines.add(END);
  }

  private static String exit(Running driver) throws InterruptedException {
    return driver.process().waitFor(5, TimeUnit.SECONDS)
        ? "with status " + driver.process().exitValue()
        : "but for its process";
  }

  private static String errors(Running driver) {
    try {
      String all = Files.readString(driver.errors()).strip();
      return all.isEmpty() ? "" : ": " + all.substring(Math.max(0, all.length() - LONGEST_ERROR));
    } catch (IOException e) {
      return "";
    }
  }

  private void kill() {
    Running driver = running;
    running = null;
    if (driver != null) {
      driver.process().descendants().forEach(ProcessHandle::destroyForcibly);
      driver.process().destroyForcibly();
      File errors = driver.errors().toFile();
      if (!errors.delete()) {
        errors.deleteOnExit();
      }
    }
  }

  private record Running(
      Process process, OutputStream input, BlockingQueue<String> lines, Path errors) {}
}
