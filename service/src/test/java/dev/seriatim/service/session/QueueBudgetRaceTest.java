package dev.seriatim.service.session;

import dev.seriatim.service.HostLimits.QueueSize;
import dev.seriatim.service.ModelChecker;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Test;

/** A budget under a model checker: whatever the interleaving, it is as if one came at a time. */
@Param(name = "count", gen = IntGen.class, conf = "1:3")
@Param(name = "bytes", gen = IntGen.class, conf = "1:3")
public class QueueBudgetRaceTest {
  private final QueueBudget budget = new QueueBudget("the test", new QueueSize(4, 5));

  /** Takes room, as a frame does that arrives. */
  @Operation
  public int take(@Param(name = "count") int count, @Param(name = "bytes") int bytes) {
    return budget.take(count, bytes);
  }

  /** Gives room back, as a frame does whose turn has come. */
  @Operation
  public void release(@Param(name = "count") int count, @Param(name = "bytes") int bytes) {
    budget.release(count, bytes);
  }

  @Test
  void isLinearizable() {
    ModelChecker.options()
        .iterations(10)
        .invocationsPerIteration(200)
        .threads(2)
        .actorsPerThread(3)
        .check(QueueBudgetRaceTest.class);
  }
}
