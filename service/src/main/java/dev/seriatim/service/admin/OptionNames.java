package dev.seriatim.service.admin;

import com.google.common.base.CaseFormat;
import com.google.common.collect.ImmutableSet;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.HostLimits.QueueSize;
import dev.seriatim.service.StorageOptions;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/**
 * The limits and options of a host that are numbers or times, by their names. They are looked up in
 * their classes, so that none is forgotten; what isn't of those kinds, such as where the store is,
 * may have a password in it.
 */
final class OptionNames {
  private static final ImmutableSet<Class<?>> KINDS =
      ImmutableSet.of(int.class, long.class, Duration.class, QueueSize.class);

  private OptionNames() {}

  static Map<String, String> of(HostLimits limits, StorageOptions storage) {
    TreeMap<String, String> all = new TreeMap<>();
    addTo(all, limits);
    addTo(all, limits.connections());
    addTo(all, limits.sessions());
    addTo(all, limits.tails());
    addTo(all, storage);
    return all;
  }

  private static void addTo(Map<String, String> all, Object options) {
    for (Method each : options.getClass().getDeclaredMethods()) {
      int modifiers = each.getModifiers();
      if (Modifier.isPublic(modifiers)
          && !Modifier.isStatic(modifiers)
          && each.getParameterCount() == 0
          && KINDS.contains(each.getReturnType())
          && !each.getName().equals("hashCode")) {
        add(
            all,
            CaseFormat.LOWER_CAMEL.to(CaseFormat.LOWER_UNDERSCORE, each.getName()),
            each,
            options);
      }
    }
  }

  private static void add(Map<String, String> all, String name, Method accessor, Object options) {
    Object value;
    try {
      value = accessor.invoke(options);
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException(accessor + " can't be asked", e);
    }
    if (value instanceof QueueSize size) {
      all.put(name + "_invocations", Long.toString(size.invocations()));
      all.put(name + "_bytes", Long.toString(size.bytes()));
    } else {
      all.put(name, value.toString());
    }
  }
}
