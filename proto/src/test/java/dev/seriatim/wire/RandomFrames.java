package dev.seriatim.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.MessageLite;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.Value;
import com.google.rpc.Status;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import java.util.List;
import java.util.Random;

/** Makes frames of every form that the contract knows, and some that it doesn't. */
final class RandomFrames {
  private static final List<String> METHODS =
      List.of("", "Do", "pkg.Service/Do", "Dö", "pkg.Service/" + "x".repeat(200));

  private final Random random;
  private final boolean anyDepth;

  /**
   * Frames that protobuf can read, unless they are damaged.
   *
   * @param anyDepth or not even then, since some are nested too deep
   */
  RandomFrames(long seed, boolean anyDepth) {
    random = new Random(seed);
    this.anyDepth = anyDepth;
  }

  private boolean rarely() {
    return random.nextInt(8) == 0;
  }

  ByteString bytes(int most) {
    byte[] bytes = new byte[random.nextInt(most + 1)];
    random.nextBytes(bytes);
    return ByteString.copyFrom(bytes);
  }

  private long sequence() {
    return random.nextLong() >>> random.nextInt(64);
  }

  /** Now and then as deep as can be read, and a little deeper or less deep. */
  private int depth(int most) {
    return anyDepth && rarely() ? most - 3 + random.nextInt(6) : random.nextInt(4);
  }

  private Value json() {
    Value value =
        rarely()
            ? Value.getDefaultInstance()
            : Value.newBuilder().setStringValue("v" + random.nextInt()).build();
    boolean lists = random.nextBoolean();
    for (int i = depth(lists ? 49 : 32); i > 0; i--) {
      Value.Builder around = Value.newBuilder();
      if (lists) {
        around.getListValueBuilder().addValues(value);
      } else {
        around.getStructValueBuilder().putFields("k" + random.nextInt(3), value);
      }
      value = around.build();
    }
    return value;
  }

  private UnknownFieldSet unknown() {
    UnknownFieldSet group = UnknownFieldSet.getDefaultInstance();
    for (int i = depth(99); i > 0; i--) {
      group =
          UnknownFieldSet.newBuilder()
              .addField(
                  1 + random.nextInt(20),
                  UnknownFieldSet.Field.newBuilder().addVarint(i).addGroup(group).build())
              .build();
    }
    return UnknownFieldSet.newBuilder()
        .addField(
            100 + random.nextInt(100),
            UnknownFieldSet.Field.newBuilder()
                .addVarint(random.nextLong())
                .addFixed32(random.nextInt())
                .addFixed64(random.nextLong())
                .addLengthDelimited(bytes(5))
                .addGroup(group)
                .build())
        .build();
  }

  /** A field of a message that other messages are run together in, as protobuf merges them. */
  private static UnknownFieldSet merged(int field, MessageLite... parts) {
    ByteString bytes = ByteString.EMPTY;
    for (MessageLite part : parts) {
      bytes = bytes.concat(part.toByteString());
    }
    return UnknownFieldSet.newBuilder()
        .addField(field, UnknownFieldSet.Field.newBuilder().addLengthDelimited(bytes).build())
        .build();
  }

  ConnectRequest request() {
    ConnectRequest.Builder frame = ConnectRequest.newBuilder();
    if (rarely()) {
      frame.setOpen(Open.newBuilder().setNamespace("N").setName("n" + random.nextInt()));
    }
    String method = METHODS.get(random.nextInt(METHODS.size()));
    for (int i = random.nextInt(20); i > 0; i--) {
      if (rarely()) {
        method = METHODS.get(random.nextInt(METHODS.size()));
      }
      frame.addInvocations(invocation(method));
    }
    if (rarely()) {
      frame.mergeUnknownFields(
          merged(ConnectRequest.INVOCATIONS_FIELD_NUMBER, invocation(method), invocation(method)));
    }
    return rarely() ? frame.mergeUnknownFields(unknown()).build() : frame.build();
  }

  private Invocation invocation(String method) {
    Invocation.Builder invocation = Invocation.newBuilder().setMethod(method);
    if (!rarely()) {
      invocation.setSequence(sequence());
    }
    if (!rarely()) {
      invocation.setMessage(bytes(300));
    } else if (rarely()) {
      invocation.setJson(json());
    }
    if (rarely()) {
      invocation.setTimeout(Duration.newBuilder().setSeconds(random.nextInt()));
    }
    for (int i = rarely() ? random.nextInt(3) : 0; i > 0; i--) {
      invocation.putMetadata("key-" + random.nextInt(), "value");
    }
    if (rarely()) {
      return invocation.setUnknownFields(unknown()).build();
    }
    return rarely()
        ? invocation.setUnknownFields(merged(6, metadataEntry())).build()
        : invocation.build();
  }

  /** An entry as no client writes it: its parts in any order and number, and others between. */
  private MessageLite metadataEntry() {
    UnknownFieldSet.Builder entry = UnknownFieldSet.newBuilder();
    if (random.nextBoolean()) {
      entry.mergeFrom(unknown());
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      entry.mergeField(
          1 + random.nextInt(2),
          UnknownFieldSet.Field.newBuilder()
              .addLengthDelimited(
                  anyDepth && rarely()
                      ? bytes(3)
                      : ByteString.copyFromUtf8("ü" + random.nextInt(3)))
              .build());
    }
    return entry.build();
  }

  ConnectResponse response() {
    ConnectResponse.Builder frame = ConnectResponse.newBuilder();
    if (rarely()) {
      frame.setOpened(Opened.newBuilder().setId("i" + random.nextInt()));
    }
    for (int i = random.nextInt(20); i > 0; i--) {
      frame.addOutcomes(outcome());
    }
    if (rarely()) {
      frame.mergeUnknownFields(merged(ConnectResponse.OUTCOMES_FIELD_NUMBER, outcome(), outcome()));
    }
    if (rarely()) {
      frame.setBroken(
          Broken.newBuilder()
              .setCause(Status.newBuilder().setCode(random.nextInt(17)).setMessage("why"))
              .setCompletedThrough(sequence()));
    }
    return rarely() ? frame.mergeUnknownFields(unknown()).build() : frame.build();
  }

  private Outcome outcome() {
    Outcome.Builder outcome = Outcome.newBuilder();
    if (!rarely()) {
      outcome.setSequence(sequence());
    }
    if (!rarely()) {
      outcome.setMessage(bytes(300));
    } else if (rarely()) {
      outcome.setJson(json());
    }
    return rarely() ? outcome.setUnknownFields(unknown()).build() : outcome.build();
  }

  /** These bytes with some of them changed, left out or cut off. */
  byte[] damaged(byte[] bytes) {
    byte[] damaged = bytes.clone();
    for (int i = random.nextInt(4); i > 0 && damaged.length > 0; i--) {
      damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
    }
    return random.nextBoolean() || damaged.length == 0
        ? damaged
        : java.util.Arrays.copyOf(damaged, random.nextInt(damaged.length));
  }
}
