package dev.seriatim.service.caller;

import dev.seriatim.service.Authenticator;
import dev.seriatim.service.Authorizer;
import java.time.InstantSource;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * What a host asks its callers for.
 *
 * @param authentication finds out who calls; null if nobody is asked
 * @param authorization says what callers may do; null if they may do everything, for ever
 */
public record Callers(
    @Nullable Authentication authentication, @Nullable Authorization authorization) {
  /**
   * What a host with these asks for: nothing, if it has neither.
   *
   * @param clock by which credentials run out
   * @param timer runs each of its tasks on a thread that may be held up
   */
  public static Callers of(
      @Nullable Authenticator authenticator,
      @Nullable Authorizer authorizer,
      InstantSource clock,
      ScheduledExecutorService timer) {
    if (authenticator == null && authorizer == null) {
      return new Callers(null, null);
    }
    Authorization authorization = new Authorization(authorizer, clock, timer);
    if (authenticator == null) {
      return new Callers(null, authorization);
    }
    authenticator.onChange(authorization::credentialsChanged);
    return new Callers(new Authentication(authenticator, clock), authorization);
  }
}
