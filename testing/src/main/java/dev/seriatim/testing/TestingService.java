package dev.seriatim.testing;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.AdvanceClockRequest;
import dev.seriatim.admin.v1.AdvanceClockResponse;
import dev.seriatim.admin.v1.BreakNextCallRequest;
import dev.seriatim.admin.v1.BreakNextCallResponse;
import dev.seriatim.admin.v1.DropConnectionsRequest;
import dev.seriatim.admin.v1.DropConnectionsResponse;
import dev.seriatim.admin.v1.FailNextCommitRequest;
import dev.seriatim.admin.v1.FailNextCommitResponse;
import dev.seriatim.admin.v1.GetClockRequest;
import dev.seriatim.admin.v1.GetClockResponse;
import dev.seriatim.admin.v1.HoldCommitsRequest;
import dev.seriatim.admin.v1.HoldCommitsResponse;
import dev.seriatim.admin.v1.LoseCommitAnswerRequest;
import dev.seriatim.admin.v1.LoseCommitAnswerResponse;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ReleaseCommitsRequest;
import dev.seriatim.admin.v1.ReleaseCommitsResponse;
import dev.seriatim.admin.v1.ResetRequest;
import dev.seriatim.admin.v1.ResetResponse;
import dev.seriatim.admin.v1.TestingGrpc;
import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * {@code seriatim.admin.v1.Testing}: what tests in other processes do to a host. Safe for any
 * number of threads; its methods block.
 */
final class TestingService extends TestingGrpc.TestingImplBase {
  /** The attributes of the call, among which is its connection. */
  static final Context.Key<Attributes> CALL =
      Context.keyWithDefault("seriatim-testing-call", Attributes.EMPTY);

  /** Does what is asked, and gives back the answer. */
  @FunctionalInterface
  private interface Answer<R> {
    R get() throws Exception;
  }

  private final ServedHost host;

  TestingService(ServedHost host) {
    this.host = host;
  }

  /** Answers, or says why not. */
  private static <R> void answer(StreamObserver<R> reply, Answer<R> answer) {
    R response;
    try {
      response = answer.get();
    } catch (IllegalArgumentException e) {
      reply.onError(failed(Status.INVALID_ARGUMENT, e));
      return;
    } catch (AssertionError e) { // Something that was waited for never came.
      reply.onError(failed(Status.DEADLINE_EXCEEDED, e));
      return;
    } catch (Exception e) {
      reply.onError(failed(Status.INTERNAL, e));
      return;
    }
    reply.onNext(response);
    reply.onCompleted();
  }

  private static Exception failed(Status status, Throwable why) {
    return status.withDescription(why.getMessage()).withCause(why).asException();
  }

  @Override
  public void getClock(GetClockRequest request, StreamObserver<GetClockResponse> reply) {
    answer(reply, () -> GetClockResponse.newBuilder().setNow(now()).build());
  }

  @Override
  public void advanceClock(
      AdvanceClockRequest request, StreamObserver<AdvanceClockResponse> reply) {
    answer(
        reply,
        () -> {
          host.clock().advance(by(request));
          return AdvanceClockResponse.newBuilder().setNow(now()).build();
        });
  }

  private java.time.Duration by(AdvanceClockRequest request) {
    return switch (request.getHowCase()) {
      case BY ->
          java.time.Duration.ofNanos(Durations.toNanos(Durations.checkValid(request.getBy())));
      case TO -> {
        Timestamp to = Timestamps.checkValid(request.getTo());
        Instant time = Instant.ofEpochSecond(to.getSeconds(), to.getNanos());
        java.time.Duration by = java.time.Duration.between(host.clock().now(), time);
        if (by.isNegative()) {
          throw new IllegalArgumentException(
              "to %s, expected no time before the host's, which is %s"
                  .formatted(time, host.clock().now()));
        }
        yield by;
      }
      case HOW_NOT_SET -> throw new IllegalArgumentException("neither by nor to, expected one");
    };
  }

  private Timestamp now() {
    Instant now = host.clock().now();
    return Timestamp.newBuilder().setSeconds(now.getEpochSecond()).setNanos(now.getNano()).build();
  }

  @Override
  public void failNextCommit(
      FailNextCommitRequest request, StreamObserver<FailNextCommitResponse> reply) {
    host.commits().failNext();
    answer(reply, FailNextCommitResponse::getDefaultInstance);
  }

  @Override
  public void holdCommits(HoldCommitsRequest request, StreamObserver<HoldCommitsResponse> reply) {
    host.commits().hold();
    answer(reply, HoldCommitsResponse::getDefaultInstance);
  }

  @Override
  public void releaseCommits(
      ReleaseCommitsRequest request, StreamObserver<ReleaseCommitsResponse> reply) {
    host.commits().releaseAll();
    answer(reply, ReleaseCommitsResponse::getDefaultInstance);
  }

  @Override
  public void loseCommitAnswer(
      LoseCommitAnswerRequest request, StreamObserver<LoseCommitAnswerResponse> reply) {
    host.commits().loseNextAnswer();
    answer(reply, LoseCommitAnswerResponse::getDefaultInstance);
  }

  @Override
  public void breakNextCall(
      BreakNextCallRequest request, StreamObserver<BreakNextCallResponse> reply) {
    answer(
        reply,
        () -> {
          ObjectName object = request.getObject();
          host.breaks().breakNext(host.address(object).id(), request.getReason());
          return BreakNextCallResponse.getDefaultInstance();
        });
  }

  @Override
  public void dropConnections(
      DropConnectionsRequest request, StreamObserver<DropConnectionsResponse> reply) {
    @Nullable Attributes own = CALL.get();
    answer(
        reply,
        () -> {
          host.cutConnections(requireNonNull(own));
          return DropConnectionsResponse.getDefaultInstance();
        });
  }

  @Override
  public void reset(ResetRequest request, StreamObserver<ResetResponse> reply) {
    answer(
        reply,
        () -> {
          host.reset();
          return ResetResponse.getDefaultInstance();
        });
  }
}
