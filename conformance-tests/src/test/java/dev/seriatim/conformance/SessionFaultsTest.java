package dev.seriatim.conformance;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.util.Durations;
import com.google.rpc.ErrorInfo;
import dev.seriatim.conformance.v1.AppendResponse;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Outcome;
import dev.seriatim.v1.Session;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The runner finds what a host does wrong with sessions: a host that says what each test says. */
@Timeout(120)
final class SessionFaultsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** Two calls on one connection, and the outcome of the second again on the next. */
  private static final String TWICE =
      """
      cases {
        name: "twice" rules: 24 requires: "sessions" description: "An outcome is told again."
        steps {
          send {
            stub: "a" open { namespace: "PROBE" name: "${o}" session { id: "${s}" connection: 1 } }
            calls { append { mark: "${seq}" } repeat: 2 }
          }
        }
        steps {
          expect {
            stub: "a" opened { name: "${o}" session_completed_through: 0 }
            outcomes { append {} repeat: 2 } end { codes: ABORTED }
          }
        }
        steps {
          send {
            stub: "a2"
            open { namespace: "PROBE" name: "${o}" session { id: "${s}" connection: 2 answered_through: 1 } }
          }
        }
        steps {
          expect {
            stub: "a2" opened { name: "${o}" session_completed_through: 2 }
            outcomes { append { mark: "2" } }
          }
        }
      }
      """;

  private static final String REFUSED =
      """
      cases {
        name: "refused" reasons: "SESSION_EXPIRED" requires: "sessions" description: "Too late."
        steps {
          send {
            stub: "a"
            open { namespace: "PROBE" name: "${o}" session { id: "${s}" connection: 2 answered_through: 5 } }
          }
        }
        steps { expect { stub: "a" broken { reason: "SESSION_EXPIRED" } } }
      }
      """;

  private static final String ORDINARY =
      """
      cases {
        name: "ordinary" rules: 1 description: "A stub without a session."
        steps { send { stub: "a" open { namespace: "PROBE" name: "${o}" } } }
        steps { expect { stub: "a" opened { name: "${o}" } } }
      }
      """;

  /** What a host says on one connection, and how it ends it; OK doesn't end it. */
  private record Said(List<ConnectResponse.Builder> frames, Status end) {}

  private final Queue<Said> script = new ConcurrentLinkedQueue<>();
  private final Queue<Session> asked = new ConcurrentLinkedQueue<>();

  private static ConnectResponse.Builder opened(long completedThrough) {
    return ConnectResponse.newBuilder()
        .setOpened(
            Opened.newBuilder()
                .setId("0".repeat(64))
                .setSession(
                    OpenedSession.newBuilder()
                        .setCompletedThrough(completedThrough)
                        .setRetention(Durations.fromMinutes(10))));
  }

  private static ConnectResponse.Builder outcomes(long... numbers) {
    ConnectResponse.Builder frame = ConnectResponse.newBuilder();
    for (long number : numbers) {
      frame.addOutcomes(
          Outcome.newBuilder()
              .setSequence(number)
              .setMessage(
                  AppendResponse.newBuilder()
                      .setMark(String.valueOf(number))
                      .build()
                      .toByteString()));
    }
    return frame;
  }

  private static Said first() {
    return new Said(List.of(opened(0), outcomes(1, 2)), Status.ABORTED);
  }

  private static Said broken(String reason, Status end, long completedThrough) {
    return new Said(
        List.of(
            ConnectResponse.newBuilder()
                .setBroken(
                    Broken.newBuilder()
                        .setCompletedThrough(completedThrough)
                        .setCause(
                            com.google.rpc.Status.newBuilder()
                                .setCode(end.getCode().value())
                                .addDetails(
                                    Any.pack(
                                        ErrorInfo.newBuilder()
                                            .setReason(reason)
                                            .setDomain("seriatim.dev")
                                            .build()))))),
        end);
  }

  /** What the runner says of a host that says this on one connection after the other. */
  private String run(String text, Said... connections) throws Exception {
    script.addAll(List.of(connections));
    Server server =
        InProcessServerBuilder.forName("sessions").addService(new Host()).build().start();
    try {
      return new CaseRunner(new Reached(), PATIENCE)
          .run(CaseFiles.parse("test", text).getFirst())
          .message();
    } finally {
      server.shutdownNow().awaitTermination();
    }
  }

  private final class Host extends DurableObjectsGrpc.DurableObjectsImplBase {
    @Override
    public StreamObserver<ConnectRequest> connect(StreamObserver<ConnectResponse> reply) {
      return new StreamObserver<>() {
        @Override
        public void onNext(ConnectRequest frame) {
          asked.add(frame.getOpen().getSession());
          Said said = script.remove();
          for (ConnectResponse.Builder one : said.frames()) {
            if (one.hasOpened()) {
              one.getOpenedBuilder().setName(frame.getOpen().getName());
            }
            reply.onNext(one.build());
          }
          if (!said.end().isOk()) {
            reply.onError(said.end().asRuntimeException());
          }
        }

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onCompleted() {}
      };
    }
  }

  private static final class Reached implements Target {
    @Override
    public ManagedChannel connect() {
      return InProcessChannelBuilder.forName("sessions").build();
    }

    @Override
    public Set<String> features() {
      return Set.of("sessions");
    }

    @Override
    public void drain() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void openGate(String gate) {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void nothingWrong() throws Exception {
    assertThat(run(TWICE, first(), new Said(List.of(opened(2), outcomes(2)), Status.OK))).isEmpty();

    List<Session> sessions = List.copyOf(asked);
    assertThat(sessions.get(0).getId().size()).isEqualTo(16);
    assertThat(sessions.get(1).getId()).isEqualTo(sessions.get(0).getId());
  }

  @Test
  void nothingWrongInPlaceOfOpened() throws Exception {
    Status end = Status.FAILED_PRECONDITION;

    assertThat(run(REFUSED, broken("SESSION_EXPIRED", end, 0))).isEmpty();
    assertThat(run(REFUSED, broken("SESSION_EXPIRED", end, 5))).isEmpty();
  }

  @Test
  void aSessionThatIsNotEchoed() throws Exception {
    ConnectResponse.Builder silent = opened(0);
    silent.getOpenedBuilder().clearSession();

    assertThat(run(TWICE, new Said(List.of(silent), Status.OK)))
        .contains("opened has no session, expected one");
  }

  @Test
  void aSessionThatWasNotAskedFor() throws Exception {
    assertThat(run(ORDINARY, new Said(List.of(opened(0)), Status.OK)))
        .contains("opened has a session, though open had none");
  }

  @Test
  void aSessionThatIsNotKept() throws Exception {
    ConnectResponse.Builder opened = opened(0);
    opened.getOpenedBuilder().getSessionBuilder().clearRetention();

    assertThat(run(TWICE, new Said(List.of(opened), Status.OK)))
        .contains("opened.session has no retention");
  }

  @Test
  void aHostThatStandsBelowWhatIsAnswered() throws Exception {
    assertThat(run(TWICE, first(), new Said(List.of(opened(0)), Status.OK)))
        .contains("opened.session.completed_through is 0, expected 1 to 2");
  }

  @Test
  void aHostThatStandsAboveWhatWasSent() throws Exception {
    assertThat(run(TWICE, first(), new Said(List.of(opened(3)), Status.OK)))
        .contains("opened.session.completed_through is 3, expected 1 to 2");
  }

  @Test
  void aHostThatHasForgotten() throws Exception {
    assertThat(run(TWICE, first(), new Said(List.of(opened(1)), Status.OK)))
        .contains("opened.session.completed_through is 1, expected 2");
  }

  @Test
  void anOutcomeThatIsAnswered() throws Exception {
    assertThat(run(TWICE, first(), new Said(List.of(opened(2), outcomes(1, 2)), Status.OK)))
        .contains("rule 3: outcome 1 came after outcome 1, expected 2");
  }

  @Test
  void aBreakInPlaceOfAnEnd() throws Exception {
    Said superseded = broken("SESSION_SUPERSEDED", Status.ABORTED, 2);
    Said connection =
        new Said(
            List.of(opened(0), outcomes(1, 2), superseded.frames().getFirst()), superseded.end());

    assertThat(run(TWICE, connection)).contains("expected the end of the call, but broken");
  }
}
