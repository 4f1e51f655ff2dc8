package dev.seriatim.service.storage;

import com.google.common.collect.ImmutableSet;
import com.google.protobuf.ByteString;
import dev.seriatim.service.StorageException;
import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The slots of a store that the hosts of a cluster share: which of them this host has, and what the
 * hosts know of each other. Nothing is taken here unless it is {@link #claim claimed}.
 *
 * <p>Safe for any number of threads. What goes to the store blocks, and says so.
 */
public interface Slots {
  /** How many there are. Each object falls into one. */
  int COUNT = ObjectKey.SLOTS;

  /** Is told what happens to slots without having been asked for. Must not block. */
  interface Listener {
    /** These were this host's, and aren't any more: its objects there are reset already. */
    void lost(Set<Integer> slots);

    /** The hosts that have a row, or what their rows say, are others than before. */
    void hostsChanged(List<HostRow> hosts);
  }

  /** The name of this host in the store. No other process, and no other start of it, has it. */
  String host();

  /**
   * Says of this host what others are to know, until it is said anew. Blocks for the store.
   *
   * @throws StorageException if that can't be reached; the next renewal says it
   */
  void announce(Announcement announcement);

  /**
   * The hosts that have a row, this one included, as the last renewal of this host has found them.
   */
  List<HostRow> hosts();

  /**
   * Takes those of these slots that no host has, and loads their alarms. Blocks for the store.
   *
   * @return those of them that are this host's now
   * @throws StorageException if the store can't be reached; none has been taken then, as far as
   *     this host knows, and what the store says to the contrary is given up or found later
   */
  ImmutableSet<Integer> claim(Set<Integer> slots);

  /**
   * Gives these slots up, so that any host can claim them at once, and lets go of their alarms.
   * Nothing may be under way in them: no turn, and no commit. Does nothing for those that aren't
   * this host's. Blocks for the store.
   *
   * @throws StorageException if it isn't known whether that has happened; ask again
   */
  void give(Set<Integer> slots);

  /** Whether this host has the slot, though it may not be certain of that at the moment. */
  boolean has(int slot);

  /** Whether no other host can have taken over what this host has. */
  boolean isCertain();

  /** Tells this listener from now on, one call at a time. */
  void listen(Listener listener);

  /**
   * Takes the lease of this name for this host, or prolongs it; a host that has no row any more has
   * no lease. Decides which side of a split goes on. Blocks for the store.
   *
   * @param time how long it lasts from now on, by the store's clock
   * @return whether this host has it
   * @throws StorageException if the store can't be reached
   */
  boolean acquireLease(String name, Duration time);

  /** Gives that lease up, if this host has it. Blocks for the store. */
  void releaseLease(String name);

  /**
   * Does this while no other host of the store does: founding a cluster, say. Waits for the others,
   * and blocks for the store.
   *
   * @throws StorageException if the store can't be reached; nothing was done then
   */
  <T> T alone(Supplier<T> action);

  /** The slot that an object of this id falls into: the id's first ten bits. */
  static int of(DurableObjectId id) {
    return ObjectKey.slotOf(id.toByteString());
  }

  /**
   * What others are to know of a host.
   *
   * @param address where it serves stubs, as others reach it: {@code HOST:PORT}
   * @param clusterAddress where its membership is reached; empty for a host that is in no cluster
   * @param version the version of the program
   * @param namespaces what it serves: a {@code DescribeNamespaceResponse} each, serialized
   * @param leaving whether it is about to go, and takes nothing new
   * @param token what a peer shows that calls it
   */
  record Announcement(
      String address,
      String clusterAddress,
      String version,
      List<ByteString> namespaces,
      boolean leaving,
      ByteString token) {}

  /**
   * A host as its row says.
   *
   * @param live whether it has beaten within its lease, as far as this host has seen
   */
  record HostRow(String host, Announcement announcement, boolean live) {}
}
