package dev.seriatim.server.serve;

import static com.google.common.collect.ImmutableList.toImmutableList;

import com.google.common.base.Ascii;
import com.google.common.base.Splitter;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableSet;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Where options come from: the command line, then the environment, then a file. What comes first
 * hides what comes later, also where it is the other one of two that exclude each other; but what
 * may be repeated adds up. What is found becomes a part of the command line, so that it is all read
 * by one reader. For one thread.
 */
final class OptionSources {
  /** {@code --max-stubs} is {@code SERIATIM_MAX_STUBS}. */
  private static final String PREFIX = "SERIATIM_";

  private static final String CONFIG = "--config";

  /** Names of others: of our scripts and clients. */
  private static final ImmutableSet<String> OTHERS =
      ImmutableSet.of(
          "JAVA_OPTS", "TARGET", "TOKEN", "TOKEN_FILE", "TLS_CA", "SHARED_CALLS", "CLUSTER_DIR");

  /** What Kubernetes sets in every pod beside a service that is called {@code seriatim}. */
  private static final Pattern KUBERNETES =
      Pattern.compile("(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\\d+_(TCP|UDP|SCTP)(_.*)?)?)");

  private final CommandSpec spec;
  private final Map<String, String> environment;

  /** Where each option came from that isn't on the command line. */
  private final Map<String, String> origins = new LinkedHashMap<>();

  OptionSources(CommandSpec spec, Map<String, String> environment) {
    this.spec = spec;
    this.environment = environment;
  }

  /** A setting: its name as on the command line, and where it stands. */
  private record Setting(OptionSpec option, String value, String origin) {}

  /**
   * The arguments with what the environment and the file add.
   *
   * @throws IllegalArgumentException if one of those has a name that is none of an option, or the
   *     file can't be read; the message says where
   */
  List<String> addTo(List<String> arguments) {
    List<String> all = new ArrayList<>();
    Set<ArgSpec> given = new HashSet<>();
    for (String argument : arguments) {
      OptionSpec option = spec.findOption(beforeEquals(argument));
      if (option != null) {
        given.addAll(together(option));
      }
    }
    List<Setting> fromEnvironment = environment();
    add(fromEnvironment, given, all);
    @Nullable String file = file(arguments, fromEnvironment);
    if (file != null) {
      add(inFile(Path.of(file)), given, all);
    }
    all.addAll(arguments);
    return all;
  }

  /** Where this option came from, in words; null if it is on the command line. */
  @Nullable String origin(ArgSpec argument) {
    return argument instanceof OptionSpec option ? origins.get(option.longestName()) : null;
  }

  private void add(List<Setting> settings, Set<ArgSpec> given, List<String> all) {
    Set<ArgSpec> now = new HashSet<>();
    for (Setting setting : settings) {
      OptionSpec option = setting.option();
      if (given.contains(option) && !option.isMultiValue()) {
        continue;
      }
      now.addAll(together(option));
      origins.put(option.longestName(), setting.origin());
      if (!isFlag(option)) {
        all.add(option.longestName() + "=" + setting.value());
      } else if (isTrue(setting)) {
        all.add(option.longestName());
      }
    }
    given.addAll(now);
  }

  /** The option, and those that can't be given beside it. */
  private static List<ArgSpec> together(OptionSpec option) {
    ArgGroupSpec group = option.group();
    return group != null && group.exclusive() ? List.copyOf(group.args()) : List.of(option);
  }

  private static boolean isFlag(OptionSpec option) {
    return option.arity().max() == 0;
  }

