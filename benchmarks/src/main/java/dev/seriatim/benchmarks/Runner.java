package dev.seriatim.benchmarks;

import java.time.Duration;

/** Runs a load: this process does, in a {@link ClosedLoop}, or a {@link LoadProcess}. */
interface Runner {
  /** Runs it for the warm-up, and then for the time that counts. */
  Run run(int inFlight, Duration warmUp, Duration time) throws Exception;

  static Runner of(Load.Opener opener) {
    return (inFlight, warmUp, time) -> ClosedLoop.run(opener, inFlight, warmUp, time);
  }
}
