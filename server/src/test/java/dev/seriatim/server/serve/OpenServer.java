package dev.seriatim.server.serve;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import dev.seriatim.service.DurableObjectProvider;
import dev.seriatim.service.Policy;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/** The server program in this process, on a free port, with its objects in memory. */
final class OpenServer implements AutoCloseable {
  private final Serve.Opened opened;

  private OpenServer(Serve.Opened opened) {
    this.opened = opened;
  }

  /**
   * Opens it with these options and with the objects of this class.
   *
   * @param directory where there is room for a jar
   */
  static OpenServer open(
      Path directory, Class<? extends DurableObjectProvider> objects, String... options)
      throws Exception {
    return open(directory, objects, List.of("--data", "memory"), options);
  }

  /** The same, there for tests. */
  static OpenServer openForTests(Path directory, Class<? extends DurableObjectProvider> objects)
      throws Exception {
    return open(directory, objects, List.of("--test"));
  }

  private static OpenServer open(
      Path directory,
      Class<? extends DurableObjectProvider> objects,
      List<String> place,
      String... options)
      throws Exception {
    List<String> all = new ArrayList<>(List.of("--listen", "127.0.0.1:0"));
    all.addAll(place);
    all.addAll(List.of("--objects", ServerProcess.jar(directory, objects).toString()));
    all.addAll(List.of(options));
    Serve program = new Serve();
    Serve.commandLine(program, Map.of()).parse(all.toArray(String[]::new));
    return new OpenServer(program.open());
  }

  /** What the program says of these options, which it refuses. */
  static String refusal(Map<String, String> environment, String... options) {
    Serve program = new Serve();
    CommandLine line = new CommandLine(program);
    StringWriter said = new StringWriter();
    line.setErr(new PrintWriter(said, /* autoFlush= */ true));
    ServerCommand command = new ServerCommand(line, environment);
    try {
      command.parse(options);
      program.open().close();
      throw new AssertionError("opened with " + List.of(options));
    } catch (CommandLine.ParameterException e) {
      assertThat(command.refuse(e)).isEqualTo(2);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return said.toString();
  }

  /** Looks at the files of certificates now. */
  boolean look() {
    return requireNonNull(opened.tls(), "no TLS").look();
  }

  int port() {
    return opened.host().port();
  }

  Policy policy() {
    return requireNonNull(opened.policy(), "no policy");
  }

  ServerHealth health() {
    return opened.health();
  }

  @Override
  public void close() {
    opened.close();
  }
}
