package dev.seriatim.service.admin;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.seriatim.service.ListOptions;
import dev.seriatim.service.StorageException;
import dev.seriatim.service.storage.CommitListener;
import dev.seriatim.service.storage.ObjectLog;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.TurnStorage;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * What is done to objects of namespaces that the host doesn't serve: they have no turns, and nobody
 * else can have them. Safe for any number of threads; one thing is done at a time.
 */
final class UnservedObjects {
  private final StorageEngine storage;

  UnservedObjects(StorageEngine storage) {
    this.storage = storage;
  }

  /** Told by the committer. */
  private static final class Durable implements CommitListener {
    final CompletableFuture<Boolean> end = new CompletableFuture<>();

    @Override
    public void durable(long commit, boolean idle) {
      end.complete(true);
    }

    @Override
    public void failed(long first, long last, Throwable cause) {
      end.completeExceptionally(cause);
    }

    @Override
    public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {
      end.completeExceptionally(cause);
    }
  }

  /**
   * Deletes all that is stored of this one. Blocks until that is durable.
   *
   * @return whether there was anything
   * @throws StorageException if the store fails
   */
  synchronized boolean delete(ObjectPlace place) {
    Durable durable = new Durable();
    ObjectLog log = storage.logOfUnserved(place.namespace(), place.id(), durable);
    TurnStorage turn = log.newStorage();
    try {
      turn.beginTurn();
      boolean had = turn.getAlarm().isPresent() || !turn.list(ListOptions.all().limit(1)).isEmpty();
      turn.deleteAll();
      if (turn.endTurn() != 0) {
        boolean _ = Uninterruptibles.getUninterruptibly(durable.end);
      }
      return had;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof StorageException failed
          ? failed
          : new StorageException("the deletion was lost: " + e.getMessage(), e);
    } finally {
      turn.discard();
      log.close();
    }
  }
}
