package dev.seriatim.cluster;

import com.google.common.collect.ImmutableMap;
import com.google.protobuf.ByteString;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.v1.DescribeNamespaceResponse;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.pekko.util.Version;
import org.jspecify.annotations.Nullable;

/**
 * What the other hosts serve, by their rows, where it is their words that count: this host doesn't
 * serve it, or its program is older. Safe for any number of threads.
 */
final class OtherNamespaces implements Supplier<Map<String, DescribeNamespaceResponse>> {
  private final String self;
  private final Version version;
  private final Set<String> own;
  private final Supplier<List<HostRow>> rows;

  /** What was made last of which rows; made anew when there are others. */
  private volatile Made last = new Made(List.of(), ImmutableMap.of());

  private record Made(List<HostRow> of, ImmutableMap<String, DescribeNamespaceResponse> made) {}

  private record Said(Version version, DescribeNamespaceResponse said) {}

  /**
   * Those of the hosts that have rows.
   *
   * @param self this host's name
   * @param version of its program
   * @param own what it serves: a serialized {@link DescribeNamespaceResponse} each
   */
  OtherNamespaces(String self, String version, List<ByteString> own, Supplier<List<HostRow>> rows) {
    this.self = self;
    this.version = new Version(version);
    this.own = new HashSet<>();
    this.rows = rows;
    for (ByteString bytes : own) {
      DescribeNamespaceResponse each = SameNamespaces.read(bytes);
      if (each != null) {
        this.own.add(each.getName());
      }
    }
  }

  @Override
  public Map<String, DescribeNamespaceResponse> get() {
    List<HostRow> now = rows.get();
    Made made = last;
    if (!made.of().equals(now)) {
      made = new Made(now, make(now));
      last = made;
    }
    return made.made();
  }

  private ImmutableMap<String, DescribeNamespaceResponse> make(List<HostRow> of) {
    Map<String, Said> newest = new HashMap<>();
    for (HostRow row : of) {
      if (row.live() && !row.host().equals(self)) {
        Version theirs = new Version(row.announcement().version());
        for (ByteString bytes : row.announcement().namespaces()) {
          DescribeNamespaceResponse said = SameNamespaces.read(bytes);
          if (said != null && counts(said.getName(), theirs, newest.get(said.getName()))) {
            newest.put(said.getName(), new Said(theirs, said));
          }
        }
      }
    }
    ImmutableMap.Builder<String, DescribeNamespaceResponse> all = ImmutableMap.builder();
    newest.forEach((name, said) -> all.put(name, said.said()));
    return all.buildOrThrow();
  }

  private boolean counts(String name, Version theirs, @Nullable Said before) {
    return (before == null || theirs.compareTo(before.version()) > 0)
        && (!own.contains(name) || theirs.compareTo(version) > 0);
  }
}
