package dev.seriatim.cluster;

import static com.google.common.collect.ImmutableSet.toImmutableSet;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import com.google.common.collect.ImmutableSet;
import com.typesafe.config.Config;
import dev.seriatim.cluster.RoutingTable.Question;
import dev.seriatim.cluster.SlotKeeper.Keepers;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.HostRow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.Done;
import org.apache.pekko.actor.PoisonPill;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.cluster.ClusterEvent.MemberDowned;
import org.apache.pekko.cluster.ClusterEvent.MemberEvent;
import org.apache.pekko.cluster.ClusterEvent.MemberRemoved;
import org.apache.pekko.cluster.ClusterEvent.MemberUp;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ShardAllocationStrategy;
import org.apache.pekko.cluster.sharding.ShardCoordinator.ShardAllocationStrategy$;
import org.apache.pekko.cluster.sharding.ShardRegion;
import org.apache.pekko.cluster.sharding.typed.ShardingMessageExtractor;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;
import org.apache.pekko.cluster.typed.Subscribe;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The first actor of a host's membership: asks the slots where they are, hears the answers, sees
 * members come and go, and downs those that the store has buried.
 */
final class SlotRouter extends AbstractBehavior<SlotRouter.Message> {
  private static final Logger LOGGER = LoggerFactory.getLogger(SlotRouter.class);

  /** The role of the hosts that have slots. */
  static final String ROLE = "slots";

  /** Hosts that put other slots together would have to have another name for it. */
  private static final String KEEPERS = "slots-by-" + SlotRun.SLOTS;

  private static final String HOST = "host-";

  private static final String LIMITS = "pekko.cluster.sharding.least-shard-allocation-strategy";

  private static final Duration TICK = Duration.ofMillis(250);

  private static final int TICKS_SAME = 8;

  /** How long the region may last when it has no slots any more. */
  private static final Duration REGION_END = Duration.ofMillis(250);

  /** How long it takes at most to hear of the next keepers by the last questions of the region. */
  private static final Duration ALL_HEARD = Duration.ofSeconds(1);

  private static final ImmutableSet<MemberStatus> STAYING =
      ImmutableSet.of(MemberStatus.joining(), MemberStatus.weaklyUp(), MemberStatus.up());

  interface Message {}

  /** The slot is at this host. */
  record Here(Question question, String host) implements Message {}

  /** This keeper has been started for the slot, and waits for whichever host has it. */
  record Taking(int slot, ActorRef<SlotKeeper.Command> keeper) implements Message {}

  /** The hosts that have rows now. */
  record Rows(List<HostRow> rows) implements Message {}

  enum Word implements Message {
    /** There is something to ask. */
    ASK,
    TICK,
    /** All slots are handed over, and the region ought to have ended. */
    END_REGION,
    /** It has ended. */
    REGION_ENDED,
    /** And what its last questions have led to has come. */
    ALL_HEARD
  }

  /** This host is to hand all its slots over, and completes this when it has none. */
  record HandOver(CompletableFuture<Done> handedOver, long began) implements Message {}

  private record Changed(MemberEvent event) implements Message {}

  private final Keepers keepers;
  private final Cluster cluster;
  private final ActorRef<SlotKeeper.Command> region;
  private ImmutableSet<String> hosts = ImmutableSet.of();

  /** Those that say in the store that they are about to leave. */
  private ImmutableSet<String> leaving = ImmutableSet.of();

  private boolean up;
  private @Nullable HandOver handOver;

  /** How many slots this host has, since how many ticks, and what was said of that last. */
  private int slots;

  private int ticksSame;
  private int slotsSaid;

  private SlotRouter(ActorContext<Message> context, Keepers keepers) {
    super(context);
    this.keepers = keepers;
    this.cluster = Cluster.get(context.getSystem());
    keepers.handOffs().begin();
    this.region = region(context, keepers);
    context.watchWith(region, Word.REGION_ENDED);
    cluster
        .subscriptions()
        .tell(
            Subscribe.create(
                context.messageAdapter(MemberEvent.class, Changed::new), MemberEvent.class));
  }

