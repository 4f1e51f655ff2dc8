package dev.seriatim.service;

import com.google.common.collect.ImmutableList;
import dev.seriatim.service.HostStatistics.Amount;
import dev.seriatim.service.connect.Connections;
import dev.seriatim.service.connect.CountedStubs;
import dev.seriatim.service.object.HostCounts;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoreFigures;
import org.jspecify.annotations.Nullable;

/** Reads what the parts of a host have counted. */
final class Statistics {
  private final ObjectDirectory directory;
  private final StorageEngine storage;
  private final CountedStubs stubs;
  private final @Nullable Connections connections;

  /** Tells this listener of what happens, from now on. */
  Statistics(
      HostListener listener,
      ObjectDirectory directory,
      StorageEngine storage,
      CountedStubs stubs,
      @Nullable Connections connections) {
    this.directory = directory;
    this.storage = storage;
    this.stubs = stubs;
    this.connections = connections;
    HostEvents events = new HostEvents(listener);
    directory.counts().listen(events);
    storage.listen(events);
  }

  HostStatistics read(boolean serving) {
    HostCounts counts = directory.counts();
    StoreFigures store = storage.figures();
    return new HostStatistics(
        directory.countedByNamespace(),
        counts.refused(),
        counts.evictions(),
        counts.transportTurns(),
        counts.otherTurns(),
        amounts(store),
        new HostStatistics.OfStore(
            storage.options().location().kind(),
            store.away(),
            store.leaseLeft(),
            store.slotsOwned(),
            store.inDoubt()),
        serving,
        directory.isDraining());
  }

  private ImmutableList<Amount> amounts(StoreFigures store) {
    ImmutableList.Builder<Amount> amounts = ImmutableList.builder();
    amounts.addAll(directory.amounts());
    amounts.add(new Amount("stub_calls", stubs.open(), stubs.limit()));
    if (connections != null) {
      ConnectionLimits limits = directory.limits().connections();
      amounts.add(new Amount("connections", connections.open(), limits.maxConnections()));
      amounts.add(new Amount("arriving_bytes", connections.arriving(), limits.maxArrivingBytes()));
    }
    if (!storage.isVolatile()) {
      StorageOptions options = storage.options();
      amounts.add(
          new Amount("uncommitted_bytes", store.uncommittedBytes(), options.maxUncommittedBytes()));
      amounts.add(new Amount("cached_bytes", store.cachedBytes(), options.cacheBytes()));
    }
    return amounts.build();
  }
}
