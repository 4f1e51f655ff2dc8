package dev.seriatim.server.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.admin.v1.AdminGrpc;
import io.grpc.ManagedChannel;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/** A command that asks the admin service for something. */
abstract class AdminCommand extends HostCommand {
  private static final JsonFormat.Printer SHORT =
      JsonFormat.printer().omittingInsignificantWhitespace();
  private static final JsonFormat.Printer ALL = SHORT.alwaysPrintFieldsWithNoPresence();

  /** For a call that is answered once, within the time that there is. */
  final AdminGrpc.AdminBlockingStub admin(ManagedChannel channel) {
    return AdminGrpc.newBlockingStub(channel)
        .withDeadlineAfter(timeoutNanos(), TimeUnit.NANOSECONDS);
  }

  /** For a call that may go on for as long as it likes. */
  static AdminGrpc.AdminBlockingStub endless(ManagedChannel channel) {
    return AdminGrpc.newBlockingStub(channel);
  }

  /** Prints a message as JSON, in one line. */
  final void printJson(Message message) {
    out().println(json(message, true));
  }

  /** As JSON; with the fields that have their default, or without them. */
  static String json(Message message, boolean all) {
    try {
      return JsonValues.plain((all ? ALL : SHORT).print(message));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException(e); // There is nothing in it that can't be shown.
    }
  }

  static Instant instant(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  /** Whether nobody reads any more what is printed, as behind {@code | head}. */
  final boolean isDone() {
    return out().checkError();
  }
}
