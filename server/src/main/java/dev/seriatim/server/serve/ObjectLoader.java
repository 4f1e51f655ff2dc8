package dev.seriatim.server.serve;

import com.google.common.base.Joiner;
import com.google.common.collect.ImmutableList;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Loads the classes of one place of objects: its own first, so that it may bring other versions of
 * what the program has, too; but for what the two have between them. Any thread.
 */
final class ObjectLoader extends URLClassLoader {
  /**
   * Of the host, always: types that go from objects to the host and back. Where the host has no
   * such class, the object's own counts.
   */
  static final ImmutableList<String> SHARED =
      ImmutableList.of(
          "com.google.common.",
          "com.google.protobuf.",
          "com.google.rpc.",
          "dev.seriatim.",
          "io.grpc.",
          "io.opentelemetry.",
          "org.slf4j.");

  static {
    ClassLoader.registerAsParallelCapable();
  }

  private final ClassLoader host;

  ObjectLoader(ObjectPlace place, ClassLoader host) {
    super(Joiner.on(',').join(place.parts()), urls(place), host);
    this.host = host;
  }

  private static URL[] urls(ObjectPlace place) {
    return place.parts().stream().map(ObjectLoader::url).toArray(URL[]::new);
  }

  private static URL url(Path part) {
    try {
      return part.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException("--objects '%s': %s".formatted(part, e.getMessage()), e);
    }
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (isShared(name)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> found = findLoadedClass(name);
      if (found == null) {
        found = ofTheJdk(name);
      }
      if (found == null) {
        found = own(name);
      }
      if (found == null) {
        return super.loadClass(name, resolve);
      }
      if (resolve) {
        resolveClass(found);
      }
      return found;
    }
  }

  private static boolean isShared(String name) {
    return SHARED.stream().anyMatch(name::startsWith);
  }

  private static @Nullable Class<?> ofTheJdk(String name) {
    try {
      return getPlatformClassLoader().loadClass(name);
    } catch (ClassNotFoundException e) {
      return null;
    }
  }

  private @Nullable Class<?> own(String name) {
    try {
      return findClass(name);
    } catch (ClassNotFoundException e) {
      return null;
    }
  }

  @Override
  public @Nullable URL getResource(String name) {
    URL own = findResource(name);
    return own != null ? own : host.getResource(name);
  }

  /** Its own first. Which objects there are is said in the place itself, and only there. */
  @Override
  public Enumeration<URL> getResources(String name) throws IOException {
    Enumeration<URL> own = findResources(name);
    if (name.equals(ObjectPlace.PROVIDERS)) {
      return own;
    }
    List<URL> all = new ArrayList<>(Collections.list(own));
    all.addAll(Collections.list(host.getResources(name)));
    return Collections.enumeration(all);
  }
}
