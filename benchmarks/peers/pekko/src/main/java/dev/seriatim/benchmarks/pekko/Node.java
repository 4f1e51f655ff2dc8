package dev.seriatim.benchmarks.pekko;

import com.typesafe.config.ConfigFactory;
import dev.seriatim.benchmarks.pekko.Counter.Increment;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.HashCodeNoEnvelopeMessageExtractor;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;

/**
 * One node of the cluster, on a free port. Counters live on the nodes with the role {@link #HOST};
 * on the others their region passes messages on.
 */
record Node(ActorSystem<Void> system, ActorRef<Increment> counters) {
  static final String HOST = "host";
  static final String CALLER = "caller";

  private static final int SHARDS = 10;

  /** Starts a node that isn't in a cluster yet. */
  static Node start(String role) {
    ActorSystem<Void> system =
        ActorSystem.create(
            Behaviors.empty(),
            "bench",
            ConfigFactory.parseMap(Map.of("pekko.cluster.roles", List.of(role)))
                .withFallback(ConfigFactory.load()));
    return new Node(
        system,
        ClusterSharding.get(system)
            .init(
                Entity.of(
                        EntityTypeKey.create(Increment.class, "Counter"),
                        entity -> Counter.create())
                    // An increment names its counter itself, which is faster than an envelope.
                    .withMessageExtractor(
                        new HashCodeNoEnvelopeMessageExtractor<Increment>(SHARDS) {
                          @Override
                          public String entityId(Increment message) {
                            return message.name();
                          }
                        })
                    .withRole(HOST)));
  }

  /** Joins the cluster of the node with this address, or founds one if that is its own. */
  void join(String address) {
    Cluster.get(system).manager().tell(Join.create(AddressFromURIString.parse(address)));
  }

  String address() {
    return Cluster.get(system).selfMember().address().toString();
  }
}
