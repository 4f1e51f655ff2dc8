package dev.seriatim.server.serve;

import dev.seriatim.service.HostLimits;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/** What the program logs once it listens: what runs where, with what, and how that is unusual. */
final class StartRecord {
  private StartRecord() {}

  /**
   * Logs it.
   *
   * @param facts by their keys, in the order in which they are told
   */
  static void log(Map<String, Object> facts, HostLimits limits) {
    LoggingEventBuilder event = LoggerFactory.getLogger(Serve.class).atInfo();
    for (Map.Entry<String, Object> fact : facts.entrySet()) {
      event = event.addKeyValue(fact.getKey(), fact.getValue());
    }
    for (Map.Entry<String, Object> limit : unusual(limits).entrySet()) {
      event = event.addKeyValue("limits." + limit.getKey(), limit.getValue());
    }
    event.log("this host has started");
  }

  /** The limits that aren't the default, by the names that {@link HostLimits} has for them. */
  static Map<String, Object> unusual(HostLimits limits) {
    Map<String, Object> found = new TreeMap<>();
    compare("", HostLimits.class, limits, HostLimits.defaults(), found);
    return found;
  }

  private static void compare(
      String prefix, Class<?> of, Object limits, Object defaults, Map<String, Object> found) {
    for (Method limit : of.getDeclaredMethods()) {
      if (!isLimit(limit)) {
        continue;
      }
      Object value = get(limit, limits);
      Object usual = get(limit, defaults);
      Class<?> type = limit.getReturnType();
      if (type.getPackage() == HostLimits.class.getPackage()) {
        compare(prefix + limit.getName() + ".", type, value, usual, found);
      } else if (!value.equals(usual)) {
        found.put(prefix + limit.getName(), value);
      }
    }
  }

  private static boolean isLimit(Method method) {
    return Modifier.isPublic(method.getModifiers())
        && !Modifier.isStatic(method.getModifiers())
        && method.getParameterCount() == 0
        && !method.getName().startsWith("to")
        && !method.getName().equals("hashCode");
  }

  private static Object get(Method limit, Object of) {
    try {
      return limit.invoke(of);
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException(limit + " can't be read", e);
    }
  }
}
