package dev.seriatim.conformance;

import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/** A connection whose calls are made in another way; its life is the connection's own. */
abstract class ConnectionChannel extends ManagedChannel {
  final ManagedChannel connection;

  ConnectionChannel(ManagedChannel connection) {
    this.connection = connection;
  }

  @Override
  public final String authority() {
    return connection.authority();
  }

  @Override
  public final ManagedChannel shutdown() {
    connection.shutdown();
    return this;
  }

  @Override
  public final boolean isShutdown() {
    return connection.isShutdown();
  }

  @Override
  public final boolean isTerminated() {
    return connection.isTerminated();
  }

  @Override
  public final ManagedChannel shutdownNow() {
    connection.shutdownNow();
    return this;
  }

  @Override
  public final boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return connection.awaitTermination(timeout, unit);
  }
}
