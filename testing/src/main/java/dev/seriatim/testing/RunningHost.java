package dev.seriatim.testing;

import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.InternalDurableObjectHost;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.object.ObjectControl;
import dev.seriatim.service.storage.StorageEngine;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/**
 * One life of a host under test: from its start until it is closed, drained or dead. Safe for any
 * number of threads.
 */
final class RunningHost {
  private static final ChannelCredentials PLAIN = InsecureChannelCredentials.create();

  private final DurableObjectHost host;
  private final StorageEngine storage;
  private final Commits commits;
  private final TestClock clock;
  private final HostTime time;

  /** Where it listens: a name in this process, or the address of a port. */
  private final String place;

  private final boolean loopback;

  /**
   * Starts it.
   *
   * @param port on loopback; 0 for any
   */
  RunningHost(
      HostSettings settings,
      Path directory,
      TestClock clock,
      Commits commits,
      Breaks breaks,
      int port) {
    this.commits = commits;
    this.clock = clock;
    this.loopback = settings.loopback();
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    settings.objects().addTo(builder);
    settings.more().accept(builder);
    builder
        .storage(
            StorageOptions.sqlite(directory).withClock(clock).withStorePatience(Commits.PATIENCE))
        .interceptor(breaks);
    InternalDurableObjectHost.faults(builder, commits);
    String name = InProcessServerBuilder.generateName();
    if (loopback) {
      builder.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    } else {
      builder.server(InProcessServerBuilder.forName(name));
    }
    host = builder.build();
    storage = InternalDurableObjectHost.storage(host);
    time = new HostTime(storage, commits);
    boolean started = false;
    try {
      host.start().awaitServing();
      started = true;
    } catch (IOException e) {
      throw new UncheckedIOException("the host under test can't listen", e);
    } catch (InterruptedException e) {
      throw Waiting.interrupted("the start of the host under test", e);
    } finally {
      if (!started) {
        host.close();
      }
    }
    place = loopback ? "127.0.0.1:" + host.port() : name;
    clock.follow(time);
  }

  /** A new connection to it. */
  ManagedChannel connect() {
    return loopback
        ? Grpc.newChannelBuilder(place, PLAIN).build()
        : InProcessChannelBuilder.forName(place).build();
  }

  /** Where it listens. */
  String place() {
    return place;
  }

  int port() {
    return host.port();
  }

  ObjectControl control() {
    return InternalDurableObjectHost.directory(host).control();
  }

  /**
   * An object of its.
   *
   * @throws IllegalArgumentException if there is no such namespace, or it isn't a name
   */
  ObjectAddress address(String namespace, String name) {
    return InternalDurableObjectHost.address(host, namespace, name);
  }

  // ---- its connections, its objects and its end

  /** Cuts what listens beyond this process. */
  void cutConnections() {
    InternalDurableObjectHost.cutConnections(host, null);
  }

  /** Another host may have its objects. */
  void loseAll() {
    storage.loseAll();
  }

  /** Ends it in good order. */
  void drain() {
    clock.leave(time);
    try {
      host.drain();
    } catch (InterruptedException e) {
      throw Waiting.interrupted("the host's drain", e);
    }
  }

  /** Ends it where it is: nothing becomes durable any more. */
  void die() {
    clock.leave(time);
    cutConnections();
    commits.die();
    host.close();
  }

  /** Ends it at once; what turns have written by now becomes durable. */
  void close() {
    clock.leave(time);
    host.close();
  }
}
