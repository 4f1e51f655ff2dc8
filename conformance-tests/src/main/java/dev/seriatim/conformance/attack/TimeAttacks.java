package dev.seriatim.conformance.attack;

import com.google.protobuf.ListValue;
import com.google.protobuf.Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.attack.v1.EchoRequest;
import dev.seriatim.attack.v1.WorkRequest;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Attacks on the host's threads, and on what it logs. */
final class TimeAttacks {
  private static final String CONNECT = "seriatim.v1.DurableObjects/Connect";
  private static final String ECHO = "seriatim.attack.v1.Target/Echo";
  private static final EchoRequest SMALL = EchoRequest.newBuilder().setReplyBytes(1).build();

  private TimeAttacks() {}

  static List<Attack> all() {
    return List.of(
        new Attack(
            "deaf-turns",
            "turns with a timeout of 1 ms that sleep for 20 s and hear no interrupt",
            stage -> deafTurns(stage, true)),
        new Attack(
            "spinning-turns", "the same, but they compute", stage -> deafTurns(stage, false)),
        new Attack(
            "costly-after-cheap",
            "a method that is cheap a thousand times, and then takes 400 ms, again and again",
            TimeAttacks::costlyAfterCheap),
        new Attack(
            "costly-on-fresh-objects",
            "the same, the costly ones each on an object that was called a few times only",
            TimeAttacks::costlyOnFreshObjects),
        new Attack(
            "json-for-any-method",
            "4 MiB of JSON for a method whose turns are short",
            TimeAttacks::jsonForAnyMethod),
        new Attack("resets", "stubs that are opened and reset", TimeAttacks::resets),
        new Attack(
            "header-resets", "calls with a header that are reset", TimeAttacks::headerResets),
        new Attack(
            "churn", "a stub, a call and an end for each of very many names", TimeAttacks::churn),
        new Attack(
            "refused-churn",
            "the same with calls that are refused before their turn",
            TimeAttacks::refusedChurn),
        new Attack(
            "control-frames",
            "pings, settings and windows without end",
            TimeAttacks::controlFrames),
        new Attack(
            "content-types",
            "calls with a wrong content-type, and other requests that gRPC refuses",
            TimeAttacks::contentTypes),
        new Attack("malformed-messages", "messages that are none", TimeAttacks::malformedMessages),
        new Attack("fuzz", "frames of random bytes", TimeAttacks::fuzz));
  }

