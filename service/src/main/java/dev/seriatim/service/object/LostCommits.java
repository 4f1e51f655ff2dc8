package dev.seriatim.service.object;

import dev.seriatim.service.session.Loss;
import dev.seriatim.service.session.OutputGate;
import dev.seriatim.service.storage.CommitListener;

/** Opens an object's gate as its commits become durable, and resets the object when they fail. */
final class LostCommits implements CommitListener {
  private final LiveObject object;
  private final OutputGate gate;

  LostCommits(LiveObject object, OutputGate gate) {
    this.object = object;
    this.gate = gate;
  }

  @Override
  public void durable(long commit, boolean idle) {
    MountedThread.Starter here = idle ? object.host().threadStarter() : null;
    gate.open(commit, here == null ? object.host().threads() : here);
  }

  @Override
  public void failed(long first, long last, Throwable cause) {
    lose(Loss.of(first, last, ThrownCause.reset("a commit failed: " + cause.getMessage(), cause)));
  }

  @Override
  public void inDoubt(long first, long lastInDoubt, long last, Throwable cause) {
    lose(
        new Loss(
            first,
            lastInDoubt,
            last,
            ThrownCause.reset("a commit is in doubt: " + cause.getMessage(), cause)));
  }

  private void lose(Loss loss) {
    gate.fail(loss, object.host().threads());
    // The turn that runs now has seen what is lost. Its end would be refused; it needn't go on so
    // long. A thread of its own, for this one is the committer.
    object.host().threads().execute(() -> object.cutOff().lost(loss.cause()));
  }
}
