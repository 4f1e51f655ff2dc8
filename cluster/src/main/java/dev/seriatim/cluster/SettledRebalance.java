package dev.seriatim.cluster;

import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ActorSystemDependentAllocationStrategy;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import scala.collection.Iterator;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Map;
import scala.collection.immutable.Set;
import scala.collection.immutable.Set$;
import scala.concurrent.Future;

/**
 * Places runs of slots as another strategy says, but rebalances only while each run has a place.
 * One that counts only the runs that have one takes hosts to have too many while some are on their
 * way, and moves what would have been in place. Used by Pekko's coordinator, which is one actor.
 */
final class SettledRebalance implements ActorSystemDependentAllocationStrategy {
  private final ShardAllocationStrategy strategy;

  SettledRebalance(ShardAllocationStrategy strategy) {
    this.strategy = strategy;
  }

  @Override
  public void start(ActorSystem system) {
    if (strategy instanceof ActorSystemDependentAllocationStrategy dependent) {
      dependent.start(system);
    }
  }

  @Override
  public Future<ActorRef> allocateShard(
      ActorRef requester, String run, Map<ActorRef, IndexedSeq<String>> placed) {
    return strategy.allocateShard(requester, run, placed);
  }

  @Override
  public Future<Set<String>> rebalance(
      Map<ActorRef, IndexedSeq<String>> placed, Set<String> moving) {
    int runs = 0;
    for (Iterator<IndexedSeq<String>> hosts = placed.valuesIterator(); hosts.hasNext(); ) {
      runs += hosts.next().size();
    }
    return runs < SlotRun.COUNT
        ? Future.successful(Set$.MODULE$.<String>empty())
        : strategy.rebalance(placed, moving);
  }
}
