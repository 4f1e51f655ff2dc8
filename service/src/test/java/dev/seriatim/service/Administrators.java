package dev.seriatim.service;

import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.stub.DurableObjectId;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Gives callers rights in the admin service.
 *
 * @param objects what everybody may do with all objects
 * @param rights those of each caller at the moment
 */
record Administrators(Access objects, Function<Caller, Set<AdminRight>> rights)
    implements Authorizer {
  @Override
  public Access access(Caller caller, String namespace, Optional<String> name, DurableObjectId id) {
    return objects;
  }

  @Override
  public Set<AdminRight> adminRights(Caller caller) {
    return rights.apply(caller);
  }
}
