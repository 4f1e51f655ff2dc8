package dev.seriatim.conformance.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.Value;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.seriatim.conformance.v1.HostBroken;
import dev.seriatim.conformance.v1.HostEnd;
import dev.seriatim.conformance.v1.HostOpened;
import dev.seriatim.conformance.v1.HostOutcomes;
import dev.seriatim.conformance.v1.SayRequest;
import dev.seriatim.conformance.v1.SayResponse;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.OpenedSession;
import dev.seriatim.v1.Outcome;
import dev.seriatim.v1.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/** Makes the frames that a script asks for, right and wrong ones. */
final class HostFrames {
  /** The unique key of every namespace of the scripted host. */
  static final String UNIQUE_KEY = "seriatim-conformance-probe";

  private static final String DOMAIN = "seriatim.dev";
  private static final DurableObjectIds IDS = new DurableObjectIds(UNIQUE_KEY);
  private static final UnknownFieldSet UNKNOWN =
      UnknownFieldSet.newBuilder()
          .addField(1000, UnknownFieldSet.Field.newBuilder().addVarint(7).build())
          .addField(
              1001,
              UnknownFieldSet.Field.newBuilder()
                  .addLengthDelimited(ByteString.copyFromUtf8("of a later version"))
                  .build())
          .build();

  private HostFrames() {}

  static ConnectResponse opened(
      Open open, HostOpened script, @Nullable Route route, @Nullable OpenedSession session) {
    Opened.Builder opened = Opened.newBuilder();
    if (!script.getNoId()) {
      opened.setId(script.getId().isEmpty() ? idOf(open) : script.getId());
    }
    if (!script.getName().isEmpty()) {
      opened.setName(script.getName());
    } else if (open.hasName()) {
      opened.setName(open.getName());
    }
    if (route != null) {
      opened.setRoute(route);
    }
    if (session != null) {
      opened.setSession(session);
    }
    if (script.getLaterFields()) {
      opened.setUnknownFields(UNKNOWN);
    }
    ConnectResponse.Builder frame = ConnectResponse.newBuilder().setOpened(opened);
    if (script.getLaterFields()) {
      frame.setUnknownFields(UNKNOWN);
    }
    return frame.build();
  }

  private static String idOf(Open open) {
    return open.hasId() ? open.getId() : IDS.fromName(open.getName()).toString();
  }

  /**
   * The frames of these outcomes.
   *
   * @param opened stands in the first, if there is one
   * @param received the invocation with a number, if it has come
   */
  static List<ConnectResponse> outcomes(
      @Nullable Opened opened, LongFunction<@Nullable Invocation> received, HostOutcomes script) {
    List<ConnectResponse> frames = new ArrayList<>();
    ConnectResponse.Builder frame = ConnectResponse.newBuilder();
    if (opened != null) {
      frame.setOpened(opened);
    }
    long last = Math.max(script.getFirst(), script.getLast());
    for (long sequence = script.getFirst(); sequence <= last; sequence++) {
      frame.addOutcomes(outcome(sequence, received, script));
      if (script.getOneByOne() && sequence < last) {
        frames.add(frame.build());
        frame = ConnectResponse.newBuilder();
      }
    }
    if (script.hasBroken()) {
      frame.setBroken(broken(script.getBroken()));
    }
    if (script.getLaterFields()) {
      frame.setUnknownFields(UNKNOWN);
    }
    frames.add(frame.build());
    return frames;
  }

  private static Outcome outcome(
      long sequence, LongFunction<@Nullable Invocation> received, HostOutcomes script) {
    Outcome.Builder outcome = Outcome.newBuilder().setSequence(sequence);
    SayResponse.Builder result =
        SayResponse.newBuilder()
            .setText(script.getText().isEmpty() ? textOf(sequence, received) : script.getText())
            .setPadding(ByteString.copyFrom(new byte[script.getPaddingBytes()]));
    if (script.getLaterFields()) {
      result.setUnknownFields(UNKNOWN);
      outcome.setUnknownFields(UNKNOWN);
    }
    if (script.getJson()) {
      return outcome.setJson(Value.newBuilder().setStringValue(result.getText())).build();
    }
    if (script.getNoResult()) {
      return outcome.build();
    }
    return outcome
        .setMessage(script.hasRaw() ? script.getRaw() : result.build().toByteString())
        .build();
  }

  private static String textOf(long sequence, LongFunction<@Nullable Invocation> received) {
    Invocation invocation = received.apply(sequence);
    if (invocation == null) {
      return "";
    }
    try {
      return SayRequest.parseFrom(invocation.getMessage()).getText();
    } catch (InvalidProtocolBufferException e) {
      return "";
    }
  }

  static Broken broken(HostBroken script) {
    Broken.Builder broken =
        Broken.newBuilder()
            .setCompletedThrough(script.getCompletedThrough())
            .setFailedSequence(script.getFailedSequence())
            .setRetryable(script.getRetryable())
            .setOverloaded(script.getOverloaded())
            .setRemote(script.getRemote());
    if (!script.getNoCause()) {
      broken.setCause(cause(script));
    }
    if (script.getLaterFields()) {
      broken.setUnknownFields(UNKNOWN);
    }
    return broken.build();
  }

  private static Status cause(HostBroken script) {
    Status.Builder cause =
        Status.newBuilder()
            .setCode(script.getUnknownCode() != 0 ? script.getUnknownCode() : script.getCodeValue())
            .setMessage(script.getMessage());
    if (script.getUnknownDetail()) {
      cause.addDetails(
          Any.newBuilder()
              .setTypeUrl("type.googleapis.com/seriatim.conformance.v9.Unheard")
              .setValue(ByteString.copyFromUtf8("of")));
    }
    if (!script.getReason().isEmpty()) {
      String domain = script.getDomain().isEmpty() ? DOMAIN : script.getDomain();
      cause.addDetails(
          Any.pack(ErrorInfo.newBuilder().setReason(script.getReason()).setDomain(domain).build()));
    }
    return cause.build();
  }

  /** What the trailers of this end say, besides code and message. */
  static Status details(HostEnd end) {
    if (end.getReason().isEmpty()) {
      return end.getDetails();
    }
    return end.getDetails().toBuilder()
        .setCode(end.getCodeValue())
        .setMessage(end.getMessage())
        .addDetails(
            Any.pack(ErrorInfo.newBuilder().setReason(end.getReason()).setDomain(DOMAIN).build()))
        .build();
  }
}
