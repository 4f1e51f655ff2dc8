package dev.seriatim.conformance;

import com.google.protobuf.Any;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import dev.seriatim.conformance.v1.ExpectedBroken;
import dev.seriatim.conformance.v1.ExpectedEnd;
import dev.seriatim.v1.Broken;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Compares what a case expects of a failure with what came. */
final class FailureChecks {
  private FailureChecks() {}

  /** Checks what a break says beyond what every break must say. */
  static void broken(ExpectedBroken expected, Broken broken) throws CaseFailure {
    ErrorInfo info = FrameRules.errorInfo(broken.getCause());
    if (broken.getFailedSequence() != expected.getFailedSequence()) {
      throw new CaseFailure(
          "failed_sequence is %s, expected %s"
              .formatted(
                  Long.toUnsignedString(broken.getFailedSequence()),
                  Long.toUnsignedString(expected.getFailedSequence())));
    }
    cause(expected, broken.getCause(), info);
  }

  /** Checks a cause, in a frame or in a trailer. */
  static void cause(ExpectedBroken expected, com.google.rpc.Status cause, ErrorInfo info)
      throws CaseFailure {
    if (!info.getReason().equals(expected.getReason())) {
      throw new CaseFailure(
          "the reason is %s, expected %s".formatted(info.getReason(), expected.getReason()));
    }
    List<Code> codes = new ArrayList<>(expected.getCodesList());
    if (codes.isEmpty()) {
      FailureTable.of(expected.getReason()).flatMap(FailureTable::code).ifPresent(codes::add);
    }
    if (!codes.isEmpty() && !codes.contains(Code.forNumber(cause.getCode()))) {
      throw new CaseFailure(
          "the code is %s, expected %s".formatted(Code.forNumber(cause.getCode()), codes));
    }
    for (String part : expected.getMessageContainsList()) {
      if (!cause.getMessage().contains(part)) {
        throw new CaseFailure(
            "the message is '%s', expected it to contain '%s'"
                .formatted(Text.cut(cause.getMessage()), part));
      }
    }
    for (Map.Entry<String, String> entry : expected.getMetadataMap().entrySet()) {
      if (!entry.getValue().equals(info.getMetadataMap().get(entry.getKey()))) {
        throw new CaseFailure(
            "the ErrorInfo's metadata is %s, expected %s=%s among it"
                .formatted(info.getMetadataMap(), entry.getKey(), entry.getValue()));
      }
    }
    List<Any> behind = cause.getDetailsList().subList(1, cause.getDetailsCount());
    if (!behind.equals(expected.getDetailsList())) {
      throw new CaseFailure("the details behind the ErrorInfo differ from what was expected");
    }
  }

  static void end(String stub, ExpectedEnd expected, Status status) throws CaseFailure {
    Code code = Objects.requireNonNull(Code.forNumber(status.getCode().value()));
    boolean right =
        expected.getAnyError()
            ? code != Code.OK
            : expected.getCodesCount() == 0
                ? code == Code.OK
                : expected.getCodesList().contains(code);
    if (!right) {
      throw new CaseFailure(
          "stub %s: the call ended with %s, expected %s"
              .formatted(
                  stub,
                  Text.of(status),
                  expected.getAnyError()
                      ? "an error"
                      : expected.getCodesCount() == 0 ? "OK" : expected.getCodesList().toString()));
    }
  }
}
