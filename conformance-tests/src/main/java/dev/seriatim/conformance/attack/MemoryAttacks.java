package dev.seriatim.conformance.attack;

import com.google.protobuf.ByteString;
import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Value;
import com.google.protobuf.util.Durations;
import dev.seriatim.attack.v1.EchoRequest;
import dev.seriatim.attack.v1.PutRequest;
import dev.seriatim.attack.v1.WorkRequest;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.Invocation;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.reflection.v1.ServerReflectionRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Attacks on the host's memory. */
final class MemoryAttacks {
  private static final int MIB = 1 << 20;

  /** A little below what one frame may have. */
  private static final int LARGE = 4 * MIB - 1024;

  private static final String CONNECT = "seriatim.v1.DurableObjects/Connect";

  private MemoryAttacks() {}

  static List<Attack> all() {
    return List.of(
        new Attack(
            "gated-reads",
            "a commit stalls, and 1 MiB reads behind it are pipelined",
            MemoryAttacks::gatedReads),
        new Attack(
            "unread-outcomes",
            "125 stubs send 4 MiB echoes and don't read",
            MemoryAttacks::unreadOutcomes),
        new Attack(
            "full-queues",
            "2,000 stubs queue 4 MiB each behind a turn that lasts",
            MemoryAttacks::fullQueues),
        new Attack(
            "json-lists",
            "JSON lists of two million nulls, from many stubs",
            MemoryAttacks::jsonLists),
        new Attack(
            "half-frames",
            "messages of 15 MiB on 64 streams, never finished",
            stage -> halfFrames(stage, 1, 64)),
        new Attack(
            "half-frames-everywhere",
            "the same on 32 connections",
            stage -> halfFrames(stage, 32, 8)),
        new Attack(
            "half-frames-unread",
            "the same, from a peer that lets the host send nothing",
            MemoryAttacks::halfFramesUnread),
        new Attack(
            "pinned-buffers",
            "thousands of streams with a few bytes of a message, among 64 KiB of other things",
            MemoryAttacks::pinnedBuffers),
        new Attack("stubs", "as many stubs as can be, that do nothing", MemoryAttacks::stubs),
        new Attack(
            "connections", "3,000 connections, half of them silent", MemoryAttacks::connections),
        new Attack("bombs", "messages of some KiB that unpack to 16 MiB", MemoryAttacks::bombs),
        new Attack(
            "tiny-invocations",
            "frames of a million invocations without anything in them",
            MemoryAttacks::tinyInvocations),
        new Attack(
            "unread-reflection",
            "other services' streams, whose answers nobody reads",
            MemoryAttacks::unreadReflection),
        new Attack("headers", "calls with as many headers as are taken", MemoryAttacks::headers));
  }

  private static EchoRequest echo(int bytes, int replyBytes) {
    return EchoRequest.newBuilder()
        .setPayload(ByteString.copyFrom(new byte[bytes]))
        .setReplyBytes(replyBytes)
        .build();
  }

