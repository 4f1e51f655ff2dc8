package dev.seriatim.service.object;

import dev.seriatim.stub.DurableObjectId;
import io.grpc.Context;
import org.jspecify.annotations.Nullable;

/**
 * A turn that calls other objects, and the chain of those that wait for it: each has called the one
 * behind it. Travels in the context of the turn, and from turn to turn as a {@link CallChains key}
 * in the metadata of the invocations that objects make.
 *
 * <p>A turn counts as waiting for every call that it has made for as long as it runs: nobody can
 * tell whether it looks at the answer. When it has ended it waits for nothing, and nobody in front
 * of it waits for what it has called. Safe for any number of threads.
 */
public final class CallChain implements WaitingChain {
  /** The key of the chain in an invocation's metadata. Only objects may set it. */
  public static final String METADATA_KEY = "seriatim-chain";

  private static final Context.Key<CallChain> CURRENT = Context.key("seriatim-chain");

  /** In place of a key: the turn doesn't run. */
  private static final String NOT_RUNNING = "";

  private final Instance caller;

  /** Who waits for the turn as long as it runs, or null if nobody does, or it has ended. */
  private volatile @Nullable WaitingChain calledBy;

  /** What the chain is known by, or null as long as that isn't needed. Written under the lock. */
  private volatile @Nullable String key;

  private CallChain(Instance caller, @Nullable WaitingChain calledBy, @Nullable String key) {
    this.caller = caller;
    this.calledBy = calledBy;
    this.key = key;
  }

  /**
   * The chain of an instance's turns until it calls another object for the first time: of none, but
   * for that very turn.
   */
  static CallChain untilFirstCall(Instance instance) {
    return new CallChain(instance, null, NOT_RUNNING);
  }

  /** The chain of one turn, which begins. */
  static CallChain ofTurn(Instance instance, @Nullable WaitingChain calledBy) {
    return new CallChain(instance, calledBy, null);
  }

  /**
   * The chain of the turn whose context this is; also when that has ended. Null if it is none's.
   */
  public static @Nullable CallChain current() {
    return CURRENT.get();
  }

  /** The object whose turn it is. */
  public DurableObjectId object() {
    return caller.object().id();
  }

  Context in(Context context) {
    return context.withValue(CURRENT, this);
  }

  /** The turn that is running is the one that calls an object for the first time. */
  synchronized void begin() {
    key = null;
  }

  /** The turn has ended. */
  void end() {
    if (!NOT_RUNNING.equals(key)) {
      endNow();
    }
  }

  private synchronized void endNow() {
    String known = key;
    key = NOT_RUNNING;
    calledBy = null; // It needn't be kept for whoever still has this context.
    if (known != null) {
      caller.object().host().callChains().remove(known);
    }
  }

  /**
   * A call is made. Blocks until every commit of the caller's earlier turns is durable: nothing may
   * leave an object that depends on what could still be lost. What the running turn itself has
   * written is not waited for; it is submitted when the turn ends.
   *
   * @return what the call is to have in its metadata under {@link #METADATA_KEY}; null if nobody
   *     waits for it, since the turn has ended
   * @throws dev.seriatim.service.StorageException if one of those commits is lost
   */
  public @Nullable String leave() {
    caller.storage().awaitCommits();
    String own = waits() ? known() : null;
    String others = own == null ? "" : keysOfOthers();
    return others.isEmpty() ? own : others + " " + own;
  }

  private synchronized @Nullable String known() {
    if (key == null) {
      key = caller.object().host().callChains().add(this);
    }
    return NOT_RUNNING.equals(key) ? null : key;
  }

  private boolean waits() {
    // A turn that was cut off has lost its instance.
    return !NOT_RUNNING.equals(key) && caller.storage().refusal() == null;
  }

  /** Whether this object waits for what the turn calls. */
  @Override
  public boolean hasWaiting(LiveObject object) {
    WaitingChain link = this;
    while (link instanceof CallChain turn && turn.waits()) {
      if (turn.caller.object() == object) {
        return true;
      }
      link = turn.calledBy;
    }
    return link instanceof RemoteChain others && others.hasWaiting(object);
  }

  @Override
  public String keysOfOthers() {
    WaitingChain link = this;
    while (link instanceof CallChain turn) {
      link = turn.calledBy;
    }
    return link == null ? "" : link.keysOfOthers();
  }

  /** The objects that wait, the first one first. */
  @Override
  public String toString() {
    WaitingChain before = calledBy;
    return before == null ? caller.object().toString() : before + " > " + caller.object();
  }
}
