package dev.seriatim.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;

/** JFR in both processes: what takes CPU time, what is allocated, and what waits for a lock. */
final class Profile {
  private static final String SETTINGS = "profile";

  /** Beyond those settings: locks that are waited for shortly, and CPU time in native code. */
  private static final Map<String, String> MORE =
      Map.of("jdk.JavaMonitorEnter#threshold", "20us", "jdk.CPUTimeSample#enabled", "true");

  private final Path directory;
  private final Recording recording;

  private Profile(Path directory, Recording recording) {
    this.directory = directory;
    this.recording = recording;
  }

  static Profile start(Path directory) throws IOException, ParseException {
    Map<String, String> settings = new HashMap<>();
    settings.putAll(Configuration.getConfiguration(SETTINGS).getSettings());
    settings.putAll(MORE);
    Recording recording = new Recording();
    recording.setSettings(settings);
    recording.start();
    return new Profile(directory, recording);
  }

  /**
   * What makes a host's JVM record itself in the same way, until it ends, in a file of this name.
   */
  static List<String> hostOptions(Path directory, String file) throws IOException {
    Files.createDirectories(directory);
    StringBuilder recording = new StringBuilder("-XX:StartFlightRecording:dumponexit=true");
    recording.append(",settings=").append(SETTINGS);
    recording.append(",filename=").append(directory.resolve(file + ".jfr").toAbsolutePath());
    MORE.forEach((name, value) -> recording.append(',').append(name).append('=').append(value));
    // The host's standard output is for its ports.
    return List.of(recording.toString(), "-Xlog:jfr+startup=off");
  }

  /** Ends the recording of this process; the host's ends with the host. */
  void save() throws IOException {
    recording.dump(directory.resolve("client.jfr"));
    recording.close();
  }
}
