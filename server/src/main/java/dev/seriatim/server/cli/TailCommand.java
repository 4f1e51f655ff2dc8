package dev.seriatim.server.cli;

import com.google.common.base.Strings;
import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.admin.v1.TailResponse;
import dev.seriatim.admin.v1.TailTurn;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what happens. */
@Command(
    name = "tail",
    description =
        "Shows turns, alarms, breaks and evictions, from now on. What comes too fast is left out"
            + " and counted.")
final class TailCommand extends AdminCommand {
  @Parameters(
      arity = "0..1",
      paramLabel = "NAMESPACE[/NAME]",
      description = "Only those of a namespace, or of one object.")
  private @Nullable String which;

  @Option(names = "--method", paramLabel = "METHOD", description = "Only those of this method.")
  private String method = "";

  @Option(names = "--failures", description = "Only what failed.")
  private boolean failures;

  @Option(
      names = "--slower",
      paramLabel = "DURATION",
      converter = DurationConverter.class,
      description = "Only turns that took at least so long, such as 100ms.")
  private @Nullable Duration slower;

  @Option(names = "--payloads", description = "With arguments and replies.")
  private boolean payloads;

  @Option(names = "--count", paramLabel = "N", description = "Ends behind so many.")
  private long count = Long.MAX_VALUE;

  @Override
  int run(ManagedChannel channel) {
    Filter filter = Filter.parse(which);
    TailRequest.Builder request =
        TailRequest.newBuilder()
            .setNamespace(filter.namespace())
            .setName(filter.prefix())
            .setMethod(method)
            .setFailures(failures)
            .setPayloads(payloads);
    if (slower != null) {
      request.setSlowerThan(Durations.fromNanos(slower.toNanos()));
    }
    Iterator<TailResponse> events = endless(channel).tail(request.build());
    for (long left = count; left > 0 && !isDone() && events.hasNext(); left--) {
      TailResponse event = events.next();
      if (isJson()) {
        printJson(event);
      } else {
        print(event);
      }
      out().flush();
    }
    return ExitStatus.OK;
  }

  private void print(TailResponse event) {
    if (event.getLeftOut() > 0) {
      out().println("(%,d left out)".formatted(event.getLeftOut()));
      if (event.getWhatCase() == TailResponse.WhatCase.WHAT_NOT_SET) {
        return; // The last there is to say.
      }
    }
    String object =
        ObjectArgument.text(
            event.getNamespace(), event.hasName() ? event.getName() : null, event.getId());
    String what =
        switch (event.getWhatCase()) {
          case TURN -> turn(event.getTurn().getMethod(), event.getTurn());
          case ALARM -> turn("(alarm)", event.getAlarm());
          case BROKEN ->
              "stub broke: "
                  + event.getBroken().getReason()
                  + ": "
                  + event.getBroken().getMessage();
          case EVICTED -> "instance let go: " + event.getEvicted().getReason();
          case WHAT_NOT_SET -> "";
        };
    String time = Strings.padEnd(instant(event.getTime()).toString(), 30, ' ');
    out().println(TextTable.oneLine(time + "  " + object + "  " + what));
  }

  private String turn(String name, TailTurn turn) {
    StringBuilder text = new StringBuilder(name);
    if (turn.getSequence() != 0) {
      text.append(" #").append(Long.toUnsignedString(turn.getSequence()));
    }
    text.append("  waited ")
        .append(DurationConverter.text(Duration.ofNanos(Durations.toNanos(turn.getQueued()))))
        .append(", ran ")
        .append(DurationConverter.text(Duration.ofNanos(Durations.toNanos(turn.getRan()))));
    if (!turn.getReason().isEmpty()) {
      text.append("  ").append(turn.getReason()).append(": ").append(turn.getMessage());
    }
    if (payloads) {
      text.append("  ").append(payload(turn.getArgument()));
      if (turn.getReason().isEmpty()) {
        text.append(" -> ").append(payload(turn.getReply()));
      }
    }
    return text.toString();
  }

  /** As bytes are, if nobody says what they mean. */
  private static String payload(ByteString bytes) {
    return bytes.isValidUtf8()
            && bytes.toStringUtf8().codePoints().noneMatch(Character::isISOControl)
        ? "'" + bytes.toStringUtf8() + "'"
        : "0x" + java.util.HexFormat.of().formatHex(bytes.toByteArray());
  }
}
