package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import org.junit.jupiter.api.Test;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Map;
import scala.collection.immutable.Set;
import scala.collection.immutable.Set$;
import scala.concurrent.Await;
import scala.concurrent.Future;
import scala.concurrent.duration.Duration;
import scala.jdk.javaapi.CollectionConverters;

/** When runs of slots are rebalanced. */
final class SettledRebalanceTest {
  private static final ActorRef HOST = ActorRef.noSender();

  /** Would move the first run at any time, and notes what it was asked. */
  private static final class Eager implements ShardAllocationStrategy {
    private final List<String> asked = new ArrayList<>();

    @Override
    public Future<ActorRef> allocateShard(
        ActorRef requester, String run, Map<ActorRef, IndexedSeq<String>> placed) {
      asked.add("allocate " + run);
      return Future.successful(requester);
    }

    @Override
    public Future<Set<String>> rebalance(
        Map<ActorRef, IndexedSeq<String>> placed, Set<String> moving) {
      asked.add("rebalance");
      return Future.successful(Set$.MODULE$.<String>empty().$plus("0"));
    }
  }

  private final Eager eager = new Eager();
  private final SettledRebalance rebalance = new SettledRebalance(eager);

  @Test
  void whileEachRunHasAPlaceAsTheOtherStrategySays() throws Exception {
    assertThat(moved(SlotRun.COUNT)).containsExactly("0");
  }

  @Test
  void whileARunHasNoneNotAtAll() throws Exception {
    assertThat(moved(SlotRun.COUNT - 1)).isEmpty();
    assertThat(moved(0)).isEmpty();
    assertThat(eager.asked).isEmpty();
  }

  @Test
  void aRunGetsItsPlaceAsTheOtherStrategySays() {
    Future<ActorRef> _ = rebalance.allocateShard(HOST, "7", placed(3));
    assertThat(eager.asked).containsExactly("allocate 7");
  }

  private java.util.Set<String> moved(int runs) throws Exception {
    Future<Set<String>> moved = rebalance.rebalance(placed(runs), Set$.MODULE$.empty());
    return CollectionConverters.asJava(Await.result(moved, Duration.Zero()));
  }

  private static Map<ActorRef, IndexedSeq<String>> placed(int runs) {
    List<String> names = IntStream.range(0, runs).mapToObj(Integer::toString).toList();
    IndexedSeq<String> all = CollectionConverters.asScala(names).toIndexedSeq();
    return new Map.Map1<>(HOST, all);
  }
}
