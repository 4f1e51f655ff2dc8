package dev.seriatim.cluster;

import com.google.common.collect.ImmutableMap;
import com.google.common.collect.ImmutableSet;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.seriatim.cluster.SlotKeeper.Keepers;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.HostRow;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.Done;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.cluster.typed.JoinSeedNodes;

/**
 * One membership of this host, from the start of an actor system to its end. A host that was downed
 * needs another. Any thread may call it; nothing blocks but what says so.
 */
final class Life {
  private static final String SYSTEM = "seriatim";
  private static final String PHASE = "pekko.coordinated-shutdown.phases.";

  private static final ImmutableSet<MemberStatus> GOING =
      ImmutableSet.of(
          MemberStatus.leaving(),
          MemberStatus.exiting(),
          MemberStatus.down(),
          MemberStatus.removed());

  private final ActorSystem<SlotRouter.Message> system;
  private final CompletableFuture<Done> up = new CompletableFuture<>();

  private Life(ActorSystem<SlotRouter.Message> system) {
    this.system = system;
  }

  /**
   * Starts to listen, and is in no cluster yet. Blocks until it listens, and throws if it can't.
   */
  static Life begin(MembershipOptions options, Keepers keepers) {
    ActorSystem<SlotRouter.Message> system =
        ActorSystem.create(
            SlotRouter.create(keepers),
            SYSTEM,
            ActorSystemSetup.create(
                BootstrapSetup.create(config(options, keepers.slots()))
                    .withClassloader(Life.class.getClassLoader()),
                new SlotsSetup(keepers.slots())));
    Life life = new Life(system);
    org.apache.pekko.cluster.Cluster.get(system)
        .registerOnMemberUp(() -> life.up.complete(Done.done()));
    CoordinatedShutdown.get(system)
        .addTask(
            CoordinatedShutdown.PhaseBeforeClusterShutdown(), "hand-slots-over", life::handOver);
    keepers.routes().askedBy(() -> system.tell(SlotRouter.Word.ASK));
    return life;
  }

  private static Config config(MembershipOptions options, Slots slots) {
    // Pekko forcibly ends a hand-off 5 s before this.
    Duration handOff = options.leaveLimit().plusSeconds(10);
    Config own =
        ConfigFactory.parseMap(
            ImmutableMap.<String, Object>builder()
                .put("pekko.remote.artery.canonical.hostname", options.host())
                .put("pekko.remote.artery.canonical.port", options.port())
                .put("pekko.cluster.roles", SlotRouter.roles(slots.host(), options.weight()))
                .put("pekko.cluster.app-version", options.announcement().get().version())
                .put("pekko.cluster.sharding.rebalance-interval", options.rebalanceInterval())
                .put("pekko.cluster.sharding.handoff-timeout", handOff)
                .put(PHASE + "before-cluster-shutdown.timeout", options.leaveLimit())
                // The region takes its own limit from here, though it is told to end before this.
                .put(PHASE + "cluster-sharding-shutdown-region.timeout", options.leaveLimit())
                .putAll(options.tls() == null ? Map.of() : options.tls().settings())
                .buildOrThrow());
    ClassLoader loader = Life.class.getClassLoader();
    return ConfigFactory.defaultOverrides(loader)
        .withFallback(own)
        .withFallback(ConfigFactory.parseResources(loader, "dev/seriatim/cluster/pekko.conf"))
        .withFallback(ConfigFactory.defaultReferenceUnresolved(loader))
        .resolve();
  }

  /** Where this membership is reached. */
  String address() {
    return hostPort(Cluster.get(system).selfMember().address());
  }

  /** Makes a cluster of this host alone. */
  void found() {
    Cluster.get(system).manager().tell(Join.create(Cluster.get(system).selfMember().address()));
  }

  /** Tries to join the cluster that some of these are in. Another try ends the one before. */
  void join(List<String> addresses) {
    Address self = Cluster.get(system).selfMember().address();
    List<Address> seeds =
        addresses.stream()
            .map(
                address -> {
                  int colon = address.lastIndexOf(':');
                  return Address.apply(
                      self.protocol(),
                      SYSTEM,
                      address.substring(0, colon),
                      Integer.parseInt(address.substring(colon + 1)));
                })
            .toList();
    Cluster.get(system).manager().tell(new JoinSeedNodes(seeds));
  }

  /** Waits until it is up, which it may never be. Blocks. Returns whether it was. */
  boolean awaitUp(Duration limit) throws InterruptedException {
    try {
      CompletableFuture.anyOf(up, ended().toCompletableFuture())
          .get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | ExecutionException e) {
      // It isn't up.
    }
    return up.isDone();
  }

  /** Whether it is in a cluster and stays there, as far as it can see by itself. */
  boolean isUp() {
    return up.isDone()
        && !ended().toCompletableFuture().isDone()
        && !Cluster.get(system).isTerminated()
        && !GOING.contains(Cluster.get(system).selfMember().status());
  }

  /** Is completed when all of it has ended, for whatever reason. */
  CompletionStage<Done> ended() {
    return system.getWhenTerminated();
  }

  void rows(List<HostRow> rows) {
    system.tell(new SlotRouter.Rows(rows));
  }

  /** Hands all slots over, leaves the cluster and ends. */
  CompletionStage<Done> leave() {
    return CoordinatedShutdown.get(system).runAll(CoordinatedShutdown.clusterLeavingReason());
  }

  /** Ends without a word to the others. */
  void abort() {
    system.terminate();
  }

  private CompletionStage<Done> handOver() {
    CompletableFuture<Done> handedOver = new CompletableFuture<>();
    if (isUp()) {
      system.tell(new SlotRouter.HandOver(handedOver, System.nanoTime()));
    } else {
      handedOver.complete(Done.done());
    }
    return handedOver;
  }

  static String hostPort(Address address) {
    return address.getHost().orElse("") + ":" + address.getPort().orElse(0);
  }
}
