package dev.seriatim.stub;

/**
 * Whether the tests run with shared calls, as they do a second time: {@code
 * -Dseriatim.test.sharedCalls=1}.
 */
final class OnLanes {
  private static final int SHARED_CALLS = Integer.getInteger("seriatim.test.sharedCalls", 0);

  private OnLanes() {}

  static boolean on() {
    return SHARED_CALLS > 0;
  }

  /** These options, and shared calls that stay until they are ended. */
  static ClientOptions options(ClientOptions options) {
    return on() && options.sharedCalls() == 0
        ? options.toBuilder()
            .sharedCalls(SHARED_CALLS)
            .sharedCallIdleTimeout(FakeScheduler.NEVER)
            .build()
        : options;
  }

  static ClientOptions defaults() {
    return options(ClientOptions.defaults());
  }
}
