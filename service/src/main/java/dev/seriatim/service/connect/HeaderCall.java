package dev.seriatim.service.connect;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.util.Durations;
import com.google.rpc.Status;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectAddress;
import dev.seriatim.service.placement.Placement;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.BreakCause;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.SessionInput;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.Invocation;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Outcome;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One unary call that names its object in a header. Its listener is called by one thread at a time;
 * once the invocation is under way, only the stub's queue writes to the call.
 */
final class HeaderCall extends ServerCall.Listener<Argument> implements Attachment {
  /** Headers that are about the call rather than for the method. */
  private static final Set<String> TRANSPORT_HEADERS =
      Set.of("content-type", "te", "user-agent", "accept-encoding", "content-length", "host");

  private final ServerCall<Argument, byte[]> call;
  private final ObjectMethod method;
  private final Placement placement;
  private final ObjectAddress address;
  private final Invocation.Builder invocation;

  // The listener's own.
  private @Nullable Argument argument;
  private boolean refused;
  private @Nullable SessionInput stub;

  // The queue's writer's own.
  private @Nullable Broken broken;

  /** Written by the queue's writer. */
  private volatile boolean sent;

  private HeaderCall(
      ServerCall<Argument, byte[]> call,
      ObjectMethod method,
      Placement placement,
      ObjectAddress address,
      Invocation.Builder invocation) {
    this.call = call;
    this.method = method;
    this.placement = placement;
    this.address = address;
    this.invocation = invocation;
  }

  static ServerCall.Listener<Argument> start(
      ServerCall<Argument, byte[]> call,
      Metadata headers,
      ObjectMethod method,
      Namespaces namespaces,
      Placement placement) {
    try {
      BreakCause refusal = placement.refusal();
      if (refusal != null) {
        throw new BreakException(refusal);
      }
      ObjectAddress address = namespaces.resolve(ObjectHeader.read(headers));
      String expected = address.namespace().methods().serviceName();
      if (address.namespace().methods().find(method.fullName()) == null) {
        throw new BreakException(
            BreakCause.of(
                BreakReason.UNKNOWN_METHOD,
                "namespace %s has no method %s, expected one of %s"
                    .formatted(address.namespace().name(), method.fullName(), expected)));
      }
      // Two, for gRPC tells from the second that there is only one.
      call.request(2);
      return new HeaderCall(call, method, placement, address, invocation(headers));
    } catch (BreakException e) {
      StatusTrailers.close(call, e.cause().toStatusProto());
      return new ServerCall.Listener<>() {};
    }
  }

  private static Invocation.Builder invocation(Metadata headers) {
    Invocation.Builder invocation = Invocation.newBuilder().setSequence(1);
    Deadline deadline = Context.current().getDeadline();
    if (deadline != null) {
      invocation.setTimeout(Durations.fromNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS)));
    }
    for (String name : headers.keys()) {
      if (name.startsWith("grpc-")
          || name.startsWith("seriatim-")
          || TRANSPORT_HEADERS.contains(name)) {
        continue;
      }
      if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        byte[] value = headers.get(Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER));
        if (value != null) {
          invocation.putMetadata(name, BaseEncoding.base64().encode(value));
        }
      } else {
        Iterable<String> values =
            headers.getAll(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
        if (values != null) {
          invocation.putMetadata(name, String.join(",", values));
        }
      }
    }
    return invocation;
  }

  @Override
  public void onMessage(Argument message) {
    if (argument != null) {
      refuse(
          BreakCause.of(
              BreakReason.PROTOCOL_VIOLATION, "the call has a second message, expected one"));
    } else if (message.fault() != null) {
      refuse(message.fault());
    }
    argument = message;
  }

  private void refuse(BreakCause cause) {
    if (!refused) {
      refused = true;
      StatusTrailers.close(call, cause.toStatusProto());
    }
  }

  @Override
  public void onHalfClose() {
    if (argument == null) {
      refuse(
          BreakCause.of(BreakReason.PROTOCOL_VIOLATION, "the call has no message, expected one"));
    }
    if (refused || argument == null) {
      return;
    }
    invocation.setMethod(method.fullName()).setMessage(argument.bytes());
    stub = placement.open(address, this);
    stub.add(List.of(dev.seriatim.wire.Invocation.of(invocation.build())), argument.bytes().size());
    stub.halfClose();
  }

  @Override
  public void onCancel() {
    if (stub != null) {
      stub.cancel();
    }
  }

  @Override
  public void onComplete() {
    if (stub != null) {
      stub.onDelivered();
    }
  }

  @Override
  public void onReady() {
    if (stub != null) {
      stub.onReady();
    }
  }

  // ---- called by the stub's queue, one thread at a time

  @Override
  public boolean isOnTransport() {
    return Connection.of(call.getAttributes()) != null;
  }

  @Override
  public boolean isReady() {
    return !sent || call.isReady(); // There is one outcome, and gRPC has room for one.
  }

  @Override
  public void send(List<Outcome> outcomes, @Nullable Broken last) {
    broken = last;
    sent = true;
    for (Outcome outcome : outcomes) {
      call.sendHeaders(new Metadata());
      Content message = outcome.message();
      call.sendMessage(message == null ? new byte[0] : message.toByteString().toByteArray());
    }
  }

  @Override
  public void close(Status end) {
    if (broken == null) {
      call.close(Statuses.of(end), new Metadata());
    } else {
      StatusTrailers.close(call, broken.getCause());
    }
  }
}
