package dev.seriatim.benchmarks.pekko;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.benchmarks.pekko.Counter.Increment;
import dev.seriatim.benchmarks.pekko.Counter.Value;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/** The counter's messages, straight into Artery's buffers and out of them. */
final class CounterSerializer extends SerializerWithStringManifest implements ByteBufferSerializer {
  private static final String INCREMENT = "i";
  private static final String VALUE = "v";
  private static final int MAX_BYTES = 1024;

  private final ActorRefResolver references;

  CounterSerializer(ExtendedActorSystem system) {
    references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  @Override
  public int identifier() {
    return 7370;
  }

  @Override
  public String manifest(Object message) {
    return message instanceof Increment ? INCREMENT : VALUE;
  }

  @Override
  public void toBinary(Object message, ByteBuffer to) {
    if (message instanceof Increment increment) {
      to.putLong(increment.amount());
      put(increment.name(), to);
      put(references.toSerializationFormat(increment.replyTo()), to);
    } else {
      to.putLong(((Value) message).value());
    }
  }

  @Override
  public Object fromBinary(ByteBuffer from, String manifest) {
    long number = from.getLong();
    return manifest.equals(INCREMENT)
        ? new Increment(text(from), number, references.resolveActorRef(text(from)))
        : new Value(number);
  }

  private static void put(String text, ByteBuffer to) {
    byte[] bytes = text.getBytes(UTF_8);
    to.putShort((short) bytes.length).put(bytes);
  }

  private static String text(ByteBuffer from) {
    byte[] bytes = new byte[from.getShort()];
    from.get(bytes);
    return new String(bytes, UTF_8);
  }

  // These two are for transports without buffers; Artery doesn't use them.

  @Override
  public byte[] toBinary(Object message) {
    ByteBuffer buffer = ByteBuffer.allocate(MAX_BYTES);
    toBinary(message, buffer);
    byte[] bytes = new byte[buffer.flip().remaining()];
    buffer.get(bytes);
    return bytes;
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) {
    return fromBinary(ByteBuffer.wrap(bytes), manifest);
  }
}
