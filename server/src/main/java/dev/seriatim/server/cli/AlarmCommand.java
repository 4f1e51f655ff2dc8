package dev.seriatim.server.cli;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EditEntriesResponse;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.GetObjectResponse;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.admin.v1.RunAlarmResponse;
import io.grpc.ManagedChannel;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** An object's alarm. */
@Command(
    name = "alarm",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Shows, runs, sets or removes an object's alarm.",
    subcommands = {
      AlarmCommand.Show.class,
      AlarmCommand.Run.class,
      AlarmCommand.Set.class,
      AlarmCommand.Remove.class
    })
final class AlarmCommand {
  /** Shows it. */
  @Command(name = "show", description = "Shows when the alarm is due.")
  static final class Show extends ObjectActions {
    @Override
    int run(ManagedChannel channel) {
      GetObjectResponse answer =
          admin(channel).getObject(GetObjectRequest.newBuilder().setObject(object()).build());
      if (isJson()) {
        printJson(answer.getObject());
      } else {
        out().println(ObjectCommand.alarm(answer));
      }
      return ExitStatus.OK;
    }
  }

  /** Runs it. */
  @Command(name = "run", description = "Runs the alarm now; ends when what it wrote is durable.")
  static final class Run extends ObjectActions {
    @Override
    int run(ManagedChannel channel) {
      RunAlarmResponse _ =
          admin(channel).runAlarm(RunAlarmRequest.newBuilder().setObject(object()).build());
      return say(true, "has run its alarm", "");
    }
  }

  /** Sets it. */
  @Command(name = "set", description = "Sets the alarm, as a turn.")
  static final class Set extends ObjectActions {
    @Parameters(
        index = "1",
        paramLabel = "TIME",
        description = "When: 2026-01-31T12:00:00Z, or 10m from now.")
    private String time = "";

    @Override
    int run(ManagedChannel channel) {
      Timestamp due = due(time, Instant.now());
      EditEntriesResponse _ =
          admin(channel)
              .editEntries(
                  EditEntriesRequest.newBuilder().setObject(object()).setSetAlarm(due).build());
      return say(true, "has an alarm at " + instant(due), "");
    }
  }

  /** Removes it. */
  @Command(name = "rm", description = "Removes the alarm, as a turn.")
  static final class Remove extends ObjectActions {
    @Override
    int run(ManagedChannel channel) {
      EditEntriesResponse _ =
          admin(channel)
              .editEntries(
                  EditEntriesRequest.newBuilder().setObject(object()).setDeleteAlarm(true).build());
      return say(true, "has no alarm", "");
    }
  }

  /** A time, or how long it is until then. In whole milliseconds, as alarms are. */
  static Timestamp due(String text, Instant now) {
    try {
      return Timestamps.parse(text);
    } catch (ParseException e) {
      try {
        Duration from =
            new DurationConverter().convert(text.startsWith("+") ? text.substring(1) : text);
        return Timestamps.fromMillis(now.plus(from).toEpochMilli());
      } catch (TypeConversionException other) {
        throw CommandFailure.usage(
            "'%s', expected a time such as 2026-01-31T12:00:00Z, or how long until then such as 10m"
                .formatted(text));
      }
    }
  }
}
