package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.placement.Neighbours;
import dev.seriatim.service.placement.Neighbours.Neighbour;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.ObjectPath;
import org.jspecify.annotations.Nullable;

/** Which object is meant, of those that a host serves. Safe for any number of threads. */
final class ObjectNames {
  private final Namespaces namespaces;
  private final @Nullable Neighbours neighbours;

  ObjectNames(AdminHost host) {
    this.namespaces = host.directory().namespaces();
    this.neighbours = host.neighbours();
  }

  /**
   * Checks that the object is at this host, as far as that is known.
   *
   * @throws BreakException if it is at another one; it says at which
   */
  void requireHere(ObjectAddress address) throws BreakException {
    Neighbour other = neighbours == null ? null : neighbours.known(address.id());
    if (other != null) {
      throw new BreakException(
          BreakCause.of(
              BreakReason.OWNER_UNAVAILABLE,
              "the object is at the host %s, expected it here: ask that one"
                  .formatted(other.address())));
    }
  }

  /**
   * The object with this name.
   *
   * @throws BreakException if it can't be any, or its namespace isn't served
   */
  ObjectAddress resolve(ObjectName object) throws BreakException {
    Open.Builder open = Open.newBuilder().setNamespace(object.getNamespace());
    return namespaces.resolve(
        switch (object.getWhichCase()) {
          case NAME -> open.setName(object.getName()).build();
          case ID -> open.setId(object.getId()).build();
          case WHICH_NOT_SET -> open.setName("").build(); // It says what is expected of a name.
        });
  }

  /** For people. */
  static String words(ObjectName object) {
    return object.hasId()
        ? ObjectPath.byId(object.getNamespace(), object.getId())
        : ObjectPath.byName(object.getNamespace(), object.getName());
  }
}
