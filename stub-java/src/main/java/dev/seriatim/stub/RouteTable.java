package dev.seriatim.stub;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a client knows of where objects are, and which addresses it needs for that. A hint says that
 * the objects whose ids begin with the same bits are at an address. The latest one counts; of those
 * that are too many, the one goes that wasn't used for longest. Has no thread, lock or connection.
 */
final class RouteTable {
  private static final int DIGIT_BITS = 4;
  private static final int ID_BITS = 256;
  private static final int USUAL_SIZE = 16;

  private final int limit;

  /** Addresses by prefix, the one first that wasn't used for longest. */
  private final Map<String, String> hints = new LinkedHashMap<>(USUAL_SIZE, 0.75f, true);

  /** How many prefixes there are of so many bits, the longest first. */
  private final TreeMap<Integer, Integer> widths = new TreeMap<>(Comparator.reverseOrder());

  /** Ids of objects that were opened by name, likewise. */
  private final Map<String, String> ids = new LinkedHashMap<>(USUAL_SIZE, 0.75f, true);

  private final Map<String, Use> uses = new HashMap<>();
  private final List<String> unused = new ArrayList<>();

  /** What an address is needed for. */
  private static final class Use {
    private int hints;
    private int stubs;
  }

  /**
   * An empty table.
   *
   * @param limit how many hints it holds, and how many ids of names
   */
  RouteTable(int limit) {
    this.limit = limit;
  }

  /**
   * Where to open a stub on this object, which then counts as open there until it has {@link
   * #ended}; null if nothing is known.
   *
   * @param path the namespace and the name or the id
   * @param id null if it isn't known by the caller
   */
  @Nullable String open(String path, @Nullable String id) {
    if (hints.isEmpty()) {
      return null;
    }
    String known = id == null ? ids.get(path) : id;
    String address = known == null ? null : find(known);
    if (address != null) {
      use(address).stubs++;
    }
    return address;
  }

  /** A stub that was opened here is over. */
  void ended(String address) {
    Use use = use(address);
    use.stubs--;
    dropIfUnused(address, use);
  }

  /**
   * The host says that this object is there, and with it those whose ids begin with the same bits.
   *
   * @param path of an object that was opened by name, and whose id the opener didn't know; else
   *     null
   * @param bits how many these are; 0 if it speaks of this object alone. More than an id has mean
   *     nothing, and neither does an empty address.
   */
  void learn(@Nullable String path, String id, String address, int bits) {
    if (bits < 0 || bits > ID_BITS || address.isEmpty()) {
      return;
    }
    int width = bits == 0 ? ID_BITS : bits;
    use(address).hints++; // First, so that it isn't unused in between.
    forget(id);
    hints.put(prefix(id, width), address);
    widths.merge(width, 1, Integer::sum);
    if (hints.size() > limit) {
      Iterator<Map.Entry<String, String>> eldest = hints.entrySet().iterator();
      remove(eldest.next(), eldest);
    }
    if (path != null) {
      ids.put(path, id);
    }
    if (ids.size() > limit) {
      Iterator<String> eldest = ids.keySet().iterator();
      eldest.next();
      eldest.remove();
    }
  }

  /** The object is where stubs are opened without a hint. */
  void forget(String id) {
    for (int width : List.copyOf(widths.keySet())) {
      String prefix = prefix(id, width);
      String address = hints.remove(prefix);
      if (address != null) {
        removed(prefix, address);
      }
    }
  }

  /** A stub that was opened here says that it wasn't a good idea. */
  void forgetAddress(String address) {
    Use use = uses.get(address);
    if (use == null || use.hints == 0) {
      return;
    }
    Iterator<Map.Entry<String, String>> all = hints.entrySet().iterator();
    while (all.hasNext()) {
      Map.Entry<String, String> hint = all.next();
      if (hint.getValue().equals(address)) {
        remove(hint, all);
      }
    }
  }

  /** The addresses that no hint and no stub needs any more, since this was last asked. */
  List<String> takeUnused() {
    if (unused.isEmpty()) {
      return List.of();
    }
    List<String> taken = unused.stream().filter(address -> !uses.containsKey(address)).toList();
    unused.clear();
    return taken;
  }

  /** How many hints there are. */
  int size() {
    return hints.size();
  }

  private @Nullable String find(String id) {
    for (int width : widths.keySet()) {
      String address = hints.get(prefix(id, width));
      if (address != null) {
        return address;
      }
    }
    return null;
  }

  private void remove(Map.Entry<String, String> hint, Iterator<?> at) {
    String prefix = hint.getKey();
    String address = hint.getValue();
    at.remove();
    removed(prefix, address);
  }

  private void removed(String prefix, String address) {
    int width = Integer.parseInt(prefix, 0, prefix.indexOf('/'), 10);
    widths.computeIfPresent(width, (key, count) -> count == 1 ? null : count - 1);
    Use use = use(address);
    use.hints--;
    dropIfUnused(address, use);
  }

  private Use use(String address) {
    return uses.computeIfAbsent(address, key -> new Use());
  }

  private void dropIfUnused(String address, Use use) {
    if (use.hints == 0 && use.stubs == 0) {
      uses.remove(address);
      unused.add(address);
    }
  }

  /** The first bits of an id, and how many they are. */
  private static String prefix(String id, int bits) {
    int whole = bits / DIGIT_BITS;
    int rest = bits % DIGIT_BITS;
    String prefix = bits + "/" + id.substring(0, whole);
    if (rest == 0) {
      return prefix;
    }
    int mask = -1 << (DIGIT_BITS - rest);
    return prefix + Integer.toHexString(Character.digit(id.charAt(whole), 16) & mask);
  }
}
