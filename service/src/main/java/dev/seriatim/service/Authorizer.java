package dev.seriatim.service;

import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.stub.DurableObjectId;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;

/**
 * Decides who may do what. Given to the builder of a {@link DurableObjectHost}.
 *
 * <p>Asked once for each stub and each call with a header, when it is opened, and again for those
 * that are open whenever {@link #onChange what it says has changed}. Runs on the transport's
 * thread: it must not block. Must be safe for any number of threads. Calls that the host's own
 * objects make to others are not asked about.
 */
@FunctionalInterface
public interface Authorizer {
  /**
   * What this caller may do with this object.
   *
   * @param name the name that the object is opened by; empty if it is opened by its id, or is to be
   *     made as a unique one. Whoever knows a name knows its id: a rule on names must not be got
   *     round by an id
   * @param id the object's id
   */
  Access access(Caller caller, String namespace, Optional<String> name, DurableObjectId id);

  /**
   * What this caller may ask of the host itself, through its admin service; nothing, if not said
   * otherwise. Asked for each call of that.
   */
  default Set<AdminRight> adminRights(Caller caller) {
    return Set.of();
  }

  /**
   * Told by the host when it is built, before it asks anything: what it has. Does nothing, unless
   * the authorizer wants to know.
   *
   * @throws IllegalArgumentException if what it says doesn't go together with that; the host isn't
   *     built then
   */
  default void begin(Collection<ServedNamespace> namespaces) {}

  /**
   * Tells this listener whenever {@link #access} may answer otherwise than before; a listener is
   * never let go. One whose answers never change does nothing, as this does.
   */
  default void onChange(Runnable listener) {}
}
