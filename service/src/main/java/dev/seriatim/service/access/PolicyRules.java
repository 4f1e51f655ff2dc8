package dev.seriatim.service.access;

import static java.util.stream.Collectors.toSet;

import com.google.common.base.Ascii;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSet;
import com.google.common.collect.ImmutableSortedMap;
import dev.seriatim.policy.v1.Rule;
import dev.seriatim.service.Access;
import dev.seriatim.service.Caller;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.service.ServedNamespace;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjectIds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What a policy says, ready to be asked. Immutable. */
public final class PolicyRules {
  private static final String ANY = "*";

  /**
   * A rule.
   *
   * @param namespaces by name; null for all
   * @param methods by name; null for all
   * @param objects none for all
   */
  private record Compiled(
      ImmutableList<Who> who,
      @Nullable ImmutableSet<String> namespaces,
      @Nullable ImmutableSet<String> methods,
      ImmutableList<ObjectPattern> objects,
      boolean allows,
      ImmutableSet<AdminRight> rights) {
    boolean isFor(Caller caller) {
      for (Who one : who) {
        if (one.is(caller)) {
          return true;
        }
      }
      return false;
    }

    boolean covers(String namespace) {
      return allows && (namespaces == null || namespaces.contains(namespace));
    }

    boolean covers(
        Caller caller, Optional<String> name, DurableObjectId id, @Nullable DurableObjectIds ids) {
      if (objects.isEmpty()) {
        return true;
      }
      for (ObjectPattern pattern : objects) {
        if (pattern.isEverything()) {
          return true;
        }
        Optional<Glob> filled = pattern.fill(caller);
        if (filled.isPresent()
            && (name.isPresent()
                ? filled.get().matches(name.get())
                : isIdOf(filled.get().literal(), id, ids))) {
          return true;
        }
      }
      return false;
    }

    private static boolean isIdOf(
        Optional<String> name, DurableObjectId id, @Nullable DurableObjectIds ids) {
      if (name.isEmpty() || ids == null) {
        return false;
      }
      try {
        return ids.fromName(name.get()).equals(id);
      } catch (IllegalArgumentException e) {
        return false; // Nothing can have that name: a claim that is too long, say.
      }
    }
  }

  private final ImmutableList<Compiled> rules;

  /** What the host has, once it is known. */
  private final ImmutableSortedMap<String, ServedNamespace> served;

  private final ImmutableMap<String, DurableObjectIds> ids;
  private final ImmutableMap<String, ImmutableSet<String>> methods;

  private PolicyRules(
      ImmutableList<Compiled> rules, ImmutableSortedMap<String, ServedNamespace> served) {
    this.rules = rules;
    this.served = served;
    this.ids = each(served, namespace -> new DurableObjectIds(namespace.uniqueKey()));
    this.methods = each(served, ServedNamespace::methods);
  }

  private static <T> ImmutableMap<String, T> each(
      Map<String, ServedNamespace> served, Function<ServedNamespace, T> of) {
    ImmutableMap.Builder<String, T> each = ImmutableMap.builder();
    served.forEach((name, namespace) -> each.put(name, of.apply(namespace)));
    return each.buildOrThrow();
  }

  /**
   * Reads a policy.
   *
   * @param served what the host has, by name; null if it isn't known yet, and names aren't checked
   * @throws IllegalArgumentException if it isn't one, or names what isn't there; the message begins
   *     with the line
   */
  public static PolicyRules parse(
      String text, @Nullable ImmutableSortedMap<String, ServedNamespace> served) {
    PolicyText policy = PolicyText.parse(text);
    ImmutableList.Builder<Compiled> rules = ImmutableList.builder();
    for (int i = 0; i < policy.rules().size(); i++) {
      rules.add(compile(policy, "$.rules[%d]".formatted(i), policy.rules().get(i)));
    }
    PolicyRules read =
        new PolicyRules(rules.build(), served == null ? ImmutableSortedMap.of() : served);
    if (served != null) {
      for (int i = 0; i < policy.rules().size(); i++) {
        read.checkNames(policy, "$.rules[%d]".formatted(i), policy.rules().get(i));
      }
    }
    return read;
  }

