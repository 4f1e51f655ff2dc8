package dev.seriatim.stub;

import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The values behind {@link ClientOptions}, which says what each means: their defaults, and a copy.
 * Only its builder writes them, into a copy of its own.
 */
final class OptionValues {
  final CallLimits limits;
  Duration deadlineGrace = Duration.ofSeconds(1);
  Duration openTimeout = Duration.ofSeconds(10);
  Duration endTimeout = Duration.ofSeconds(10);
  Duration describeTimeout = Duration.ofSeconds(10);
  Duration keepAliveTime = Duration.ofSeconds(30);
  Duration keepAliveTimeout = Duration.ofSeconds(10);
  Duration maxReconnectDelay = Duration.ofMillis(500);
  Duration sharedCallIdleTimeout = Duration.ofSeconds(10);
  int sharedCalls;
  boolean followRoutes;
  int maxRoutes = 1024;
  @Nullable Function<String, ManagedChannel> routeChannels;
  Supplier<Map<String, String>> invocationMetadata = Map::of;
  @Nullable Executor executor;
  @Nullable ScheduledExecutorService scheduler;

  /** The defaults. */
  OptionValues() {
    limits = new CallLimits();
  }

  OptionValues(OptionValues values) {
    limits = new CallLimits(values.limits);
    deadlineGrace = values.deadlineGrace;
    openTimeout = values.openTimeout;
    endTimeout = values.endTimeout;
    describeTimeout = values.describeTimeout;
    keepAliveTime = values.keepAliveTime;
    keepAliveTimeout = values.keepAliveTimeout;
    maxReconnectDelay = values.maxReconnectDelay;
    sharedCallIdleTimeout = values.sharedCallIdleTimeout;
    sharedCalls = values.sharedCalls;
    followRoutes = values.followRoutes;
    maxRoutes = values.maxRoutes;
    routeChannels = values.routeChannels;
    invocationMetadata = values.invocationMetadata;
    executor = values.executor;
    scheduler = values.scheduler;
  }
}
