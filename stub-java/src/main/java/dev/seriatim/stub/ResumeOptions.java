package dev.seriatim.stub;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.time.Duration;

/**
 * How a {@linkplain DurableObjectNamespace#resumable() resumable} stub goes on when its connection
 * is lost. Immutable.
 */
public final class ResumeOptions {
  private static final ResumeOptions DEFAULTS = builder().build();

  private final Duration resumeTimeout;
  private final Duration resumeBackoff;
  private final Duration maxResumeBackoff;
  private final Duration overloadedBackoff;
  private final int maxResumesWithoutProgress;

  private ResumeOptions(Builder builder) {
    resumeTimeout = builder.resumeTimeout;
    resumeBackoff = builder.resumeBackoff;
    maxResumeBackoff = builder.maxResumeBackoff;
    overloadedBackoff = builder.overloadedBackoff;
    maxResumesWithoutProgress = builder.maxResumesWithoutProgress;
  }

  /** The defaults. */
  public static ResumeOptions defaults() {
    return DEFAULTS;
  }

  /** A builder that starts with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * How long a stub tries to resume. Then it is broken with what it lost its connection by; calls
   * that were sent are {@link Fate#UNKNOWN}, unless the host has said otherwise. Default: 60 s.
   *
   * <p>It gives up before that when its oldest call without an answer was sent longer ago than half
   * of the time that its host remembers sessions, by the host's default 10 minutes. A stub all of
   * whose calls are answered doesn't try before it is called again, however much later that is; the
   * time then begins with the call.
   */
  public Duration resumeTimeout() {
    return resumeTimeout;
  }

  /**
   * The pause before a stub tries for the second time; the first time it tries at once. Pauses
   * double from one time to the next until a call is answered, and up to half of each is left out,
   * at random. Default: 50 ms.
   */
  public Duration resumeBackoff() {
    return resumeBackoff;
  }

  /** The longest pause. Default: 5 s. */
  public Duration maxResumeBackoff() {
    return maxResumeBackoff;
  }

  /**
   * The first pause if there is too much to do on the other side, where a stub never tries at once.
   * Default: 1 s.
   */
  public Duration overloadedBackoff() {
    return overloadedBackoff;
  }

  /**
   * How often in a row a stub may resume, and lose the connection again without one more answer to
   * the calls that wait for one: an object that aborts itself each time doesn't go on for ever. The
   * stub is then broken by the last cause. Default: 10.
   */
  public int maxResumesWithoutProgress() {
    return maxResumesWithoutProgress;
  }

  /** Makes {@link ResumeOptions}. For one thread. */
  public static final class Builder {
    private Duration resumeTimeout = Duration.ofSeconds(60);
    private Duration resumeBackoff = Duration.ofMillis(50);
    private Duration maxResumeBackoff = Duration.ofSeconds(5);
    private Duration overloadedBackoff = Duration.ofSeconds(1);
    private int maxResumesWithoutProgress = 10;

    private Builder() {}

    /** See {@link ResumeOptions#resumeTimeout()}. More than zero. */
    @CanIgnoreReturnValue
    public Builder resumeTimeout(Duration timeout) {
      resumeTimeout = DurationRange.positive("resumeTimeout", timeout);
      return this;
    }

    /** See {@link ResumeOptions#resumeBackoff()}. At least 1 ms. */
    @CanIgnoreReturnValue
    public Builder resumeBackoff(Duration pause) {
      resumeBackoff = DurationRange.atLeastOneMilli("resumeBackoff", pause);
      return this;
    }

    /** See {@link ResumeOptions#maxResumeBackoff()}. At least 1 ms. */
    @CanIgnoreReturnValue
    public Builder maxResumeBackoff(Duration pause) {
      maxResumeBackoff = DurationRange.atLeastOneMilli("maxResumeBackoff", pause);
      return this;
    }

    /** See {@link ResumeOptions#overloadedBackoff()}. At least 1 ms. */
    @CanIgnoreReturnValue
    public Builder overloadedBackoff(Duration pause) {
      overloadedBackoff = DurationRange.atLeastOneMilli("overloadedBackoff", pause);
      return this;
    }

    /** See {@link ResumeOptions#maxResumesWithoutProgress()}. At least 1. */
    @CanIgnoreReturnValue
    public Builder maxResumesWithoutProgress(int resumes) {
      maxResumesWithoutProgress = CountRange.atLeastOne("maxResumesWithoutProgress", resumes);
      return this;
    }

    /** The options. */
    public ResumeOptions build() {
      return new ResumeOptions(this);
    }
  }
}
