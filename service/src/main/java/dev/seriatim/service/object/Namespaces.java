package dev.seriatim.service.object;

import static com.google.common.base.Preconditions.checkArgument;
import static com.google.common.base.Preconditions.checkNotNull;

import com.google.common.collect.ImmutableSortedMap;
import com.google.common.collect.ImmutableSortedSet;
import com.google.common.collect.Maps;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.Open;
import io.grpc.ServerInterceptor;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The namespaces of a host: which objects there can be. Immutable, but for their code. Safe for any
 * number of threads.
 */
public final class Namespaces {
  private final ImmutableSortedMap<String, Namespace> byName;

  /** These namespaces, by name. */
  public Namespaces(Map<String, Namespace> byName) {
    this.byName = ImmutableSortedMap.copyOf(byName);
  }

  /** These namespaces, by name, with these around the turns of their objects' methods. */
  public static Namespaces of(Map<String, Namespace> byName, List<ServerInterceptor> around) {
    return new Namespaces(Maps.transformValues(byName, each -> each.with(around)));
  }

  /**
   * Adds one to those that are to be served.
   *
   * @throws IllegalArgumentException if its name or its key is taken or not allowed
   */
  public static void add(Map<String, Namespace> to, Namespace added) {
    checkArgument(
        added.name().matches("[A-Za-z0-9_.-]{1,128}"),
        "namespace '%s', expected 1 to 128 letters, digits, '_', '-' and '.'",
        added.name());
    checkArgument(!to.containsKey(added.name()), "namespace '%s' is there already", added.name());
    for (Namespace other : to.values()) {
      checkArgument(
          !other.uniqueKey().equals(added.uniqueKey()),
          "unique key '%s' of namespace %s belongs to namespace %s",
          added.uniqueKey(),
          added.name(),
          other.name());
    }
    to.put(added.name(), added);
  }

  /**
   * Has their objects run, from the next turn on, what those of these namespaces do.
   *
   * @param next the same ones, with other code
   * @throws IllegalArgumentException if they aren't the same; nothing is replaced then
   */
  void takeCodeOf(Map<String, Namespace> next) {
    for (Namespace each : byName.values()) {
      Namespace other = next.get(each.name());
      checkArgument(
          other != null, "namespace %s is gone, expected it to be there as before", each.name());
      checkArgument(
          other.uniqueKey().equals(each.uniqueKey()),
          "namespace %s has the unique key '%s', expected '%s', which its objects' ids are made of",
          each.name(),
          other.uniqueKey(),
          each.uniqueKey());
    }
    for (String name : next.keySet()) {
      checkArgument(
          byName.containsKey(name),
          "namespace %s is new, expected none but %s until the host starts again",
          name,
          byName.keySet());
    }
    byName.values().forEach(each -> each.takeCodeOf(checkNotNull(next.get(each.name()))));
  }

  /** What they are called. */
  public ImmutableSortedSet<String> names() {
    return byName.keySet();
  }

  /** All of them, in the order of their names. */
  public Iterable<Namespace> all() {
    return byName.values();
  }

  /**
   * The namespace with this name.
   *
   * @throws BreakException if there is none
   */
  public Namespace find(String name) throws BreakException {
    Namespace namespace = byName.get(name);
    if (namespace == null) {
      throw refusal(
          BreakReason.UNKNOWN_NAMESPACE,
          "namespace '%s', expected one of %s".formatted(name, byName.keySet()));
    }
    return namespace;
  }

  /**
   * Finds out which object is meant.
   *
   * @throws BreakException if it can't be any
   */
  public ObjectAddress resolve(Open open) throws BreakException {
    Namespace namespace = find(open.getNamespace());
    try {
      return switch (open.getObjectCase()) {
        case NAME -> new ObjectAddress(namespace, namespace.ids().fromName(open.getName()));
        case ID -> new ObjectAddress(namespace, namespace.ids().fromString(open.getId()));
        case UNIQUE -> {
          if (!open.getUnique()) {
            throw refusal(BreakReason.PROTOCOL_VIOLATION, "open.unique: false, expected true");
          }
          yield new ObjectAddress(namespace, namespace.ids().newUniqueId());
        }
        case OBJECT_NOT_SET ->
            throw refusal(
                BreakReason.PROTOCOL_VIOLATION,
                "open has no object, expected one of name, id, unique");
      };
    } catch (IllegalArgumentException e) {
      throw refusal(
          BreakReason.INVALID_ID, "namespace %s: %s".formatted(namespace.name(), e.getMessage()));
    }
  }

  /** The object with this id, which is stored, in a namespace that is here. */
  ObjectAddress stored(String namespace, String id, @Nullable String name) {
    Namespace known = checkNotNull(byName.get(namespace), "namespace %s", namespace);
    return new ObjectAddress(
        known, name == null ? known.ids().fromString(id) : known.ids().fromName(name));
  }

  private static BreakException refusal(BreakReason reason, String message) {
    return new BreakException(BreakCause.of(reason, message));
  }
}
