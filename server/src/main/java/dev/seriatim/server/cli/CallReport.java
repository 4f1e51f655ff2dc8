package dev.seriatim.server.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.DynamicMessage;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.FailureCause;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells what became of the calls of one stub: each outcome as it comes, and after a break all of
 * them. For one thread.
 */
final class CallReport {
  private final ServiceTypes types;
  private final boolean json;
  private final PrintWriter out;
  private final PrintWriter err;
  private final List<Row> rows = new ArrayList<>();
  private @Nullable FailureCause first;

  CallReport(ServiceTypes types, boolean json, PrintWriter out, PrintWriter err) {
    this.types = types;
    this.json = json;
    this.out = out;
    this.err = err;
  }

  private record Row(String method, String became, String told) {}

  /** The next call has been answered. */
  void answered(PlannedCall call, DynamicMessage reply) {
    String text = types.json(reply);
    rows.add(new Row(call.method().getName(), "ran", text));
    if (json) {
      JsonObject line = line(call, "ran");
      line.add("reply", JsonParser.parseString(text));
      out.println(line);
    } else {
      out.println(text);
    }
    out.flush();
  }

  /** The next call has failed. */
  void failed(PlannedCall call, CallFailure failure) {
    FailureCause cause = failure.failureCause();
    boolean same = first != null && isSame(first, cause);
    if (first == null) {
      first = cause;
    }
    String became = became(failure);
    // The same again for each call behind it would hide where it happened.
    rows.add(new Row(call.method().getName(), became, same ? "" : cause.toString()));
    if (json) {
      JsonObject line = line(call, became);
      line.addProperty("fate", failure.fate().name());
      line.addProperty("code", cause.code().name());
      line.addProperty("reason", cause.reason());
      line.addProperty("message", cause.message());
      line.addProperty("retryable", cause.retryable());
      out.println(line);
      out.flush();
    }
  }

  private static boolean isSame(FailureCause one, FailureCause other) {
    return one.reason().equals(other.reason()) && one.message().equals(other.message());
  }

  private JsonObject line(PlannedCall call, String became) {
    JsonObject line = new JsonObject();
    line.addProperty("call", rows.size());
    line.addProperty("method", call.method().getName());
    line.addProperty("became", became);
    return line;
  }

  private static String became(CallFailure failure) {
    return switch (failure.fate()) {
      case COMPLETED -> "ran, reply not readable";
      case UNKNOWN -> "unknown";
      case NOT_EXECUTED ->
          failure.failedSequence() != 0 && failure.failedSequence() == failure.sequence()
              ? "failed"
              : "never started";
    };
  }

  /** All has been told; says what became of each call if not all went well. */
  int end() {
    if (first == null) {
      return ExitStatus.OK;
    }
    if (!json) {
      TextTable table = new TextTable("CALL", "METHOD", "WHAT BECAME OF IT", "");
      for (int i = 0; i < rows.size(); i++) {
        Row row = rows.get(i);
        table.add(i + 1, row.method(), row.became(), row.told());
      }
      table.print(err);
    }
    return ExitStatus.of(first);
  }
}
