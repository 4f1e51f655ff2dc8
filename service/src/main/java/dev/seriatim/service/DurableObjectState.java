package dev.seriatim.service;

import dev.seriatim.stub.DurableObjectId;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Context;
import io.grpc.Metadata;
import java.time.InstantSource;
import java.util.Optional;

/**
 * What one instance of a durable object knows of itself. Given to the {@link DurableObjectFactory};
 * valid for as long as the instance is. Safe for any number of threads.
 */
public interface DurableObjectState {
  /**
   * The metadata of the invocation that is running, in the {@link Context} that is attached while
   * the method runs. Empty if the invocation has none, and outside a turn; must not be changed.
   */
  Context.Key<Metadata> INVOCATION_METADATA =
      Context.keyWithDefault("seriatim-invocation-metadata", new Metadata());

  /**
   * Who calls, in the {@link Context} that is attached while a method runs, or an alarm: whoever
   * the host's {@link Authenticator} found out, another object with the {@link Caller#origin} of
   * its own turn, or the host itself for an alarm. Anonymous if the host has no authenticator, and
   * outside a turn.
   */
  Context.Key<Caller> CALLER = Context.keyWithDefault("seriatim-caller", Caller.anonymous());

  /** The object's id. */
  DurableObjectId id();

  /**
   * The object's name, if anyone has opened it by name so far: now, or earlier, as long as anything
   * has been stored of the object since. An object that was only ever opened by id may have a name
   * that no one has told it. May have to ask the store, and so may block.
   *
   * @throws StorageException if the store has to be asked, and fails
   */
  Optional<String> name();

  /**
   * The object's storage. Usable during a turn, and while the factory makes the instance; refuses
   * every use once the instance is discarded.
   */
  DurableObjectStorage storage();

  /**
   * The host's clock: what its alarms go by. To be used in place of {@code Instant.now()}, so that
   * a test that moves the host's time moves the object's, too. The same one each time; usable at
   * any time and from any thread.
   */
  InstantSource clock();

  /**
   * A client of this very host, for calling other objects without a socket, by the same rules as
   * any other. The same one each time, and the host's own to close.
   *
   * <p>A call waits, inside the caller's own call, until the commits of this object's earlier turns
   * are durable. What the running turn has written so far is not durable then, and is not waited
   * for: if the turn fails later, the call has been made all the same.
   *
   * <p>The chain of calls travels with them, in the {@link Context}. A call back to an object that
   * waits for the running turn breaks its stub at once with {@code CALL_CYCLE}, and names the
   * chain. A thread that the object starts itself must carry the context over, or such a call waits
   * until the limit on a turn.
   *
   * <p>A stub may be kept beyond the turn that opened it, in a field of the object say. When the
   * turn has ended, its calls that are on their way are still answered; nobody waits for them any
   * more, so they close no circle. What listens to an answer runs beside later turns then, not in
   * one, and can't use storage. A call that is made there waits as well until all that the turns
   * before it wrote is durable; if that was lost, it is not made, and throws {@link
   * StorageException}. The stubs end with the instance: when it is evicted or discarded they are
   * closed, after the answers of what was called by then.
   */
  DurableObjects objects();

  /**
   * Discards this instance at once. The turn that is running, if any, is cut off: nothing that it
   * wrote is kept, and its stub breaks with {@code OBJECT_RESET}. Other stubs go on; the next
   * invocation gets a new instance. Does nothing if this instance is discarded already.
   *
   * <p>May be called from any thread, and returns without waiting. A method that aborts its own
   * turn should then return; whatever it still replies is ignored.
   *
   * @param reason said to the caller of the turn
   */
  void abort(String reason);
}
