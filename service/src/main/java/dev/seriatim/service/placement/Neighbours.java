package dev.seriatim.service.placement;

import dev.seriatim.service.session.BreakException;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.Channel;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The other hosts of a cluster, for what people ask of any of them. Safe for any number of threads.
 */
public interface Neighbours {
  /**
   * Another host.
   *
   * @param address where the others reach it
   * @param channel leads there; its calls show that a host of the cluster makes them
   */
  record Neighbour(String address, Channel channel) {}

  /** Where the others reach this host; empty as long as it doesn't listen. */
  String self();

  /** All that have a row in the store, but for this one; by address. */
  List<Neighbour> all();

  /** Whether the object is here. */
  boolean has(DurableObjectId id);

  /** The host that has the object, as far as is known now; null if it is here, or nobody knows. */
  @Nullable Neighbour known(DurableObjectId id);

  /**
   * The host that has the object; null if it is here. Blocks while no host is known to have it, for
   * as long as a stub would wait for that.
   *
   * @throws BreakException if none is found in time
   */
  @Nullable Neighbour owner(DurableObjectId id) throws BreakException, InterruptedException;

  /** How long a stub would wait while no host is known to have its object. */
  Duration patience();

  /** That host has said that it doesn't have the object: asks anew. */
  void isNotAt(DurableObjectId id, Neighbour neighbour);
}
