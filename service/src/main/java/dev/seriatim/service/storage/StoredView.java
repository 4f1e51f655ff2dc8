package dev.seriatim.service.storage;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSortedMap;
import com.google.protobuf.ByteString;
import java.util.Collection;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is committed, as it was at one moment: when something of it was looked at first. A commit
 * holds whole turns, so every object is as it was between two of its turns. (In memory that is so
 * for each object by itself.) To look wakes nobody, waits for no turn, and holds no commit up.
 *
 * <p>For one thread at a time. Must be closed, and soon: databases keep what others write meanwhile
 * until then. Every method throws a {@link dev.seriatim.service.StorageException} if the store
 * fails.
 */
public interface StoredView extends AutoCloseable {
  /** The namespaces that have objects here, in order. A few steps in an index for each. */
  ImmutableList<String> namespaces();

  /** How many objects each of them has. Reads the whole index: some 0.1 s for a million objects. */
  ImmutableSortedMap<String, Long> countObjects();

  /**
   * Objects in the order of their {@link ObjectPlace places}. Those with an alarm are found by
   * looking at all, so that such a page may have fewer than there is room for, or none.
   *
   * @param after behind which place; null for the first
   * @param limit how many at most
   */
  Page objects(ObjectFilter filter, @Nullable ObjectPlace after, int limit);

  /** Those of these objects of a namespace that are stored, by id. */
  ImmutableMap<ByteString, StoredObject> find(String namespace, Collection<ByteString> ids);

  /** This object; null if it isn't stored. */
  default @Nullable StoredObject find(String namespace, ByteString id) {
    return find(namespace, Set.of(id)).get(id);
  }

  /** What the entries of this object take. Reads all its keys, and no value. */
  StoredObject.Size size(String namespace, ByteString id);

  /**
   * Entries of an object, by key. Of {@code maxBytes} in keys and values at most, but one in any
   * case.
   *
   * @param prefix only keys that begin so
   * @param after only keys behind this one; null for the first
   * @param limit how many at most
   */
  Entries entries(
      String namespace,
      ByteString id,
      String prefix,
      @Nullable String after,
      int limit,
      long maxBytes);

  /**
   * It will be open for longer than it takes to look: somebody has to take what was read.
   *
   * @throws dev.seriatim.service.StorageException if too many are already
   */
  void hold();

  @Override
  void close();

  /**
   * Some objects.
   *
   * @param through how far was looked; null if there are none behind these
   */
  record Page(ImmutableList<StoredObject> objects, @Nullable ObjectPlace through) {}

  /**
   * Some entries.
   *
   * @param entries in the order of their keys
   * @param more whether there are more behind these
   */
  record Entries(ImmutableMap<String, ByteString> entries, boolean more) {}
}
