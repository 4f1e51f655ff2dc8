package dev.seriatim.conformance.client;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.conformance.client.ClientResult.Verdict;
import dev.seriatim.conformance.v1.ClientCase;
import dev.seriatim.conformance.v1.DriverRequest;
import dev.seriatim.conformance.v1.DriverResponse;
import dev.seriatim.conformance.v1.DriverResult;
import dev.seriatim.conformance.v1.DriverStubState;
import dev.seriatim.conformance.v1.SayRequest;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Session;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The runner finds what a client does wrong with sessions: a client that sends what each test says.
 */
@Timeout(120)
final class ResumeFaultsTest {
  /** Two calls, whose connection ends, and a second one on which both are sent again. */
  private static final ClientCase TWICE = named("resume/ended-as-superseded");

  private static final ByteString ID = ByteString.copyFrom(new byte[16]);

  private static ClientCase named(String name) {
    return ClientCaseFiles.load().stream()
        .filter(one -> one.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** One connection: what is sent at once, and what is sent when the host has said `opened`. */
  private record Connection(ConnectRequest.Builder first, ConnectRequest.Builder then) {}

  /** What a client does that is right, on its two connections. */
  private static List<Connection> right() {
    return List.of(
        new Connection(invoking(opening(1, 0), 1, 2), ConnectRequest.newBuilder()),
        new Connection(opening(2, 5), invoking(ConnectRequest.newBuilder(), 1, 2)));
  }

  private static ConnectRequest.Builder opening(int connection, long unansweredMillis) {
    Session.Builder session = Session.newBuilder().setId(ID).setConnection(connection);
    if (unansweredMillis > 0) {
      session.setUnansweredFor(Durations.fromMillis(unansweredMillis));
    }
    return ConnectRequest.newBuilder()
        .setOpen(Open.newBuilder().setNamespace("PROBE").setName("foo").setSession(session));
  }

  private static ConnectRequest.Builder invoking(ConnectRequest.Builder frame, int... numbers) {
    for (int number : numbers) {
      frame.addInvocations(
          Invocation.newBuilder()
              .setSequence(number)
              .setMethod("Say")
              .setMessage(
                  SayRequest.newBuilder().setText(String.valueOf(number)).build().toByteString()));
    }
    return frame;
  }

  private static Session.Builder session(Connection connection) {
    return connection.first().getOpenBuilder().getSessionBuilder();
  }

  /** Does what is right, but for what this changes. */
  private static ClientResult with(Consumer<List<Connection>> fault) throws InterruptedException {
    List<Connection> connections = right();
    fault.accept(connections);
    return play(TWICE, connections, true);
  }

  private static ClientResult play(
      ClientCase testCase, List<Connection> connections, boolean resumable)
      throws InterruptedException {
    return new ClientCaseRunner(
            request ->
                request.getStepsCount() == 0
                    ? DriverResponse.newBuilder().addFeatures("resumable").build()
                    : play(request, connections, resumable))
        .run(testCase);
  }

  private static DriverResponse play(
      DriverRequest request, List<Connection> connections, boolean resumable)
      throws DriverException, InterruptedException {
    ManagedChannel channel =
        Grpc.newChannelBuilder(request.getTarget(), InsecureChannelCredentials.create()).build();
    try {
      for (Connection connection : connections) {
        play(channel, connection);
      }
    } finally {
      channel.shutdownNow();
    }
    DriverResponse.Builder response = DriverResponse.newBuilder().addFeatures("resumable");
    IntStream.rangeClosed(1, 2)
        .forEach(
            call ->
                response.addResults(
                    DriverResult.newBuilder().setOk(true).setText(String.valueOf(call))));
    return response
        .addStubs(DriverStubState.newBuilder().setStub("a").setResumable(resumable))
        .build();
  }

  private static void play(ManagedChannel channel, Connection connection)
      throws DriverException, InterruptedException {
    CountDownLatch opened = new CountDownLatch(1);
    CountDownLatch done = new CountDownLatch(1);
    StreamObserver<ConnectRequest> requests =
        DurableObjectsGrpc.newStub(channel)
            .connect(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ConnectResponse frame) {
                    if (frame.hasOpened()) {
                      opened.countDown();
                    }
                    if (frame.getOutcomesList().stream().anyMatch(one -> one.getSequence() == 2)) {
                      done.countDown();
                    }
                  }

                  @Override
                  public void onError(Throwable failure) {
                    opened.countDown();
                    done.countDown();
                  }

                  @Override
                  public void onCompleted() {
                    opened.countDown();
                    done.countDown();
                  }
                });
    requests.onNext(connection.first().build());
    await(opened);
    if (connection.then().getInvocationsCount() > 0) {
      requests.onNext(connection.then().build());
    }
    await(done);
    requests.onCompleted(); // Scripts wait for it.
  }

  private static void await(CountDownLatch latch) throws DriverException, InterruptedException {
    if (!latch.await(30, TimeUnit.SECONDS)) {
      throw DriverException.hang("the host never answered");
    }
  }