  private static boolean isTrue(Setting setting) {
    return switch (setting.value()) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw new IllegalArgumentException(
              "%s is '%s', expected true or false".formatted(setting.origin(), setting.value()));
    };
  }

  private List<Setting> environment() {
    List<Setting> settings = new ArrayList<>();
    new TreeMap<>(environment)
        .forEach(
            (variable, value) -> {
              String name = variable.startsWith(PREFIX) ? variable.substring(PREFIX.length()) : "";
              if (name.isEmpty() || OTHERS.contains(name) || KUBERNETES.matcher(name).matches()) {
                return;
              }
              String written = "--" + Ascii.toLowerCase(name).replace('_', '-');
              OptionSpec option =
                  name.equals(Ascii.toUpperCase(name)) ? spec.findOption(written) : null;
              if (option == null || isHelp(option)) {
                throw new IllegalArgumentException(
                    "the environment has %s, but there is no option %s%s"
                        .formatted(variable, written, similar(written)));
              }
              for (String one : values(option, value)) {
                settings.add(new Setting(option, one, "the environment's " + variable));
              }
            });
    return settings;
  }

  /** An option that may be repeated has several values in one variable. */
  private static List<String> values(OptionSpec option, String value) {
    return option.isMultiValue()
        ? Splitter.on(File.pathSeparatorChar).omitEmptyStrings().splitToList(value)
        : List.of(value);
  }

  private static boolean isHelp(OptionSpec option) {
    return option.usageHelp() || option.versionHelp();
  }

  private static @Nullable String file(List<String> arguments, List<Setting> environment) {
    @Nullable String file = null;
    for (Setting setting : environment) {
      if (setting.option().longestName().equals(CONFIG)) {
        file = setting.value();
      }
    }
    for (int i = 0; i < arguments.size(); i++) {
      if (arguments.get(i).equals(CONFIG) && i + 1 < arguments.size()) {
        file = arguments.get(i + 1);
      } else if (arguments.get(i).startsWith(CONFIG + "=")) {
        file = arguments.get(i).substring(CONFIG.length() + 1);
      }
    }
    return file;
  }

  private List<Setting> inFile(Path file) {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException("--config '" + file + "': there is no such file", e);
    } catch (IOException e) {
      throw new IllegalArgumentException("--config '" + file + "': " + e, e);
    }
    List<Setting> settings = new ArrayList<>();
    Map<String, String> seen = new LinkedHashMap<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      String origin = "line %d of '%s'".formatted(i + 1, file);
      String name = beforeEquals(line).strip();
      String written = name.startsWith("--") ? name : "--" + name;
      OptionSpec option = spec.findOption(written);
      if (option == null || isHelp(option) || written.equals(CONFIG)) {
        throw new IllegalArgumentException(
            "%s: there is no option %s%s, expected NAME = VALUE"
                .formatted(origin, written, similar(written)));
      }
      @Nullable String other = seen.put(written, origin);
      if (other != null && !option.isMultiValue()) {
        throw new IllegalArgumentException(
            "%s: %s a second time; the first is on %s".formatted(origin, written, other));
      }
      settings.add(new Setting(option, valueIn(line, option, origin), origin));
    }
    return settings;
  }

  private static String valueIn(String line, OptionSpec option, String origin) {
    int equals = line.indexOf('=');
    if (equals >= 0) {
      return line.substring(equals + 1).strip();
    }
    if (isFlag(option)) {
      return "true";
    }
    throw new IllegalArgumentException(
        "%s: %s has no value, expected NAME = VALUE".formatted(origin, option.longestName()));
  }

  private static String beforeEquals(String text) {
    int equals = text.indexOf('=');
    return equals < 0 ? text : text.substring(0, equals);
  }

  /** The options that have a word of this one. */
  private String similar(String written) {
    List<String> words = Splitter.on('-').omitEmptyStrings().splitToList(written);
    ImmutableList<String> names =
        spec.options().stream()
            .map(OptionSpec::longestName)
            .filter(
                name -> Splitter.on('-').splitToStream(name).anyMatch(word -> words.contains(word)))
            .sorted()
            .limit(8)
            .collect(toImmutableList());
    return names.isEmpty() ? "" : "; there are " + String.join(", ", names);
  }
}
