package dev.seriatim.service.storage;

/** Keeps objects in a database. */
abstract non-sealed class CommittingEngine extends StorageEngine {
  CommittingEngine(StorageOptions options) {
    super(options);
  }
}
