package dev.seriatim.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import picocli.CommandLine.IVersionProvider;

/** Which program this is, as the build has written it down. */
public final class Version implements IVersionProvider {
  private static final String NUMBER = read("version");

  /** Made by the command line. */
  public Version() {}

  /** The version, such as {@code 0.1.0}. */
  public static String number() {
    return NUMBER;
  }

  /** The commit that it was built from, with {@code +} behind it if there were changes more. */
  public static String commit() {
    String commit = read("commit");
    return commit.isEmpty() ? "unknown" : commit;
  }

  @Override
  public String[] getVersion() {
    return new String[] {"Seriatim " + number() + " (commit " + commit() + ")"};
  }

  private static String read(String resource) {
    try (InputStream in = requireNonNull(Version.class.getResourceAsStream(resource), resource)) {
      return new String(in.readAllBytes(), UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(resource + " can't be read", e);
    }
  }
}
