package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import dev.seriatim.wire.Content;
import io.grpc.Deadline;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A call without a caller, which counts its ends. */
class CountedCall extends PendingCall {
  private final AtomicInteger ends = new AtomicInteger();
  private volatile @Nullable CallFailure failure;

  CountedCall(@Nullable Deadline deadline) {
    super("Echo", Content.of(ByteString.EMPTY), deadline, Map.of());
  }

  /** How often it has ended. */
  final int ends() {
    return ends.get();
  }

  /** How it has failed; null if it hasn't. */
  final @Nullable CallFailure failure() {
    return failure;
  }

  @Override
  void succeed(ByteString result) {
    ends.incrementAndGet();
  }

  @Override
  final void fail(CallFailure failed) {
    failure = failed;
    ends.incrementAndGet();
  }
}
