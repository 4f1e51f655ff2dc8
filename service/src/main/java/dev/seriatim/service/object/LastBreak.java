package dev.seriatim.service.object;

import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.FailedTurn;
import dev.seriatim.v1.Broken;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How a stub broke. Immutable.
 *
 * @param time when its client was told
 * @param reason the reason's name
 * @param message what was said
 * @param method what was called that has broken it; empty if nothing was
 */
public record LastBreak(Instant time, String reason, String message, String method) {
  static LastBreak of(Instant time, Broken broken, @Nullable FailedTurn turn) {
    return new LastBreak(
        time,
        BreakCause.reason(broken.getCause()).name(),
        broken.getCause().getMessage(),
        turn == null ? "" : turn.method());
  }
}