  private static void gatedReads(Stage stage) throws Exception {
    ManagedChannel channel = stage.connect();
    List<FrameStub> stubs = new ArrayList<>();
    EchoRequest read = echo(0, MIB);
    PutRequest write = PutRequest.newBuilder().setValue(ByteString.copyFrom(new byte[10])).build();
    int round = 0;
    try (AutoCloseable _ = stage.victim().stallCommits()) {
      while (!stage.isOver()) {
        FrameStub stub = FrameStub.open(stage, channel, "gated-" + round++ % 20);
        stub.invoke("Put", write);
        for (int i = 0; i < 200 && stub.awaitReady(100); i++) {
          stub.invoke("Echo", read);
        }
        stubs.add(stub);
      }
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void unreadOutcomes(Stage stage) throws Exception {
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    List<FrameStub> stubs = new ArrayList<>();
    EchoRequest echo = echo(LARGE, LARGE);
    for (int i = 0; i < 125; i++) {
      stubs.add(
          FrameStub.open(
              stage, channels[i % channels.length], "unread-" + i, false, CallOptions.DEFAULT));
    }
    while (!stage.isOver()) {
      boolean any = false;
      for (FrameStub stub : stubs) {
        if (stub.awaitReady(1)) {
          stub.invoke("Echo", echo);
          any = true;
        }
        if (stage.isOver()) {
          break;
        }
      }
      if (!any) {
        stage.pause(100);
      }
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void fullQueues(Stage stage) throws Exception {
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    List<FrameStub> stubs = new ArrayList<>();
    EchoRequest echo = echo(LARGE, 0);
    WorkRequest sleep =
        WorkRequest.newBuilder().setSleep(true).setDuration(Durations.fromSeconds(20)).build();
    FrameStub holder = FrameStub.open(stage, channels[0], "queues").invoke("Work", sleep);
    for (int i = 0; i < 2_000 && !stage.isOver(); i++) {
      FrameStub stub = FrameStub.open(stage, channels[i % channels.length], "queues");
      if (stub.awaitReady(1_000)) {
        stub.invoke("Echo", echo);
      }
      stubs.add(stub);
    }
    stage.pauseToEnd();
    holder.cancel();
    stubs.forEach(FrameStub::cancel);
  }

  private static void jsonLists(Stage stage) throws Exception {
    Value one = Value.newBuilder().setNullValue(NullValue.NULL_VALUE).build();
    ListValue nulls =
        ListValue.newBuilder().addAllValues(Collections.nCopies(LARGE / 4, one)).build();
    Value list = Value.newBuilder().setListValue(nulls).build();
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    List<FrameStub> stubs = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      stubs.add(FrameStub.open(stage, channels[i % channels.length], "json-" + i));
    }
    while (!stage.isOver()) {
      for (int i = 0; i < stubs.size() && !stage.isOver(); i++) {
        FrameStub stub = stubs.get(i);
        if (stub.isOver()) {
          stub = FrameStub.open(stage, channels[i % channels.length], "json-" + i);
          stubs.set(i, stub);
        }
        if (stub.awaitReady(5)) {
          stub.invoke("Take", list);
        }
      }
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void halfFrames(Stage stage, int connections, int streams) throws Exception {
    byte[] half = RawStream.framed(new byte[15 * MIB], 16 * MIB, false);
    List<RawStream> all = new ArrayList<>();
    for (int i = 0; i < connections; i++) {
      RawConnection connection = stage.raw();
      for (int j = 0; j < streams; j++) {
        RawStream stream = open(connection, "half-" + i + "-" + j);
        all.add(stream);
        Thread.startVirtualThread(() -> sendHalf(stream, half));
      }
    }
    stage.pauseToEnd();
    for (RawStream stream : all) {
      String reason = stream.reason();
      if (reason != null) {
        stage.answered(reason);
      }
    }
  }

  private static RawStream open(RawConnection connection, String name) throws IOException {
    return connection
        .call(CONNECT)
        .message(ConnectRequest.newBuilder().setOpen(FrameStub.target(name)).build());
  }

  private static void sendHalf(RawStream stream, byte[] half) {
    try {
      int _ = stream.data(half, 60_000);
    } catch (IOException e) {
      // The connection has ended.
    }
  }

  private static void halfFramesUnread(Stage stage) throws Exception {
    byte[] half = RawStream.framed(new byte[15 * MIB], 16 * MIB, false);
    for (int i = 0; i < 4; i++) {
      RawConnection connection = stage.rawThatDoesNotRead();
      // The host may send nothing on a stream: no outcome, and no break.
      connection.frame(RawConnection.SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0});
      for (int j = 0; j < 16; j++) {
        RawStream stream = open(connection, "half-unread-" + i + "-" + j);
        Thread.startVirtualThread(() -> sendHalf(stream, half));
      }
    }
    stage.pauseToEnd();
  }

  private static void pinnedBuffers(Stage stage) throws Exception {
    byte[] begun = RawStream.framed(new byte[1], 1000, false);
    byte[] padding = new byte[62_000];
    // Frames of a type that nobody knows are skipped: it is their bytes that fill the buffer.
    for (int at = 0; at + 1_033 <= padding.length; at += 1_033) {
      padding[at + 1] = 4;
      padding[at + 3] = (byte) 0xee;
    }
    List<RawConnection> connections = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      connections.add(stage.raw());
    }
    for (int i = 0; i < 16_000 && !stage.isOver(); i++) {
      RawConnection connection = connections.get(i % connections.size());
      if (connection.isOver()) {
        stage.answered("GOAWAY");
        connection = stage.raw();
        connections.set(i % connections.size(), connection);
      }
      try {
        RawStream stream = open(connection, "pinned-" + i % 100);
        int _ = stream.data(begun, 1_000);
        connection.bytes(padding);
      } catch (IOException e) {
        stage.answered("closed");
      }
    }
    stage.pauseToEnd();
  }

  private static void stubs(Stage stage) throws Exception {
    RawConnection connection = stage.raw();
    int opened = 0;
    for (int i = 0; !stage.isOver() && opened < 300_000; i++) {
      if (connection.isOver() || i % 20_000 == 19_999) {
        connection = stage.raw();
      }
      try {
        var _ = open(connection, "stub-" + i);
        opened++;
      } catch (IOException e) {
        stage.answered("closed");
        connection = stage.raw();
      }
    }
    stage.answered(opened + " opened");
    stage.pauseToEnd();
  }

  private static void connections(Stage stage) throws Exception {
    for (int i = 0; i < 3_000 && !stage.isOver(); i++) {
      try {
        if (i % 2 == 0) {
          var _ = stage.raw();
        } else {
          var _ =
              stage.keep(
                  new java.net.Socket(java.net.InetAddress.getLoopbackAddress(), stage.port()));
        }
      } catch (IOException e) {
        stage.answered("refused");
      }
    }
    stage.pauseToEnd();
  }

  private static void bombs(Stage stage) throws Exception {
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    CallOptions compressed = CallOptions.DEFAULT.withCompression("gzip");
    EchoRequest[] arguments = {echo(LARGE, 0), echo(15 * MIB, 0)};
    int round = 0;
    List<FrameStub> stubs = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      stubs.add(FrameStub.open(stage, channels[i % 3], "bomb-" + i, true, compressed));
    }
    while (!stage.isOver()) {
      int i = round++ % stubs.size();
      if (stubs.get(i).isOver()) {
        stubs.set(i, FrameStub.open(stage, channels[i % 3], "bomb-" + i, true, compressed));
      }
      if (stubs.get(i).awaitReady(5)) {
        stubs.get(i).invoke("Echo", arguments[i % 2]);
      }
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void tinyInvocations(Stage stage) throws Exception {
    ManagedChannel[] channels = {stage.connect(), stage.connect(), stage.connect()};
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    for (int i = 0; i < 900_000; i++) {
      frame.addInvocations(Invocation.newBuilder().setSequence(i + 1));
    }
    List<FrameStub> stubs = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      stubs.add(FrameStub.open(stage, channels[i % 3], "tiny-" + i));
    }
    for (int round = 0; !stage.isOver(); round++) {
      int i = round % stubs.size();
      if (stubs.get(i).isOver()) {
        stubs.set(i, FrameStub.open(stage, channels[i % 3], "tiny-" + i));
      }
      if (stubs.get(i).awaitReady(5)) {
        stubs.get(i).send(frame.build());
      }
    }
    stubs.forEach(FrameStub::cancel);
  }

  private static void unreadReflection(Stage stage) throws Exception {
    ServerReflectionRequest request =
        ServerReflectionRequest.newBuilder()
            .setFileContainingSymbol("seriatim.v1.DurableObjects")
            .setHost("x".repeat(1_000))
            .build();
    byte[] message = RawStream.framed(request.toByteArray(), request.getSerializedSize(), false);
    byte[] many = new byte[message.length * 900];
    for (int i = 0; i < 900; i++) {
      System.arraycopy(message, 0, many, i * message.length, message.length);
    }
    for (int i = 0; i < 8 && !stage.isOver(); i++) {
      RawConnection connection = stage.rawThatDoesNotRead();
      for (int j = 0; j < 200 && !stage.isOver(); j++) {
        RawStream stream =
            connection.call("grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
        Thread.startVirtualThread(
            () -> {
              try {
                int _ = stream.data(many, 60_000);
              } catch (IOException e) {
                stage.answered("closed");
              }
            });
      }
    }
    stage.pauseToEnd();
  }

  private static void headers(Stage stage) throws Exception {
    String[] headers = new String[14];
    for (int i = 0; i < headers.length; i += 2) {
      headers[i] = "x-header-" + i;
      headers[i + 1] = "v".repeat(1_000);
    }
    RawConnection connection = stage.raw();
    for (int i = 0; !stage.isOver(); i++) {
      if (connection.isOver() || i % 5_000 == 4_999) {
        connection = stage.raw();
      }
      try {
        String[] all = java.util.Arrays.copyOf(headers, headers.length + 2);
        all[headers.length] = "seriatim-object";
        all[headers.length + 1] = TargetNamespace.NAME + "/headers-" + i % 100;
        var _ = connection.call("seriatim.attack.v1.Target/Echo", all);
      } catch (IOException e) {
        stage.answered("closed");
        connection = stage.raw();
      }
    }
  }
}
