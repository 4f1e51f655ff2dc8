package dev.seriatim.server.serve;

import com.google.common.base.Joiner;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.DurableObjectProvider;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;

/** Finds the objects to serve: on the class path, and in the places that the program is given. */
final class ObjectPlaces {
  private ObjectPlaces() {}

  /**
   * Adds all namespaces to the host. The classes of each place are loaded by a loader of its own,
   * as they are needed, for as long as the program runs.
   *
   * @return what is served, and from where: a line for each provider
   * @throws IllegalArgumentException if a place has no objects, or they can't be added; the message
   *     names the place
   */
  static List<String> addTo(DurableObjectHost.Builder host, List<String> places) {
    ClassLoader program = ObjectPlaces.class.getClassLoader();
    List<String> served = new ArrayList<>(addTo(host, "the class path", program));
    for (String text : places) {
      ObjectPlace place = ObjectPlace.parse(text);
      served.addAll(addTo(host, "'" + text + "'", new ObjectLoader(place, program)));
    }
    if (served.isEmpty()) {
      throw new IllegalArgumentException(
          "no objects: neither the class path nor --objects has a DurableObjectProvider");
    }
    return served;
  }

  private static List<String> addTo(
      DurableObjectHost.Builder host, String place, ClassLoader loader) {
    List<String> served = new ArrayList<>();
    Iterator<DurableObjectProvider> providers =
        ServiceLoader.load(DurableObjectProvider.class, loader).iterator();
    try {
      while (providers.hasNext()) {
        served.add(addTo(host, place, providers.next()));
      }
    } catch (ServiceConfigurationError e) {
      throw new IllegalArgumentException(
          "--objects %s: %s%s%s"
              .formatted(
                  place,
                  e.getMessage(),
                  e.getCause() == null ? "" : ": " + e.getCause(),
                  e.getCause() == null ? "" : hint(e.getCause())),
          e);
    } catch (LinkageError e) { // While it looked at the provider's class.
      throw new IllegalArgumentException("--objects %s: %s%s".formatted(place, e, hint(e)), e);
    }
    return served;
  }

  private static String addTo(
      DurableObjectHost.Builder host, String place, DurableObjectProvider provider) {
    Set<String> before = host.namespaces();
    try {
      provider.addTo(host);
    } catch (RuntimeException | LinkageError e) {
      throw new IllegalArgumentException(
          "%s in %s failed: %s%s".formatted(provider.getClass().getName(), place, e, hint(e)), e);
    }
    Set<String> added = new TreeSet<>(host.namespaces());
    added.removeAll(before);
    return "serving %s from %s"
        .formatted(
            added.isEmpty() ? "no namespace" : Joiner.on(", ").join(added), nameOf(provider));
  }

  /** What is to be done about an error that comes from how things were put together. */
  private static String hint(Throwable error) {
    for (Throwable e = error; e != null; e = e.getCause()) {
      if (e instanceof UnsupportedClassVersionError) {
        return "; this is Java %d, expected classes for it or an older one"
            .formatted(Runtime.version().feature());
      }
      if (e instanceof NoClassDefFoundError || e instanceof ClassNotFoundException) {
        return "; what it needs is not there, expected it in the same --objects, such as"
            + " --objects 'my-objects.jar,lib/*'";
      }
      if (e instanceof LinkageError) {
        return "; it may have been built with a newer version of what it shares with the host: "
            + Joiner.on(", ").join(ObjectLoader.SHARED.stream().map(s -> s + "*").iterator());
      }
    }
    return "";
  }

  /** The name of its jar or directory. */
  private static String nameOf(DurableObjectProvider provider) {
    CodeSource source = provider.getClass().getProtectionDomain().getCodeSource();
    if (source == null) {
      return "an unknown place";
    }
    try {
      Path place = Path.of(source.getLocation().toURI());
      // `classes` in `target` says little.
      return place.endsWith(Path.of("target", "classes"))
          ? place.getName(place.getNameCount() - 3).resolve("target").resolve("classes").toString()
          : String.valueOf(place.getFileName());
    } catch (URISyntaxException | IllegalArgumentException e) {
      return source.getLocation().toString();
    }
  }
}
