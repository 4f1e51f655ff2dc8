package dev.seriatim.service.admin;

import com.google.common.collect.ImmutableMap;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoredView;

/** How many objects are stored. Safe for any number of threads. */
final class StoredCounts {
  private final StorageEngine storage;

  StoredCounts(AdminHost host) {
    this.storage = host.storage();
  }

  /** By namespace, those that aren't served too. May block on the store. */
  ImmutableMap<String, Long> objects() {
    try (StoredView view = storage.view()) {
      return view.countObjects();
    }
  }
}
