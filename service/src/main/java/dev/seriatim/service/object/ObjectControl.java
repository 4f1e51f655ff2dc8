package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.Caller;
import dev.seriatim.service.caller.StubCaller;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.Session;
import dev.seriatim.stub.DurableObjectId;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What operators and tests do to the objects of a host. Safe for any number of threads.
 *
 * <p>What it gives back is settled by threads that must not be held up: who hangs more on it than a
 * waiting thread, does so on threads of his own. It fails with a {@link BreakException} if the
 * object is lost or the host shuts down, and with whatever else was thrown.
 */
public final class ObjectControl {
  private final ObjectDirectory directory;

  ObjectControl(ObjectDirectory directory) {
    this.directory = directory;
  }

  /**
   * Runs code as a turn of the object: it waits in the object's mailbox, has its storage for itself
   * while it runs, and is told when what it wrote is durable. It needs no instance that the
   * object's factory has made, and makes none. If it wrote anything, the instance that there is
   * goes; stubs stay open.
   */
  public <T extends @Nullable Object> CompletableFuture<T> runTurn(
      ObjectAddress address, TurnCode<T> code) {
    return give(address, new Order.Run<>(code));
  }

  /**
   * Runs the object's alarm now, whenever it is due, and also if it was given up. Ends when its
   * turn is durable: true, or false if there is none. If the alarm fails it is tried again as ever,
   * and this fails with the cause.
   */
  public CompletableFuture<Boolean> runAlarm(ObjectAddress address) {
    return give(address, new Order.RunAlarm());
  }

  /**
   * Lets go of the object's instance behind the turn that it is in; stubs stay open. Ends when all
   * that it wrote is durable: true, or false if there was none.
   */
  public CompletableFuture<Boolean> evict(ObjectAddress address) {
    return directory.find(address.id()) == null
        ? CompletableFuture.completedFuture(false)
        : give(address, new Order.Evict());
  }

  /** The objects that have an instance in memory, in no order. */
  public List<ObjectAddress> live() {
    return directory.objects().stream()
        .filter(LiveObject::hasInstance)
        .map(object -> new ObjectAddress(object.namespace(), object.id()))
        .toList();
  }

  /** Whether the object has an instance in memory, as far as anyone can tell from outside. */
  public boolean isLive(DurableObjectId id) {
    LiveObject object = directory.find(id);
    return object != null && object.hasInstance();
  }

  /**
   * Discards the object's instance at once, and breaks its stubs with {@code OBJECT_RESET}; the
   * turn that it is in is cut off, and has no effect.
   *
   * @param why what the stubs are told
   * @return whether the object was live
   */
  public boolean reset(DurableObjectId id, String why) {
    LiveObject object = directory.find(id);
    if (object == null) {
      return false;
    }
    directory.stubs().breakOfClients(id::equals, CutOff.resetCause(why));
    directory.stubs().breakOfObjects(id::equals, CutOff.resetCause(why));
    object.cutOff().reset(why);
    return true;
  }

  /**
   * What the object of this id does; null if it isn't live, or about to be forgotten.
   *
   * @param stubs how many of its stubs are told at most
   */
  public @Nullable LiveState look(DurableObjectId id, int stubs) {
    LiveObject object = directory.find(id);
    if (object == null) {
      return null;
    }
    ImmutableList.Builder<LiveState.Stub> told = ImmutableList.builder();
    long[] open = {0};
    directory
        .stubs()
        .forEachOfClients(
            stub -> {
              if (stub.objectId().equals(id) && open[0]++ < stubs) {
                told.add(look(stub));
              }
            });
    Turn turn = object.turn();
    Instance instance = object.instance();
    LiveState state =
        new LiveState(
            instance == null ? null : instance.since(),
            turn == null ? null : turn.method(),
            turn == null ? Duration.ZERO : object.host().turnWatch().seenFor(object, turn),
            object.budget().invocations(),
            object.budget().bytes(),
            object.log().pendingCommits(),
            told.build(),
            open[0],
            object.lastBreak());
    return state.isIdle() ? null : state;
  }

  private static LiveState.Stub look(Session stub) {
    StubCaller caller = stub.caller();
    return new LiveState.Stub(
        stub.peer(),
        caller == null ? Caller.anonymous() : caller.caller(),
        stub.receivedThrough(),
        stub.completedThrough());
  }

  private <T extends @Nullable Object> CompletableFuture<T> give(
      ObjectAddress address, Order<T> order) {
    directory.hold(address).order(order);
    return order.settled();
  }
}