  static Behavior<Message> create(Keepers keepers) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> {
                  timers.startTimerWithFixedDelay(Word.TICK, TICK);
                  return new SlotRouter(context, keepers);
                }));
  }

  /** What passes messages on to the keepers, wherever they are. */
  private static ActorRef<SlotKeeper.Command> region(
      ActorContext<Message> context, Keepers keepers) {
    return ClusterSharding.get(context.getSystem())
        .init(
            Entity.of(
                    EntityTypeKey.create(SlotKeeper.Command.class, KEEPERS),
                    entity -> SlotKeeper.create(Integer.parseInt(entity.getEntityId()), keepers))
                .withMessageExtractor(new RunInEachShard())
                .withStopMessage(SlotKeeper.Word.HAND_OFF)
                .withAllocationStrategy(allocation(context))
                .withRole(ROLE));
  }

  private static ShardAllocationStrategy allocation(ActorContext<Message> context) {
    Config limits = context.getSystem().settings().config().getConfig(LIMITS);
    return new SettledRebalance(
        ShardAllocationStrategy$.MODULE$.leastShardAllocationStrategy(
            limits.getInt("rebalance-absolute-limit"),
            limits.getDouble("rebalance-relative-limit")));
  }

  private static final class RunInEachShard
      extends ShardingMessageExtractor<SlotKeeper.Command, SlotKeeper.Command> {
    @Override
    public String entityId(SlotKeeper.Command message) {
      if (message instanceof SlotKeeper.Where where) {
        return Integer.toString(where.question().slot());
      }
      throw new IllegalArgumentException("message " + message + ", expected a question");
    }

    @Override
    public String shardId(String entityId) {
      return Integer.toString(SlotRun.of(Integer.parseInt(entityId)));
    }

    @Override
    public SlotKeeper.Command unwrapMessage(SlotKeeper.Command message) {
      return message;
    }
  }

  @Override
  public Receive<Message> createReceive() {
    return newReceiveBuilder()
        .onMessage(Here.class, this::here)
        .onMessage(Taking.class, this::taking)
        .onMessage(Rows.class, this::rows)
        .onMessage(Changed.class, this::changed)
        .onMessageEquals(Word.ASK, this::ask)
        .onMessageEquals(Word.TICK, this::tick)
        .onMessage(HandOver.class, this::handOver)
        .onMessageEquals(Word.END_REGION, this::endRegion)
        .onMessageEquals(Word.REGION_ENDED, this::regionEnded)
        .onMessageEquals(Word.ALL_HEARD, this::allHeard)
        .onSignal(PostStop.class, stopped -> giveAll())
        .build();
  }

  private Behavior<Message> here(Here here) {
    if (!here.host().equals(keepers.slots().host())) {
      keepers.handOffs().arrived(here.question().slot(), System.nanoTime());
    }
    keepers.routes().answered(here.question(), here.host(), System.nanoTime());
    lookWhetherAllIsHandedOver();
    return this;
  }

  private Behavior<Message> taking(Taking taking) {
    long now = System.nanoTime();
    keepers.routes().waits(taking.slot(), now);
    keepers
        .handOffs()
        .wanted(
            taking.slot(),
            keepers.hasWithoutKeeper(taking.slot()),
            () -> keepers.give(taking.slot(), () -> taking.keeper().tell(new SlotKeeper.Given())),
            now);
    return this;
  }

  private Behavior<Message> ask() {
    if (up && (handOver == null || othersHaveSlots())) {
      for (Question question : keepers.routes().due(System.nanoTime())) {
        region.tell(new SlotKeeper.Where(question, getContext().getSelf()));
      }
    }
    return this;
  }

  /** Whether there are others to have slots. Those that are about to leave get none any more. */
  private boolean othersHaveSlots() {
    for (Member member : cluster.state().getMembers()) {
      if (member.hasRole(ROLE)
          && member.status().equals(MemberStatus.up())
          && !isSelf(member)
          && !leaving.contains(host(member))) {
        return true;
      }
    }
    return false;
  }

  private Behavior<Message> tick() {
    keepers.handOffs().look(System.nanoTime());
    saySlots();
    if (handOver != null && !othersHaveSlots()) {
      var _ = giveAll();
    }
    lookWhetherAllIsHandedOver();
    return ask();
  }

  private void lookWhetherAllIsHandedOver() {
    if (handOver != null && !keepers.hasAny() && handOver.handedOver().complete(Done.done())) {
      LOGGER.info(
          "all slots were handed over within {} ms",
          NANOSECONDS.toMillis(System.nanoTime() - handOver.began()));
      // Questions of its own for which there is no host any more would hold it up.
      getContext().scheduleOnce(REGION_END, getContext().getSelf(), Word.END_REGION);
    }
  }

  /** Says how many slots this host has, when that doesn't change any more. */
  private void saySlots() {
    int now = keepers.routes().count(keepers.slots().host());
    ticksSame = now == slots ? ticksSame + 1 : 0;
    slots = now;
    if (now != slotsSaid && ticksSame == TICKS_SAME) {
      LOGGER.info("this host has {} of {} slots", now, Slots.COUNT);
      slotsSaid = now;
    }
  }

  /** The region hands its shards off, and ends when it has none. */
  private Behavior<Message> handOver(HandOver message) {
    handOver = message;
    Adapter.toClassic(region)
        .tell(ShardRegion.gracefulShutdownInstance(), org.apache.pekko.actor.ActorRef.noSender());
    return tick();
  }

  private Behavior<Message> endRegion() {
    Adapter.toClassic(region)
        .tell(PoisonPill.getInstance(), org.apache.pekko.actor.ActorRef.noSender());
    return this;
  }

  /** There is no way any more to ask who takes a slot. Who waits for one claims it soon. */
  private Behavior<Message> regionEnded() {
    getContext().scheduleOnce(ALL_HEARD, getContext().getSelf(), Word.ALL_HEARD);
    return this;
  }

  private Behavior<Message> allHeard() {
    keepers.give(keepers.handOffs().dropUnasked());
    return this;
  }

  private Behavior<Message> giveAll() {
    keepers.give(keepers.handOffs().nobodyElse());
    return this;
  }

  /**
   * A host whose row has gone was buried in the store: it has lost its slots, and is downed without
   * waiting for the failure detector. So this host itself, if others may have taken its slots.
   */
  private Behavior<Message> rows(Rows message) {
    ImmutableSet<String> before = hosts;
    hosts = message.rows().stream().map(HostRow::host).collect(toImmutableSet());
    leaving =
        message.rows().stream()
            .filter(row -> row.announcement().leaving())
            .map(HostRow::host)
            .collect(toImmutableSet());
    if (up && handOver == null) {
      List<Member> members = membersThatStay();
      for (Member member : members) {
        String host = host(member);
        if (before.contains(host)
            && !hosts.contains(host)
            && (members.size() > 1 || !isSelf(member))) {
          LOGGER.info("the host at {} has been buried in the store", address(member));
          cluster.manager().tell(Down.apply(member.address()));
        }
      }
    }
    return this;
  }

  private List<Member> membersThatStay() {
    List<Member> members = new ArrayList<>();
    for (Member member : cluster.state().getMembers()) {
      if (STAYING.contains(member.status())) {
        members.add(member);
      }
    }
    return members;
  }

  private Behavior<Message> changed(Changed changed) {
    if (cluster.isTerminated()) {
      return this; // It isn't the others that are gone.
    }
    Member member = changed.event().member();
    switch (changed.event()) {
      case MemberUp event when isSelf(member) -> {
        up = true;
        keepers.routes().askAll();
      }
      case MemberUp event -> LOGGER.info("the host at {} has joined", address(member));
      case MemberDowned event -> {
        LOGGER.info("the host at {} has been downed", address(member));
        keepers.routes().askAllOf(host(member));
      }
      case MemberRemoved event -> {
        LOGGER.info("the host at {} is gone", address(member));
        keepers.routes().askAllOf(host(member));
      }
      default -> {}
    }
    return this;
  }

  private boolean isSelf(Member member) {
    return member.uniqueAddress().equals(cluster.selfMember().uniqueAddress());
  }

  /** The roles that a host of this name has, which tell the others of both. */
  static List<String> roles(String host, int weight) {
    return weight == 0 ? List.of(HOST + host) : List.of(HOST + host, ROLE);
  }

  private static String host(Member member) {
    for (String role : member.getRoles()) {
      if (role.startsWith(HOST)) {
        return role.substring(HOST.length());
      }
    }
    return "";
  }

  private static String address(Member member) {
    return Life.hostPort(member.address());
  }
}
