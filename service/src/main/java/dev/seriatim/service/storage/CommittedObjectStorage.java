package dev.seriatim.service.storage;

import org.jspecify.annotations.Nullable;

/** The storage of one object in a database. */
abstract non-sealed class CommittedObjectStorage extends ObjectStorage {
  CommittedObjectStorage(StorageEngine engine, ObjectKey key, @Nullable String name) {
    super(engine, key, name);
  }
}
