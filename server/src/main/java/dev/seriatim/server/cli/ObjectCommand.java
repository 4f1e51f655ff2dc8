package dev.seriatim.server.cli;

import com.google.protobuf.util.Durations;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.LastBreak;
import dev.seriatim.admin.v1.LiveObject;
import dev.seriatim.admin.v1.OpenStub;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Shows one object. */
@Command(
    name = "object",
    description = "Shows what an object has stored and what it does. Wakes nobody.")
final class ObjectCommand extends AdminCommand {
  @Parameters(
      paramLabel = ObjectArgument.LABEL,
      converter = ObjectArgument.Converter.class,
      description = "The object.")
  private @Nullable ObjectArgument object;

  @Override
  int run(ManagedChannel channel) {
    GetObjectResponse answer =
        admin(channel)
            .getObject(
                GetObjectRequest.newBuilder()
                    .setObject(Objects.requireNonNull(object).toProto())
                    .build());
    if (isJson()) {
      printJson(answer);
      return ExitStatus.OK;
    }
    out().println(ObjectsCommand.text(answer.getObject()));
    TextTable facts = new TextTable("", "");
    facts.add("id", answer.getObject().getId());
    facts.add(
        "stored",
        answer.getObject().getStored()
            ? "%,d entries, %,d bytes".formatted(answer.getEntries(), answer.getBytes())
            : "nothing");
    facts.add("alarm", alarm(answer));
    if (!answer.getHost().isEmpty()) {
      facts.add("host", answer.getHost());
    }
    if (!answer.hasLive()) {
      facts.add("live", "no");
      facts.print(out(), false);
      return ExitStatus.OK;
    }
    LiveObject live = answer.getLive();
    addLive(facts, live);
    facts.print(out(), false);
    if (live.getStubsCount() > 0) {
      out().println();
      TextTable stubs = new TextTable("STUB FROM", "CALLER", "RECEIVED", "ANSWERED");
      for (OpenStub stub : live.getStubsList()) {
        stubs.add(
            stub.getPeer(),
            stub.getCaller().isEmpty() ? "-" : stub.getCaller(),
            Long.toUnsignedString(stub.getReceivedThrough()),
            Long.toUnsignedString(stub.getAnsweredThrough()));
      }
      stubs.print(out());
    }
    return ExitStatus.OK;
  }

  private static void addLive(TextTable facts, LiveObject live) {
    facts.add(
        "live",
        live.hasInstanceSince()
            ? "instance since " + instant(live.getInstanceSince())
            : "without an instance");
    facts.add(
        "running",
        live.getRunningMethod().isEmpty()
            ? "nothing"
            : "%s for %s"
                .formatted(
                    live.getRunningMethod(),
                    DurationConverter.text(
                        Duration.ofNanos(Durations.toNanos(live.getRunningFor())))));
    facts.add(
        "waiting", "%,d invocations, %,d bytes".formatted(live.getQueued(), live.getQueuedBytes()));
    facts.add("commits", "%,d pending".formatted(live.getPendingCommits()));
    facts.add("stubs", "%,d open".formatted(live.getOpenStubs()));
    if (live.hasLastBreak()) {
      LastBreak last = live.getLastBreak();
      facts.add(
          "last break",
          "%s %s%s: %s"
              .formatted(
                  instant(last.getTime()),
                  last.getReason(),
                  last.getMethod().isEmpty() ? "" : " in " + last.getMethod(),
                  last.getMessage()));
    }
  }

  /** What is known of the alarm, in a line. */
  static String alarm(GetObjectResponse object) {
    String failed =
        object.getAlarmRetries() == 0
            ? ""
            : ", failed %,d times so far".formatted(object.getAlarmRetries());
    if (object.getAlarmGivenUp()) {
      return "given up" + failed;
    }
    if (!object.getObject().hasAlarm()) {
      return "none";
    }
    Instant due = instant(object.getObject().getAlarm());
    Duration left = Duration.between(Instant.now(), due);
    return due
        + (left.isNegative() ? " (due)" : " (in " + DurationConverter.text(left) + ")")
        + failed;
  }
}