  private static Compiled compile(PolicyText policy, String path, Rule rule) {
    if (rule.getWhoCount() == 0) {
      throw policy.wrong(path, "is for nobody, expected \"who\": [\"*\"], say");
    }
    boolean allows = rule.getNamespacesCount() > 0;
    if (!allows && (rule.getMethodsCount() > 0 || rule.getObjectsCount() > 0)) {
      throw policy.wrong(path, "has no namespaces, expected the names of some, or \"*\"");
    }
    if (!allows && rule.getAdminCount() == 0) {
      throw policy.wrong(path, "allows nothing, expected \"namespaces\" or \"admin\"");
    }
    Set<AdminRight> rights = new HashSet<>();
    for (Set<AdminRight> some :
        all(policy, path + ".admin", rule.getAdminList(), PolicyRules::rights)) {
      rights.addAll(some);
    }
    return new Compiled(
        all(policy, path + ".who", rule.getWhoList(), Who::parse),
        names(rule.getNamespacesList()),
        rule.getMethodsCount() == 0 ? null : names(rule.getMethodsList()),
        all(policy, path + ".objects", rule.getObjectsList(), ObjectPattern::parse),
        allows,
        ImmutableSet.copyOf(rights));
  }

  private static <T> ImmutableList<T> all(
      PolicyText policy, String path, List<String> texts, Function<String, T> parse) {
    ImmutableList.Builder<T> all = ImmutableList.builder();
    for (int i = 0; i < texts.size(); i++) {
      try {
        all.add(parse.apply(texts.get(i)));
      } catch (IllegalArgumentException e) {
        throw policy.wrong("%s[%d]".formatted(path, i), String.valueOf(e.getMessage()));
      }
    }
    return all.build();
  }

  private static @Nullable ImmutableSet<String> names(List<String> names) {
    return names.contains(ANY) ? null : ImmutableSet.copyOf(names);
  }

  private static Set<AdminRight> rights(String word) {
    if (word.equals(ANY)) {
      return ImmutableSet.copyOf(AdminRight.values());
    }
    return Arrays.stream(AdminRight.values())
        .filter(right -> word(right).equals(word))
        .findFirst()
        .map(Set::of)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "'%s', expected one of %s or *"
                        .formatted(
                            word,
                            Arrays.stream(AdminRight.values()).map(PolicyRules::word).toList())));
  }

  private static String word(AdminRight right) {
    return Ascii.toLowerCase(right.name());
  }

  /** Who writes a name that isn't there means something else than what is done. */
  private void checkNames(PolicyText policy, String path, Rule rule) {
    Set<String> known = new TreeSet<>();
    for (int i = 0; i < rule.getNamespacesCount(); i++) {
      String name = rule.getNamespaces(i);
      if (name.equals(ANY)) {
        methods.values().forEach(known::addAll);
      } else if (served.containsKey(name)) {
        known.addAll(served.get(name).methods());
      } else {
        throw policy.wrong(
            "%s.namespaces[%d]".formatted(path, i),
            "'%s', expected one of %s or *".formatted(name, served.keySet()));
      }
    }
    for (int i = 0; i < rule.getMethodsCount(); i++) {
      String name = rule.getMethods(i);
      if (!name.equals(ANY) && !known.contains(name)) {
        throw policy.wrong(
            "%s.methods[%d]".formatted(path, i),
            "'%s', expected one of %s or *".formatted(name, known));
      }
    }
  }

  /** See {@link dev.seriatim.service.Authorizer#access}. */
  public Access access(Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
    List<ImmutableSet<String>> some = new ArrayList<>(rules.size());
    for (Compiled rule : rules) {
      if (rule.covers(namespace)
          && rule.isFor(caller)
          && rule.covers(caller, name, id, ids.get(namespace))) {
        if (rule.methods() == null) {
          return Access.all();
        }
        some.add(rule.methods());
      }
    }
    if (some.isEmpty()) {
      return Access.denied();
    }
    ImmutableSet<String> there = methods.get(namespace);
    return Access.methods(
        some.stream()
            .flatMap(Set::stream)
            .filter(method -> there == null || there.contains(method))
            .collect(toSet()));
  }

  /** What this caller may ask of the host itself. */
  public ImmutableSet<AdminRight> rights(Caller caller) {
    return rules.stream()
        .filter(rule -> rule.isFor(caller))
        .flatMap(rule -> rule.rights().stream())
        .collect(ImmutableSet.toImmutableSet());
  }
}