  private static void deafTurns(Stage stage, boolean sleep) throws Exception {
    ManagedChannel channel = stage.connect();
    WorkRequest work =
        WorkRequest.newBuilder().setSleep(sleep).setDuration(Durations.fromSeconds(20)).build();
    List<FrameStub> stubs = new ArrayList<>();
    for (int i = 0; !stage.isOver(); i++) {
      stubs.add(
          FrameStub.open(stage, channel, "deaf-" + i % 200)
              .invoke("Work", work, Durations.fromMillis(1)));
      stage.pause(i < 100 ? 1 : 10);
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void trainCheap(FrameStub stub, int calls) throws InterruptedException {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    WorkRequest nothing = WorkRequest.getDefaultInstance();
    for (int i = 0; i < calls; i++) {
      frame.addInvocations(stub.invocation("Work").setMessage(nothing.toByteString()));
    }
    stub.send(frame.build());
  }

  private static void costlyAfterCheap(Stage stage) throws Exception {
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    WorkRequest costly = WorkRequest.newBuilder().setDuration(Durations.fromMillis(400)).build();
    List<FrameStub> stubs = new ArrayList<>();
    int[] made = new int[channels.length];
    for (int i = 0; i < channels.length; i++) {
      stubs.add(FrameStub.open(stage, channels[i], "costly-" + i));
    }
    while (!stage.isOver()) {
      for (int i = 0; i < channels.length && !stage.isOver(); i++) {
        // Each in a frame of its own, so that the turn begins where the frame comes in.
        for (int j = 0; j < 40; j++) {
          trainCheap(stubs.get(i), 50);
          made[i] += 50;
          stubs.get(i).awaitOutcomes(made[i], 5_000);
        }
        stubs.get(i).invoke("Work", costly);
        made[i]++;
        stubs.get(i).awaitOutcomes(made[i], 5_000);
      }
    }
  }

  private static void costlyOnFreshObjects(Stage stage) throws Exception {
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    WorkRequest costly = WorkRequest.newBuilder().setDuration(Durations.fromMillis(50)).build();
    FrameStub trainer = FrameStub.open(stage, channels[0], "trainer");
    int trained = 0;
    for (int i = 0; !stage.isOver(); i++) {
      trainCheap(trainer, 2_000);
      trained += 2_000;
      trainer.awaitOutcomes(trained, 5_000);
      FrameStub fresh = FrameStub.open(stage, channels[i % 3], "fresh-" + i);
      trainCheap(fresh, 1);
      fresh.awaitOutcomes(1, 5_000);
      for (int j = 2; j < 7 && !stage.isOver(); j++) {
        fresh.invoke("Work", costly).awaitOutcomes(j, 5_000);
      }
      fresh.cancel();
    }
  }

  private static void jsonForAnyMethod(Stage stage) throws Exception {
    ListValue.Builder words = ListValue.newBuilder();
    for (int i = 0; i < 200_000; i++) {
      words.addValues(Value.newBuilder().setStringValue("a word").build());
    }
    Value json = Value.newBuilder().setListValue(words).build();
    ManagedChannel channel = stage.connect();
    FrameStub trainer = FrameStub.open(stage, channel, "json-trainer");
    for (int i = 0; i < 20; i++) {
      trainCheap(trainer, 500);
      trainer.awaitOutcomes((i + 1) * 500, 5_000);
    }
    List<FrameStub> stubs = new ArrayList<>();
    for (int i = 0; !stage.isOver(); i++) {
      FrameStub stub = FrameStub.open(stage, channel, "json-" + i % 10);
      if (stub.awaitReady(1_000)) {
        stub.invoke("Work", json);
      }
      stubs.add(stub);
      stage.pause(2);
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void resets(Stage stage) throws Exception {
    onRawConnections(
        stage,
        4,
        (connection, i) ->
            connection
                .call(CONNECT)
                .message(
                    ConnectRequest.newBuilder()
                        .setOpen(FrameStub.target("reset-" + i))
                        .addInvocations(
                            Invocation.newBuilder()
                                .setSequence(1)
                                .setMethod("Echo")
                                .setMessage(SMALL.toByteString()))
                        .build())
                .reset());
  }

  private static void headerResets(Stage stage) throws Exception {
    onRawConnections(
        stage,
        4,
        (connection, i) -> {
          RawStream stream =
              connection.call(ECHO, "seriatim-object", TargetNamespace.NAME + "/reset-" + i);
          stream.message(SMALL).end();
          stream.reset();
        });
  }

  private static void refusedChurn(Stage stage) throws Exception {
    onRawConnections(
        stage,
        4,
        (connection, i) -> {
          RawStream stream =
              connection
                  .call(CONNECT)
                  .message(
                      ConnectRequest.newBuilder()
                          .setOpen(FrameStub.target("refused-" + i))
                          .addInvocations(
                              Invocation.newBuilder().setSequence(1).setMethod("NoSuch"))
                          .build());
          stream.end();
        });
  }

  private static void churn(Stage stage) throws Exception {
    onRawConnections(
        stage,
        4,
        (connection, i) -> {
          RawStream stream =
              connection
                  .call(CONNECT)
                  .message(
                      ConnectRequest.newBuilder()
                          .setOpen(FrameStub.target("churn-" + i))
                          .addInvocations(
                              Invocation.newBuilder()
                                  .setSequence(1)
                                  .setMethod("Echo")
                                  .setMessage(SMALL.toByteString()))
                          .build());
          stream.end();
        });
  }

  private static void controlFrames(Stage stage) throws Exception {
    byte[] window = {0, 0, 0, 1};
    onRawConnections(
        stage,
        4,
        (connection, i) -> {
          connection.frame(RawConnection.SETTINGS, 0, 0, new byte[0]);
          connection.frame(RawConnection.WINDOW_UPDATE, 0, 0, window);
          if (i % 1_000 == 0) {
            connection.ping();
          }
        });
  }

  private static void contentTypes(Stage stage) throws Exception {
    onRawConnections(
        stage,
        4,
        (connection, i) -> {
          String[] headers = {
            ":method", i % 4 == 1 ? "PUT" : "POST",
            ":scheme", "http",
            ":path", i % 4 == 2 ? "/nobody.knows/Method" : "/" + ECHO,
            ":authority", "localhost",
            "te", i % 4 == 3 ? "gzip" : "trailers",
            "content-type", i % 4 == 0 ? "application/json" : "application/grpc",
            "seriatim-object", TargetNamespace.NAME + "/type"
          };
          RawStream stream = connection.stream(headers);
          stream.message(SMALL).end();
        });
  }

  private static void malformedMessages(Stage stage) throws Exception {
    byte[] tooLong = RawStream.framed(new byte[10], Integer.MAX_VALUE, false);
    byte[] reserved = {(byte) 0x80, 0, 0, 0, 0};
    byte[] unpackable = RawStream.framed(new byte[] {1, 2, 3}, 3, true);
    byte[] cutOff = RawStream.framed(new byte[10], 1_000, false);
    byte[][] all = {tooLong, reserved, unpackable, cutOff};
    onRawConnections(
        stage,
        4,
        (connection, i) -> {
          RawStream stream =
              i % 2 == 0
                  ? connection.call(CONNECT)
                  : connection.call(ECHO, "seriatim-object", TargetNamespace.NAME + "/malformed");
          int _ = stream.data(all[i / 2 % all.length], 1_000);
          stream.end();
        });
  }

  private static void fuzz(Stage stage) throws Exception {
    Random random = new Random(1);
    while (!stage.isOver()) {
      try (RawConnection connection = RawConnection.open(stage.port())) {
        for (int i = 0; i < 200 && !connection.isOver() && !stage.isOver(); i++) {
          RawStream stream = connection.call(random.nextBoolean() ? CONNECT : ECHO);
          byte[] bytes = new byte[random.nextInt(300)];
          random.nextBytes(bytes);
          switch (random.nextInt(8)) {
            case 0 -> connection.bytes(bytes);
            case 1 -> connection.frame(random.nextInt(12), random.nextInt(256), stream.id(), bytes);
            case 2 -> connection.frame(random.nextInt(12), 0, 0, bytes);
            case 3 -> connection.frame(RawConnection.HEADERS, 4, stream.id() + 2, bytes);
            default -> {
              int _ = stream.data(RawStream.framed(bytes, bytes.length, false), 1_000);
              stream.end();
            }
          }
        }
      } catch (IOException e) {
        // As was to be expected.
      }
    }
    stage.answered("GOAWAY or closed, as was to be expected");
  }

  private interface Step {
    void on(RawConnection connection, int number) throws IOException;
  }

  /** Repeats a step on so many connections, each with a thread of its own. */
  private static void onRawConnections(Stage stage, int count, Step step)
      throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int first = i;
      threads.add(Thread.startVirtualThread(() -> repeat(stage, first, count, step)));
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private static void repeat(Stage stage, int first, int step, Step what) {
    RawConnection connection = null;
    for (int i = first; !stage.isOver(); i += step) {
      try {
        if (connection == null || connection.isOver()) {
          if (connection != null) {
            stage.answered("GOAWAY or closed");
            connection.close();
          }
          connection = RawConnection.open(stage.port());
        }
        what.on(connection, i);
      } catch (IOException e) {
        stage.answered("closed");
        if (connection != null) {
          connection.close();
          connection = null;
        }
      }
    }
    if (connection != null) {
      connection.close();
    }
  }
}
