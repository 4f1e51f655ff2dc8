package dev.seriatim.cluster;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.placement.Cluster;
import dev.seriatim.service.storage.Slots;
import dev.seriatim.service.storage.Slots.Announcement;
import dev.seriatim.service.storage.Slots.HostRow;
import dev.seriatim.stub.ClientOptions;
import dev.seriatim.stub.DurableObjects;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Hosts in one process that share slots, and real connections between them. The test itself says
 * which host has which slot, in place of Pekko.
 */
final class TestCluster implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 120;

  private final FakeStore store = new FakeStore();
  private final List<Node> nodes = new ArrayList<>();

  /** What everyone would be told who asks. */
  private final AtomicReferenceArray<@Nullable HostRow> owners =
      new AtomicReferenceArray<>(Slots.COUNT);

  /** One host. */
  final class Node implements Cluster, Routes {
    private final FakeStore.FakeSlots slots;
    private final SeriatimCluster cluster;
    private final AtomicReferenceArray<@Nullable HostRow> known =
        new AtomicReferenceArray<>(Slots.COUNT);
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final Set<Integer> foundWrong = ConcurrentHashMap.newKeySet();
    private final CutWire wire = new CutWire();
    private @Nullable SlotHost slotHost;
    private @Nullable HostRow row;
    private @Nullable DurableObjectHost host;
    private @Nullable ManagedChannel channel;

    private Node(String name, UnaryOperator<JoinOptions> options) {
      slots = store.join(name);
      cluster =
          new SeriatimCluster(
              options.apply(JoinOptions.at("127.0.0.1", 0).withAdvertise(wire.address())),
              (_, taken) -> {
                slotHost = taken;
                return new Told();
              });
    }

    /** What lies between the other hosts and this one. */
    CutWire wire() {
      return wire;
    }

    String name() {
      return slots.host();
    }

    DurableObjectHost host() {
      return java.util.Objects.requireNonNull(host);
    }

    /** A client whose calls all go to this host. */
    DurableObjects client(ClientOptions options) {
      return DurableObjects.on(channel(), options);
    }

    ManagedChannel channel() {
      ManagedChannel open = channel;
      if (open == null) {
        open =
            NettyChannelBuilder.forAddress(
                    "127.0.0.1", host().port(), InsecureChannelCredentials.create())
                .build();
        channel = open;
      }
      return open;
    }

    // ---- the host's cluster, but for the slots

    @Override
    public Places join(Member member) {
      return cluster.join(
          new Member(() -> slots, member.directory(), member.limits(), member.namespaces()));
    }

    @Override
    public String token() {
      return cluster.token();
    }

    @Override
    public void start(int port) {
      wire.leadTo(port);
      cluster.start(port);
    }

    @Override
    public void leave() throws InterruptedException {
      cluster.leave();
    }

    @Override
    public boolean isUp() {
      return true;
    }

    @Override
    public void close() {
      cluster.close();
    }

    /** In place of Pekko. */
    private final class Told implements Placer {
      @Override
      public Routes routes() {
        return Node.this;
      }

      @Override
      public void start(Announcement announcement) {
        row = new HostRow(name(), announcement, /* live= */ true);
        slots.announce(announcement);
      }

      @Override
      public void leave() {}

      @Override
      public boolean isUp() {
        return true;
      }

      @Override
      public void close() {}
    }

    // ---- the routes

    @Override
    public @Nullable HostRow host(int slot) {
      return known.get(slot);
    }

    @Override
    public void ask(int slot) {
      learn(slot);
    }

    @Override
    public void wrong(int slot, HostRow wrong) {
      known.compareAndSet(slot, wrong, null);
      foundWrong.add(slot);
    }

    /** Whether an owner has said to it that this slot isn't there any more, or is about to go. */
    boolean foundWrong(int slot) {
      return foundWrong.contains(slot);
    }

    @Override
    public void listen(Listener listener) {
      listeners.add(listener);
    }

    private void learn(int slot) {
      boolean changed;
      synchronized (known) { // Nobody puts back what was true when they looked.
        HostRow now = owners.get(slot);
        changed = !java.util.Objects.equals(known.getAndSet(slot, now), now);
      }
      if (changed) {
        listeners.forEach(listener -> listener.changed(slot));
      }
    }
  }

  /** Starts a host. */
  Node start(String name, Consumer<DurableObjectHost.Builder> objects) {
    return start(name, objects, options -> options);
  }

  Node start(
      String name,
      Consumer<DurableObjectHost.Builder> objects,
      UnaryOperator<JoinOptions> options) {
    Node node = new Node(name, options);
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    objects.accept(builder);
    try {
      node.host =
          builder
              .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .cluster(node)
              .build()
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    nodes.add(node);
    return node;
  }

  /** Has a host take these slots. */
  void take(Node node, Iterable<Integer> slots) {
    List<CompletionStage<Void>> taken = new ArrayList<>();
    for (int slot : slots) {
      taken.add(slotHost(node).take(slot));
    }
    taken.forEach(one -> await(one, "the slots are taken"));
    // As in a real cluster, where nobody is led to a host before it has heard of it: who has not
    // would close what leads there.
    store.awaitTold();
    for (int slot : slots) {
      publish(slot, node.row);
    }
  }

  /** Has one host hand these slots over to another. */
  void move(Node from, Node to, Set<Integer> slots) {
    List<CompletionStage<Void>> given = new ArrayList<>();
    slots.forEach(slot -> given.add(slotHost(from).give(slot)));
    given.forEach(one -> await(one, "the slots are given"));
    slots.forEach(slot -> publish(slot, null));
    take(to, slots);
  }

  /**
   * Has a host hand this slot over to whoever takes it: until then, nobody who asks is told where
   * it is. Its objects begin no further turn from now on. Is completed when that host doesn't have
   * it any more.
   */
  CompletionStage<Void> give(Node from, int slot) {
    owners.set(slot, null);
    CompletionStage<Void> given = slotHost(from).give(slot);
    // One thread begins with all that it was asked for before it gives anything: and there is
    // nothing to wait for in the next slot, where no test has an object.
    await(slotHost(from).give((slot + 1) % Slots.COUNT), "a slot without objects is given");
    return given;
  }

  static void awaitGiven(CompletionStage<Void> given) {
    await(given, "the slot is given");
  }

  /**
   * Has one host hand these slots over to another; this one still believes that the slots are where
   * they were.
   */
  void moveUnseenBy(Node unaware, Node from, Node to, Set<Integer> slots) {
    Map<Integer, @Nullable HostRow> believed = new HashMap<>();
    slots.forEach(slot -> believed.put(slot, unaware.known.get(slot)));
    move(from, to, slots);
    believed.forEach(unaware.known::set);
  }

  /** The host that has this slot. */
  Node owner(int slot) {
    return nodes.stream().filter(node -> node.slots.has(slot)).findFirst().orElseThrow();
  }

  private void publish(int slot, @Nullable HostRow row) {
    owners.set(slot, row);
    nodes.forEach(node -> node.learn(slot));
  }

  /**
   * Nobody has heard of this host for its lease, though it lives: what it had is free, and everyone
   * knows.
   */
  void bury(Node node) {
    Set<Integer> slots = store.owned().getOrDefault(node.name(), Set.of());
    store.bury(node.name());
    slots.forEach(slot -> publish(slot, null));
  }

  /** This host can't reach the store any more, and is buried there. */
  void cutOffFromStore(Node node) {
    store.kill(node.name());
    bury(node);
  }

  /** This host is gone from one moment to the next, and everyone knows. */
  void kill(Node node) {
    node.wire.cut();
    store.kill(node.name());
    node.host().close();
    bury(node);
    nodes.remove(node);
  }

  private static SlotHost slotHost(Node node) {
    return java.util.Objects.requireNonNull(node.slotHost);
  }

  private static void await(CompletionStage<Void> stage, String what) {
    try {
      stage.toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new AssertionError("never came: " + what, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  @Override
  public void close() {
    for (Node node : nodes) {
      if (node.channel != null) {
        node.channel.shutdownNow();
      }
      node.wire.close();
      node.host().close();
    }
    store.close();
  }

  /** All slots. */
  static List<Integer> allSlots() {
    List<Integer> all = new ArrayList<>();
    for (int slot = 0; slot < Slots.COUNT; slot++) {
      all.add(slot);
    }
    return all;
  }
}
