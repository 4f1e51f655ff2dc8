package dev.seriatim.service.storage;

/** One transaction in which is read, on a connection of its own, until it is closed. */
interface ReadTransaction extends JdbcStore.Statements, AutoCloseable {
  /** As {@link StoredView#hold}. */
  void hold();

  @Override
  void close();
}
