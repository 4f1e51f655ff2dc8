package dev.seriatim.benchmarks;

/** Something that can be called again and again. {@link #issue} is called from any thread. */
interface Load extends AutoCloseable {
  /** Makes one call; its answer is told to the listener that the load was opened with. */
  void issue();

  /** Over how many stubs, or streams, the calls are spread. */
  int width();

  @Override
  void close();

  /** Opens a load. */
  interface Opener {
    /**
     * Opens one.
     *
     * @param onAnswer run once for each answer, on whatever thread it comes on
     */
    Load open(Runnable onAnswer) throws Exception;
  }
}
