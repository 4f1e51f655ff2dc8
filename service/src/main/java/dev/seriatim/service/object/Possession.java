package dev.seriatim.service.object;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Who has an object: nobody, or one thread at a time. Whoever {@link #take takes} it must {@link
 * #handOn hand it on} to a thread, or {@link #giveBack give it back}; neither throws, whatever
 * happens. So there is no object that nobody has though it has something to run.
 *
 * <p>Pure state, safe for any number of threads: it holds no lock, and starts no thread but through
 * its {@link Owner}.
 */
final class Possession {
  /** What is had. Called by the thread that has it, but for {@link #hasWork}. */
  interface Owner {
    /**
     * Starts a thread that has the object from then on. If it throws, it has started none.
     *
     * @param here whether it may begin on the calling thread, before this returns
     */
    void startThread(boolean here);

    /** No thread can be had for what there is to do: drops all of it, and says so. */
    void dropWork(Throwable why);

    /** Whether there is something to run. Called by any thread. */
    boolean hasWork();
  }

  private static final VarHandle TAKEN;

  static {
    try {
      TAKEN = MethodHandles.lookup().findVarHandle(Possession.class, "taken", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Owner owner;

  /** Written through the handle, but by those who give up what they have. */
  private volatile boolean taken;

  Possession(Owner owner) {
    this.owner = owner;
  }

  /** Whether someone has the object; a hint for all others. */
  boolean isTaken() {
    return taken;
  }

  /** Takes the object, if nobody has it. */
  boolean take() {
    return TAKEN.compareAndSet(this, false, true);
  }

  /**
   * Gives the object back, unless something has come in meanwhile: then this thread has it again.
   *
   * @return whether it was given back
   */
  boolean giveBackAtRest() {
    taken = false;
    return !owner.hasWork() || !take();
  }

  /** Gives the object back, or hands it on if something has come in meanwhile. */
  void giveBack() {
    if (!giveBackAtRest()) {
      handOn(/* here= */ false);
    }
  }

  /** Gives the object back as it is: whatever there is to do is found by the evictor. */
  void giveBackUntold() {
    taken = false;
  }

  /**
   * Hands the object on to a new thread. If there is none to be had, what there is to do is
   * dropped, and the object works again when something new comes in.
   *
   * @param here whether the thread may begin on the calling one, before this returns
   */
  void handOn(boolean here) {
    do {
      try {
        owner.startThread(here);
        return;
      } catch (Throwable thrown) { // No memory for a thread, as a rule.
        if (!drops(thrown)) {
          giveBackUntold();
          return;
        }
      }
    } while (!giveBackAtRest());
  }

  private boolean drops(Throwable why) {
    try {
      owner.dropWork(why);
      return true;
    } catch (Throwable again) { // It can't even be said; the object has to go on all the same.
      return false;
    }
  }
}
