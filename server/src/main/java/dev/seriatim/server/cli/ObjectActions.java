package dev.seriatim.server.cli;

import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.ResetObjectRequest;
import io.grpc.ManagedChannel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What is done to one object: it is answered with whether there was something to do. */
abstract class ObjectActions extends AdminCommand {
  @Parameters(
      index = "0",
      paramLabel = ObjectArgument.LABEL,
      converter = ObjectArgument.Converter.class,
      description = "The object.")
  private @Nullable ObjectArgument object;

  final ObjectName object() {
    return Objects.requireNonNull(object).toProto();
  }

  /** Says what was done, or that there was nothing to do, which is no failure. */
  final int say(boolean done, String what, String instead) {
    if (isJson()) {
      out().println("{\"done\":%s}".formatted(done));
    } else {
      out().println(object + " " + (done ? what : instead));
    }
    return ExitStatus.OK;
  }

  /** Lets go of the instance. */
  @Command(
      name = "evict",
      description =
          "Lets go of an object's instance, behind the turn that it is in. Stubs stay open, and the"
              + " next call makes a new one.")
  static final class Evict extends ObjectActions {
    @Override
    int run(ManagedChannel channel) {
      return say(
          admin(channel)
              .evictObject(EvictObjectRequest.newBuilder().setObject(object()).build())
              .getEvicted(),
          "is evicted",
          "was not live");
    }
  }

  /** Ends what it does. */
  @Command(
      name = "reset",
      description =
          "Discards an object's instance at once, and breaks its stubs: for an object that hangs."
              + " The turn that it is in has no effect.")
  static final class Reset extends ObjectActions {
    @Option(
        names = "--why",
        paramLabel = "TEXT",
        defaultValue = "an operator has reset the object",
        description = "What its stubs are told. Default: ${DEFAULT-VALUE}")
    private String why = "";

    @Override
    int run(ManagedChannel channel) {
      return say(
          admin(channel)
              .resetObject(ResetObjectRequest.newBuilder().setObject(object()).setWhy(why).build())
              .getReset(),
          "is reset",
          "was not live");
    }
  }

  /** Deletes what it has stored. */
  @Command(
      name = "delete",
      description = "Deletes all that an object has stored, and its alarm, as a turn.")
  static final class Delete extends ObjectActions {
    @Override
    int run(ManagedChannel channel) {
      return say(
          admin(channel)
              .deleteObject(DeleteObjectRequest.newBuilder().setObject(object()).build())
              .getDeleted(),
          "is deleted",
          "had stored nothing");
    }
  }
}
