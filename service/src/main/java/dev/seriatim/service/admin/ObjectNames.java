package dev.seriatim.service.admin;

import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.v1.Open;
import dev.seriatim.wire.ObjectPath;

/** Which object is meant, of those that a host serves. Safe for any number of threads. */
final class ObjectNames {
  private final Namespaces namespaces;

  ObjectNames(AdminHost host) {
    this.namespaces = host.directory().namespaces();
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
