package dev.seriatim.cluster;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.v1.DescribeNamespaceResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whether hosts mean the same by the names of their namespaces. One may lack a namespace for a
 * while, as during a rolling deploy; but one that derives other ids from the same name, or serves
 * another service by it, would break what the others store.
 */
final class SameNamespaces {
  private SameNamespaces() {}

  /**
   * Why a host can't be in a cluster with these.
   *
   * @param own what it serves: a serialized {@link DescribeNamespaceResponse} each
   * @param rows the hosts that have a row, which may be itself and those that are gone
   * @return null if it can
   */
  static @Nullable String refusal(List<ByteString> own, List<HostRow> rows) {
    Map<String, DescribeNamespaceResponse> served = new HashMap<>();
    for (ByteString bytes : own) {
      DescribeNamespaceResponse each = read(bytes);
      if (each != null) {
        served.put(each.getName(), each);
      }
    }
    for (HostRow row : rows) {
      if (row.live()) {
        for (ByteString bytes : row.announcement().namespaces()) {
          String differs = difference(served, read(bytes));
          if (differs != null) {
            return "%s, at the host at %s of the same store; expected the same"
                .formatted(differs, row.announcement().address());
          }
        }
      }
    }
    return null;
  }

  private static @Nullable String difference(
      Map<String, DescribeNamespaceResponse> served, @Nullable DescribeNamespaceResponse theirs) {
    DescribeNamespaceResponse ours = theirs == null ? null : served.get(theirs.getName());
    if (theirs == null || ours == null) {
      return null;
    }
    if (!ours.getUniqueKey().equals(theirs.getUniqueKey())) {
      return "namespace '%s' has the unique key '%s', and '%s' elsewhere"
          .formatted(ours.getName(), ours.getUniqueKey(), theirs.getUniqueKey());
    }
    return ours.getService().equals(theirs.getService())
        ? null
        : "namespace '%s' has the service '%s', and '%s' elsewhere"
            .formatted(ours.getName(), ours.getService(), theirs.getService());
  }

  /** Null for what a host of another build has written that this one can't read. */
  static @Nullable DescribeNamespaceResponse read(ByteString bytes) {
    try {
      return DescribeNamespaceResponse.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }
}
