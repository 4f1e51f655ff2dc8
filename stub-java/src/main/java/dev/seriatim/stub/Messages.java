package dev.seriatim.stub;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.seriatim.wire.Content;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.protobuf.ProtoUtils;
import java.io.IOException;
import java.io.InputStream;

/**
 * Requests to bytes, and bytes to responses, by the method's own marshallers. Those that
 * grpc-protobuf makes are by far the most common, and for them a stream on the way would only cost
 * time.
 */
final class Messages {
  private static final Class<?> PROTOBUF_MARSHALLER =
      ProtoUtils.marshaller(Empty.getDefaultInstance()).getClass();

  private Messages() {}

  /** The request as an argument; read here and now, unless it is one that never changes. */
  static <Q> Content argument(MethodDescriptor<Q, ?> method, Q request) {
    if (method.getRequestMarshaller().getClass() == PROTOBUF_MARSHALLER) {
      return Content.of((MessageLite) request);
    }
    try (InputStream stream = method.streamRequest(request)) {
      return Content.of(ByteString.readFrom(stream));
    } catch (IOException e) {
      throw new IllegalArgumentException("the request can't be read: " + e.getMessage(), e);
    }
  }

  static <R> R parse(MethodDescriptor<?, R> method, ByteString result)
      throws UnreadableResultException {
    Marshaller<R> marshaller = method.getResponseMarshaller();
    try {
      if (marshaller.getClass() == PROTOBUF_MARSHALLER
          && ((PrototypeMarshaller<R>) marshaller).getMessagePrototype()
              instanceof MessageLite prototype) {
        @SuppressWarnings("unchecked") // The prototype is an R, and its parser gives its own type.
        R response = (R) prototype.getParserForType().parseFrom(result);
        return response;
      }
      return method.parseResponse(result.newInput());
    } catch (InvalidProtocolBufferException | RuntimeException e) {
      throw new UnreadableResultException(method.getFullMethodName(), e);
    }
  }
}
