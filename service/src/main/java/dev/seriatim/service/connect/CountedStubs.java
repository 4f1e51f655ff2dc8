package dev.seriatim.service.connect;

import dev.seriatim.service.Caller;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakReason;
import org.jspecify.annotations.Nullable;

/**
 * Counts the stubs that are open, calls with a header among them, and lets in so many of each
 * caller, and so many in all. Safe for any number of threads.
 */
public final class CountedStubs {
  /** Of so many refusals that have not left yet, at least, and of an eighth of the stubs. */
  private static final int LEAST_REFUSALS = 64;

  private static final int STUBS_PER_REFUSAL = 8;

  private final OpenCalls all;
  private final OpenCalls refusals;
  private final CallerCounts ofCallers;

  /** Counts the stubs of a host. */
  public CountedStubs(HostLimits limits) {
    all = new OpenCalls(limits.maxStubs());
    refusals = new OpenCalls(Math.max(LEAST_REFUSALS, limits.maxStubs() / STUBS_PER_REFUSAL));
    ofCallers = new CallerCounts(limits.maxStubsPerCaller());
  }

  /**
   * A stub is opened.
   *
   * @return why it is one too many; null if it isn't, and {@link #end} must follow
   */
  @Nullable BreakCause begin(Caller caller) {
    if (!ofCallers.begin(caller)) {
      return BreakCause.of(
          BreakReason.OVERLOADED,
          "the caller '%s' may have %,d stubs open at a time, and has them"
              .formatted(caller.name(), ofCallers.most()));
    }
    if (!all.begin()) {
      ofCallers.end(caller);
      return all.refusal();
    }
    return null;
  }

  /**
   * The same, of one on a call of its own.
   *
   * @param connection which that is made on; null if none is known
   */
  @Nullable BreakCause begin(Caller caller, @Nullable Connection connection) {
    BreakCause refusal = connection == null ? null : connection.beginCall(caller);
    if (refusal != null) {
      return refusal;
    }
    refusal = begin(caller);
    if (refusal != null && connection != null) {
      connection.endCall(caller);
    }
    return refusal;
  }

  /** One of this caller's has ended. */
  void end(Caller caller) {
    all.end();
    ofCallers.end(caller);
  }

  /** The same, of one on a call of its own. */
  void end(Caller caller, @Nullable Connection connection) {
    end(caller);
    if (connection != null) {
      connection.endCall(caller);
    }
  }

  /**
   * A call is refused with a frame, which its client may not read.
   *
   * @return whether there is room for that, and {@link #endRefusal} must follow
   */
  boolean beginRefusal() {
    return refusals.begin();
  }

  /** One that was refused is gone. */
  void endRefusal() {
    refusals.end();
  }

  /** How many are open. */
  public int open() {
    return all.open();
  }

  /** How many may be open. */
  public int limit() {
    return all.limit();
  }
}
