package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.Session;
import dev.seriatim.stub.DurableObjectId;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * The stubs that are open on the objects of a host: those of clients, and apart from them those
 * that objects of this host have opened, which go on while turns are waited for. Safe for any
 * number of threads; who walks through them may miss one that comes meanwhile.
 */
final class OpenStubs {
  private final Set<Session> ofClients = ConcurrentHashMap.newKeySet();
  private final Set<Session> ofObjects = ConcurrentHashMap.newKeySet();

  void add(Session stub, boolean local) {
    (local ? ofObjects : ofClients).add(stub);
  }

  /** Whether it was there. */
  boolean remove(Session stub) {
    return ofClients.remove(stub) || ofObjects.remove(stub);
  }

  boolean noneOfClients() {
    return ofClients.isEmpty();
  }

  int countOfClients() {
    return ofClients.size();
  }

  void forEachOfClients(Consumer<Session> action) {
    ofClients.forEach(action);
  }

  void forEachOfObjects(Consumer<Session> action) {
    ofObjects.forEach(action);
  }

  /** Breaks the stubs of clients on these objects, each when the turn that it is in has ended. */
  void breakOfClients(Predicate<DurableObjectId> on, BreakCause why) {
    breakStubs(ofClients, on, why);
  }

  /** Breaks likewise the stubs that objects have opened on these objects. */
  void breakOfObjects(Predicate<DurableObjectId> on, BreakCause why) {
    breakStubs(ofObjects, on, why);
  }

  private static void breakStubs(
      Set<Session> stubs, Predicate<DurableObjectId> on, BreakCause why) {
    for (Session stub : stubs) {
      if (on.test(stub.objectId())) {
        stub.breakSoon(why);
      }
    }
  }
}
