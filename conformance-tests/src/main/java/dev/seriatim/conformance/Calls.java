package dev.seriatim.conformance;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import dev.seriatim.conformance.v1.Call;
import dev.seriatim.v1.Invocation;

/** Turns the calls of a case into invocations. */
final class Calls {
  private Calls() {}

  /** The invocation that a call with this number stands for; its variables are expanded already. */
  static Invocation invocation(Call call, long sequence) throws CaseFailure {
    Invocation.Builder invocation =
        Invocation.newBuilder()
            .setSequence(sequence)
            .setMethod(method(call))
            .putAllMetadata(call.getMetadataMap());
    if (call.hasTimeout()) {
      invocation.setTimeout(call.getTimeout());
    }
    switch (call.getArgumentCase()) {
      case RAW -> invocation.setMessage(call.getRaw());
      case JSON_TEXT -> invocation.setJson(json(call.getJsonText()));
      case ARGUMENT_NOT_SET -> {}
      default -> {
        if (call.getJson()) {
          invocation.setJson(json(argument(call)));
        } else {
          invocation.setMessage(argument(call).toByteString());
        }
      }
    }
    return invocation.build();
  }

  /** The method that the call names. */
  static String method(Call call) throws CaseFailure {
    if (call.hasMethod()) {
      return call.getMethod();
    }
    return switch (call.getArgumentCase()) {
      case RAW, JSON_TEXT, ARGUMENT_NOT_SET ->
          throw new CaseFailure("the case has a call with neither a method nor a probe's argument");
      default -> ProbeMethods.nameFor(argument(call).getDescriptorForType());
    };
  }

  /** The bytes of the argument, for a plain unary call. */
  static ByteString bytes(Call call) {
    return switch (call.getArgumentCase()) {
      case RAW -> call.getRaw();
      case JSON_TEXT, ARGUMENT_NOT_SET -> ByteString.EMPTY;
      default -> argument(call).toByteString();
    };
  }

  /** This JSON text as a value. */
  static Value json(String text) throws CaseFailure {
    Value.Builder value = Value.newBuilder();
    try {
      JsonFormat.parser().merge(text, value);
    } catch (InvalidProtocolBufferException e) {
      throw new CaseFailure("the case has JSON that doesn't parse: " + e.getMessage());
    }
    return value.build();
  }

  private static Value json(Message message) throws CaseFailure {
    try {
      return json(JsonFormat.printer().print(message));
    } catch (InvalidProtocolBufferException e) {
      throw new CaseFailure("the case has an argument that has no JSON form: " + e.getMessage());
    }
  }

  private static Message argument(Call call) {
    FieldDescriptor field =
        Call.getDescriptor().findFieldByNumber(call.getArgumentCase().getNumber());
    return (Message) call.getField(field);
  }
}
