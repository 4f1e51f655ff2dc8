package dev.seriatim.server;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** Which program this is, as the build has written it down. */
public final class Version implements IVersionProvider {
  private static final String RESOURCE = "version.properties";
  private static final Properties BUILT = read();

  /** Made by the command line. */
  public Version() {}

  /** The version, such as {@code 0.1.0}. */
  public static String number() {
    return built("version");
  }

  /** The commit that it was built from, {@code +} behind it if there were changes; or unknown. */
  public static String commit() {
    return built("commit") + (Boolean.parseBoolean(built("changed")) ? "+" : "");
  }

  @Override
  public String[] getVersion() {
    return new String[] {"Seriatim " + number() + " (commit " + commit() + ")"};
  }

  private static String built(String key) {
    return requireNonNull(BUILT.getProperty(key), key);
  }

  private static Properties read() {
    Properties built = new Properties();
    try (InputStream in = requireNonNull(Version.class.getResourceAsStream(RESOURCE), RESOURCE)) {
      built.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(RESOURCE + " can't be read", e);
    }
    return built;
  }
}
