package dev.seriatim.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.cluster.RoutingTable.Question;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.ByteBufferSerializer;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What hosts say to each other of slots, as bytes: 2 of the slot, 8 of the question's number, and
 * in UTF-8 who asks or who has it.
 */
final class SlotMessages extends SerializerWithStringManifest implements ByteBufferSerializer {
  private static final String WHERE = "w";
  private static final String HERE = "h";

  private final ActorRefResolver references;

  /** Pekko makes one for each actor system. */
  SlotMessages(ExtendedActorSystem system) {
    references = ActorRefResolver.get(Adapter.toTyped(system));
  }

  /** Any number above Pekko's own, which stays the same for ever. */
  @Override
  public int identifier() {
    return 5_310;
  }

  @Override
  public String manifest(Object message) {
    return message instanceof SlotKeeper.Where ? WHERE : HERE;
  }

  @Override
  public byte[] toBinary(Object message) {
    Question question;
    String name;
    switch (message) {
      case SlotKeeper.Where where -> {
        question = where.question();
        name = references.toSerializationFormat(where.replyTo());
      }
      case SlotRouter.Here here -> {
        question = here.question();
        name = here.host();
      }
      default -> throw new IllegalArgumentException("message of " + message.getClass());
    }
    byte[] nameBytes = name.getBytes(UTF_8);
    return ByteBuffer.allocate(Short.BYTES + Long.BYTES + nameBytes.length)
        .putShort((short) question.slot())
        .putLong(question.number())
        .put(nameBytes)
        .array();
  }

  @Override
  public void toBinary(Object message, ByteBuffer to) {
    to.put(toBinary(message));
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) {
    return fromBinary(ByteBuffer.wrap(bytes), manifest);
  }

  @Override
  public Object fromBinary(ByteBuffer from, String manifest) {
    Question question = new Question(from.getShort(), from.getLong());
    byte[] nameBytes = new byte[from.remaining()];
    from.get(nameBytes);
    String name = new String(nameBytes, UTF_8);
    return switch (manifest) {
      case WHERE -> new SlotKeeper.Where(question, references.resolveActorRef(name));
      case HERE -> new SlotRouter.Here(question, name);
      default -> throw new IllegalArgumentException("manifest '" + manifest + "', expected w or h");
    };
  }
}
