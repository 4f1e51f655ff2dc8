package dev.seriatim.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.seriatim.cluster.RoutingTable.Question;
import dev.seriatim.service.storage.Slots;
import java.nio.ByteBuffer;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * What hosts say to each other of slots, as bytes: 2 of the slot, 8 of the question's number or 0,
 * and in UTF-8 who asks, who has it or who wants it. What a keeper is told that waits has no bytes.
 */
final class SlotMessages extends SerializerWithStringManifest {
  private static final String WHERE = "w";
  private static final String HERE = "h";
  private static final String TAKING = "t";
  private static final String GIVEN = "g";

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
    return switch (message) {
      case SlotKeeper.Where _ -> WHERE;
      case SlotRouter.Here _ -> HERE;
      case SlotRouter.Taking _ -> TAKING;
      case SlotKeeper.Given _ -> GIVEN;
      default -> throw unknown(message);
    };
  }

  private static IllegalArgumentException unknown(Object message) {
    return new IllegalArgumentException("message of " + message.getClass());
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
      case SlotRouter.Taking taking -> {
        question = new Question(taking.slot(), 0);
        name = references.toSerializationFormat(taking.keeper());
      }
      case SlotKeeper.Given _ -> {
        return new byte[0];
      }
      default -> throw unknown(message);
    }
    byte[] nameBytes = name.getBytes(UTF_8);
    return ByteBuffer.allocate(Short.BYTES + Long.BYTES + nameBytes.length)
        .putShort((short) question.slot())
        .putLong(question.number())
        .put(nameBytes)
        .array();
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) {
    if (manifest.equals(GIVEN)) {
      return new SlotKeeper.Given();
    }
    ByteBuffer from = ByteBuffer.wrap(bytes);
    int slot = from.getShort();
    if (slot < 0 || slot >= Slots.COUNT) {
      throw new IllegalArgumentException("slot " + slot + ", expected 0 to " + (Slots.COUNT - 1));
    }
    Question question = new Question(slot, from.getLong());
    String name = new String(bytes, from.position(), from.remaining(), UTF_8);
    return switch (manifest) {
      case WHERE -> new SlotKeeper.Where(question, references.resolveActorRef(name));
      case HERE -> new SlotRouter.Here(question, name);
      case TAKING -> new SlotRouter.Taking(slot, references.resolveActorRef(name));
      default ->
          throw new IllegalArgumentException("manifest '" + manifest + "', expected w, h, t or g");
    };
  }
}
