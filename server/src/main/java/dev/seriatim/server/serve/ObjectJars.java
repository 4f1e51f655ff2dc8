package dev.seriatim.server.serve;

import com.google.common.base.Joiner;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;

/** Finds the objects to serve: on the class path, and in the jars that the program is given. */
final class ObjectJars {
  private static final String PROVIDERS =
      "META-INF/services/" + DurableObjectProvider.class.getName();

  private ObjectJars() {}

  /**
   * Adds all namespaces to the host.
   *
   * @return what is served, and from where: a line for each provider
   * @throws IllegalArgumentException if a file is no jar with objects, or its objects can't be
   *     added; the message names the file
   */
  static List<String> addTo(DurableObjectHost.Builder host, List<Path> jars) {
    // Lives as long as the program: the objects' classes are loaded from it as they are needed.
    ClassLoader loader =
        new URLClassLoader(
            jars.stream().map(ObjectJars::check).toArray(URL[]::new),
            ObjectJars.class.getClassLoader());
    List<String> served = new ArrayList<>();
    try {
      for (DurableObjectProvider provider :
          ServiceLoader.load(DurableObjectProvider.class, loader)) {
        served.add(addTo(host, provider));
      }
    } catch (ServiceConfigurationError e) {
      throw new IllegalArgumentException(
          e.getMessage() + (e.getCause() == null ? "" : ": " + e.getCause()), e);
    }
    if (served.isEmpty()) {
      throw new IllegalArgumentException(
          "no objects: neither the class path nor --objects has a DurableObjectProvider");
    }
    return served;
  }

  private static String addTo(DurableObjectHost.Builder host, DurableObjectProvider provider) {
    Set<String> before = host.namespaces();
    try {
      provider.addTo(host);
    } catch (RuntimeException | LinkageError e) {
      throw new IllegalArgumentException(
          "%s in %s failed: %s".formatted(provider.getClass().getName(), placeOf(provider), e), e);
    }
    Set<String> added = new TreeSet<>(host.namespaces());
    added.removeAll(before);
    return "serving %s from %s"
        .formatted(
            added.isEmpty() ? "no namespace" : Joiner.on(", ").join(added), placeOf(provider));
  }

  private static String placeOf(DurableObjectProvider provider) {
    CodeSource source = provider.getClass().getProtectionDomain().getCodeSource();
    if (source == null) {
      return "an unknown place";
    }
    return String.valueOf(Path.of(source.getLocation().getPath()).getFileName());
  }

  private static URL check(Path file) {
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new IllegalArgumentException(
          "--objects '%s', expected a jar that can be read".formatted(file));
    }
    try (JarFile jar = new JarFile(file.toFile())) {
      if (jar.getEntry(PROVIDERS) == null) {
        throw new IllegalArgumentException(
            "--objects '%s' has no %s, expected one that names its DurableObjectProvider"
                .formatted(file, PROVIDERS));
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "--objects '%s', expected a jar: %s".formatted(file, e.getMessage()), e);
    }
    try {
      return file.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException("--objects '%s': %s".formatted(file, e.getMessage()), e);
    }
  }
}
