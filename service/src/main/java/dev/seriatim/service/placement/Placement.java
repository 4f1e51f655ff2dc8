package dev.seriatim.service.placement;

import com.google.rpc.Status;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.service.session.SessionOpen;
import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.Route;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Knows where each object is, and opens stubs there. Safe for any number of threads; never blocks.
 */
public interface Placement {
  /** Why no stub is to be opened now, or null. */
  @Nullable BreakCause refusal();

  /**
   * Opens a stub on an object, wherever that is.
   *
   * @param attachment what carries it; it may be told something at once, on this thread
   * @param session what makes it a connection of a session, where {@link Attachment#sendOpened} is
   *     told what it says; null if it is none
   * @return where the attachment puts what its client sends
   */
  SessionInput open(ObjectAddress address, Attachment attachment, @Nullable SessionOpen session);

  /**
   * Whether an object of this id, which is yet to be made, is better made than one of another id:
   * it would be here.
   */
  default boolean isNear(DurableObjectId id) {
    return true;
  }

  /**
   * What other hosts serve, by the names of the namespaces, where it is their words that count:
   * this host doesn't serve it, or is older. Nothing for a host that is alone.
   */
  default Map<String, DescribeNamespaceResponse> elsewhere() {
    return Map.of();
  }

  /**
   * With what a stub ends, and nothing else, whose namespace isn't served here; null if it breaks.
   */
  default @Nullable Status unserved() {
    return null;
  }

  /** Where the object is, for its client's next stubs; null if it is here, or nobody knows. */
  default @Nullable Route route(DurableObjectId id) {
    return null;
  }

  /**
   * What the calling thread, which is the transport's, gives to sessions from now on came together:
   * their turns may run together at the end, as far as they run here.
   *
   * @return whether the end has to be told, by {@link #endRound}
   */
  boolean beginRound();

  /** The end of what came together, on the same thread. */
  void endRound();
}
