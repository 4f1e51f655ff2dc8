package dev.seriatim.service.admin;

import java.util.Map;

/** How many objects are stored. Safe for any number of threads. */
final class StoredCounts {
  StoredCounts(AdminHost host) {}

  /** By namespace, those that aren't served too. May block on the store. */
  Map<String, Long> objects() {
    return Map.of();
  }
}
