package dev.seriatim.server.serve;

import com.google.common.base.Splitter;
import com.google.common.collect.ImmutableList;
import dev.seriatim.service.DurableObjectProvider;
import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;

/**
 * What {@code --objects} names: jars and directories of classes that belong together, and one of
 * which says what objects there are.
 *
 * @param text as it was given
 * @param parts the jars and directories, in the order in which they are looked at
 */
record ObjectPlace(String text, ImmutableList<Path> parts) {
  static final String PROVIDERS = "META-INF/services/" + DurableObjectProvider.class.getName();

  private static final String ALL = "*";

  /**
   * Reads it.
   *
   * @throws IllegalArgumentException if it is none; the message says what was expected
   */
  static ObjectPlace parse(String text) {
    List<Path> parts = new ArrayList<>();
    for (String part : Splitter.on(',').omitEmptyStrings().trimResults().split(text)) {
      parts.addAll(expand(part));
    }
    ObjectPlace place = new ObjectPlace(text, ImmutableList.copyOf(parts));
    if (parts.stream().noneMatch(ObjectPlace::hasProviders)) {
      throw new IllegalArgumentException(
          "--objects '%s' has no %s, expected one that names its DurableObjectProvider"
              .formatted(text, PROVIDERS));
    }
    return place;
  }

  private static List<Path> expand(String part) {
    try {
      if (part.equals(ALL) || part.endsWith(File.separator + ALL)) {
        return jarsIn(Path.of(part.substring(0, part.length() - ALL.length())));
      }
      return List.of(checked(Path.of(part)));
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("--objects '%s': %s".formatted(part, e.getMessage()), e);
    }
  }

  private static List<Path> jarsIn(Path directory) {
    List<Path> jars = new ArrayList<>();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(directory, "*.jar")) {
      found.forEach(jar -> jars.add(checked(jar)));
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--objects '%s%s%s', expected a directory with jars: %s"
              .formatted(directory, File.separator, ALL, e),
          e);
    }
    if (jars.isEmpty()) {
      throw new IllegalArgumentException(
          "--objects '%s%s%s': there is no jar, expected at least one"
              .formatted(directory, File.separator, ALL));
    }
    jars.sort(null); // The order of a directory is anyone's.
    return jars;
  }

  private static Path checked(Path part) {
    if (Files.isDirectory(part)) {
      return part;
    }
    if (!Files.isReadable(part)) {
      throw new IllegalArgumentException(
          "--objects '%s', expected a jar or a directory of classes that can be read"
              .formatted(part));
    }
    var _ = hasEntry(part, JarFile.MANIFEST_NAME); // Can be read as a jar.
    return part;
  }

  private static boolean hasProviders(Path part) {
    if (Files.isDirectory(part)) {
      return Files.isReadable(part.resolve(PROVIDERS));
    }
    return hasEntry(part, PROVIDERS);
  }

  private static boolean hasEntry(Path part, String name) {
    try (JarFile jar = new JarFile(part.toFile())) {
      return jar.getEntry(name) != null;
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--objects '%s', expected a jar: %s".formatted(part, e.getMessage()), e);
    }
  }
}
