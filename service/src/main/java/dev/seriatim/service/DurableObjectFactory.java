package dev.seriatim.service;

import io.grpc.BindableService;

/**
 * Makes the instances of one namespace's objects.
 *
 * <p>Called when an object gets its first invocation, and again after its instance was evicted or
 * discarded. The call runs on the object's own thread, as part of the turn that needs the instance:
 * it may block and may read storage, and counts towards the limit on a turn. No two calls for the
 * same object overlap; calls for different objects do.
 *
 * <p>Turns run on threads that inherit nothing: no thread-locals, and for a context class loader
 * the one that loaded the factory. What a turn puts into a thread-local no other object sees; the
 * next turn of the same object may find it there, or not.
 */
@FunctionalInterface
public interface DurableObjectFactory {
  /**
   * Makes the instance for one object: a service of the type that the namespace was registered
   * with. The instance is called by one turn at a time.
   *
   * @param state what the instance may know of itself; valid for as long as the instance is
   * @throws Exception if the object can't be made; breaks the stub with {@code OBJECT_START_FAILED}
   */
  BindableService create(DurableObjectState state) throws Exception;
}