  private static void assertFound(ClientResult result, String problem) {
    assertThat(result.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(String.join("\n", result.problems())).contains(problem);
  }

  @Test
  void nothingWrong() throws Exception {
    assertThat(with(_ -> {}).problems()).isEmpty();
  }

  @Test
  void aNumberMayBeLeftOut() throws Exception {
    assertThat(with(all -> session(all.get(1)).setConnection(7)).problems()).isEmpty();
  }

  @Test
  void aLibraryWithoutSessions() throws Exception {
    ClientResult result = new ClientCaseRunner(_ -> DriverResponse.getDefaultInstance()).run(TWICE);

    assertThat(result.verdict()).isEqualTo(Verdict.SKIPPED);
  }

  @Test
  void aStubWithoutASession() throws Exception {
    assertFound(
        with(all -> all.forEach(one -> one.first().getOpenBuilder().clearSession())),
        "stub's call 1 has no session");
  }

  @Test
  void aSessionUnasked() throws Exception {
    ClientCase.Builder ordinary = TWICE.toBuilder();
    ordinary.getCallerBuilder(0).getOpenBuilder().setResumable(false);

    assertFound(play(ordinary.build(), right(), false), "stub's call 1 has a session");
  }

  @Test
  void anIdThatIsTooShort() throws Exception {
    assertFound(
        with(all -> all.forEach(one -> session(one).setId(ID.substring(1)))),
        "session.id has 15 bytes, expected 16");
  }

  @Test
  void anIdThatChanges() throws Exception {
    assertFound(
        with(all -> session(all.get(1)).setId(ByteString.copyFromUtf8("0123456789abcdef"))),
        "no script is left for a stub's call that opens");
  }

  @Test
  void aFirstConnectionThatIsNumberTwo() throws Exception {
    assertFound(
        with(
            all -> {
              session(all.get(0)).setConnection(2);
              session(all.get(1)).setConnection(3);
            }),
        "connection 1: connection is 2, expected 1");
  }

  @Test
  void aNumberThatStays() throws Exception {
    assertFound(
        with(all -> session(all.get(1)).setConnection(1)),
        "connection 2: connection is 1, expected more than 1");
  }

  @Test
  void anAnswerThatWasNotSent() throws Exception {
    assertFound(
        with(all -> session(all.get(1)).setAnsweredThrough(2)),
        "answered_through is 2, expected at most 0");
  }

  @Test
  void anAgeThatIsMissing() throws Exception {
    assertFound(
        with(all -> session(all.get(1)).clearUnansweredFor()),
        "unanswered_for is not set, though an invocation behind 0 is");
  }

  @Test
  void anAgeOnTheFirstConnection() throws Exception {
    ClientCase testCase =
        TWICE.toBuilder().setHost(0, TWICE.getHost(0).toBuilder().setUnanswered(false)).build();
    List<Connection> connections = right();
    session(connections.get(0)).setUnansweredFor(Durations.fromMillis(1));

    assertFound(
        play(testCase, connections, true),
        "connection 1: unanswered_for is set, expected otherwise");
  }

  @Test
  void anAgeThatCannotBe() throws Exception {
    assertFound(
        with(all -> session(all.get(1)).setUnansweredFor(Durations.fromSeconds(3600))),
        "unanswered_for is 3600 s");
  }

  @Test
  void anAgeThatFalls() throws Exception {
    List<Connection> three =
        List.of(
            new Connection(invoking(opening(1, 0), 1, 2), ConnectRequest.newBuilder()),
            new Connection(opening(2, 50), ConnectRequest.newBuilder()),
            new Connection(opening(3, 20), invoking(ConnectRequest.newBuilder(), 2)));

    assertFound(
        play(named("resume/superseded-by-itself"), three, true),
        "unanswered_for is 20 ms, though it was 50 ms for the same before");
  }

  @Test
  void anInvocationBeforeOpened() throws Exception {
    assertFound(
        with(
            all -> {
              invoking(all.get(1).first(), 1, 2);
              all.get(1).then().clear();
            }),
        "2 invocations came before 'opened'");
  }

  @Test
  void anInvocationThatIsLeftOut() throws Exception {
    assertFound(
        with(all -> invoking(all.get(1).then().clear(), 2, 3)),
        "invocation 2, expected invocation 1");
  }

  @Test
  void anAcknowledgementOfWhatWasNotSent() throws Exception {
    assertFound(
        with(all -> all.get(1).then().setAcknowledgedThrough(1)),
        "connection 2: acknowledged_through is 1, expected at most 0");
  }

  @Test
  void aStubThatIsNotResumed() throws Exception {
    assertFound(
        play(TWICE, right().subList(0, 1), true), "stub's call 1 had 1 connections, expected 2");
  }

  @Test
  void aConnectionTooMany() throws Exception {
    List<Connection> three =
        List.of(
            right().get(0),
            right().get(1),
            new Connection(opening(3, 5), ConnectRequest.newBuilder()));

    assertFound(
        play(TWICE, three, true), "no script is left for another connection of stub's call 1");
  }

  @Test
  void aStubThatDoesNotKnowWhatItIs() throws Exception {
    ClientCase testCase = TWICE.toBuilder().addResumable("a").build();

    assertFound(play(testCase, right(), false), "stub 'a': resumable 'false', expected 'true'");
  }
}
