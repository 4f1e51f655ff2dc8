package dev.seriatim.service.admin;

import dev.seriatim.service.Caller;
import dev.seriatim.service.caller.Identity;
import io.grpc.StatusException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs what is changed through the admin service: who, what, and what came of it. */
final class Audit {
  private static final Logger logger = LoggerFactory.getLogger(Audit.class);

  private Audit() {}

  /**
   * One change.
   *
   * @param method of the service
   * @param target what was changed, in words
   * @param failure what came of it; null if it is done
   */
  static void log(String method, String target, @Nullable StatusException failure) {
    Caller caller = Identity.current().caller();
    logger
        .atInfo()
        .addKeyValue("caller", caller.name())
        .addKeyValue("kind", caller.kind().name().toLowerCase(Locale.ROOT))
        .addKeyValue("method", method)
        .addKeyValue("target", target)
        .log(
            "an operator, {}: {} {}: {}",
            caller.name().isEmpty() ? "not known" : caller.name(),
            method,
            target,
            failure == null ? "done" : failure.getStatus().getCode() + ", not done");
  }
}
