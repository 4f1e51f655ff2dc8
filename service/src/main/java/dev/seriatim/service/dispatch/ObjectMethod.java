package dev.seriatim.service.dispatch;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Value;
import dev.seriatim.wire.Content;
import dev.seriatim.wire.Invocation;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * One method of a namespace's service, and how its messages are read and written. Immutable, but
 * for its pace.
 */
public final class ObjectMethod {
  /** An argument that isn't longer isn't looked at: it takes little, whatever it is. */
  private static final int LITTLE_BYTES = 2 << 10;

  /** What a turn takes anyway. */
  private static final int LITTLE_HEAP_BYTES = 16 << 10;

  /** JSON is a tree of values, then text, then another tree, and then the message. */
  private static final int JSON_FACTOR = 4;

  /** Metadata is a map of strings, and then gRPC's. */
  private static final int METADATA_FACTOR = 24;

  /** What can be read in about the time of a short turn, or at worst a few of them. */
  private static final int SHORT_JSON_BYTES = 512;

  private static final int SHORT_MESSAGE_BYTES = 128 << 10;

  private final MethodDescriptor<Object, Object> descriptor;
  private final int index;
  private final JsonCodec json;
  private final Pace pace = new Pace();

  ObjectMethod(MethodDescriptor<Object, Object> descriptor, int index, JsonCodec json) {
    this.descriptor = descriptor;
    this.index = index;
    this.json = json;
  }

  /** The method as it was declared; any message of its service will do for an {@code Object}. */
  public MethodDescriptor<Object, Object> descriptor() {
    return descriptor;
  }

  /** The place of this method in its {@link MethodTable}. */
  public int index() {
    return index;
  }

  /** Whether its turns are short. */
  public Pace pace() {
    return pace;
  }

  /** The short name, such as {@code Increment}. */
  public String name() {
    String name = descriptor.getBareMethodName();
    return name == null ? descriptor.getFullMethodName() : name;
  }

  /** The full name, such as {@code pkg.Counter/Increment}. */
  public String fullName() {
    return descriptor.getFullMethodName();
  }

  /** The full name of the request message; empty if it isn't a protobuf message. */
  public String requestType() {
    return typeName(descriptor.getRequestMarshaller());
  }

  /** The full name of the response message; empty if it isn't a protobuf message. */
  public String responseType() {
    return typeName(descriptor.getResponseMarshaller());
  }

  /**
   * About how much memory an argument takes while it is read, and after that, beside the frame that
   * it came in; 0 if that is little.
   *
   * @param most more needn't be told apart: that much can't be had
   */
  public long heapBytes(Invocation invocation, long most) {
    ByteString argument = invocation.argument();
    long bytes = (long) METADATA_FACTOR * invocation.metadataSize();
    if (argument.size() > LITTLE_BYTES) {
      if (invocation.isJson()) {
        bytes += JSON_FACTOR * HeapEstimate.of(argument, Value.getDescriptor(), most / JSON_FACTOR);
      } else if (prototype(descriptor.getRequestMarshaller()) instanceof Message prototype) {
        bytes += HeapEstimate.of(argument, prototype.getDescriptorForType(), most);
      } else {
        bytes += argument.size();
      }
    }
    return bytes > LITTLE_HEAP_BYTES ? bytes : 0;
  }

  /**
   * Whether it may take long to read the argument of this invocation, whatever the method then
   * does.
   */
  public static boolean isLongToRead(Invocation invocation) {
    return invocation.argument().size()
            > (invocation.isJson() ? SHORT_JSON_BYTES : SHORT_MESSAGE_BYTES)
        || invocation.metadataSize() > SHORT_JSON_BYTES;
  }

  /**
   * Reads an argument, from either of its forms.
   *
   * @throws MalformedArgumentException if it isn't the request type
   */
  public Object parse(Invocation invocation) throws MalformedArgumentException {
    return invocation.isJson() ? parseJson(invocation) : parse(invocation.message());
  }

  private Object parse(ByteString bytes) throws MalformedArgumentException {
    try {
      if (prototype(descriptor.getRequestMarshaller()) instanceof MessageLite prototype) {
        return prototype.getParserForType().parseFrom(bytes);
      }
      return descriptor.getRequestMarshaller().parse(bytes.newInput());
    } catch (IOException | RuntimeException e) {
      throw new MalformedArgumentException(
          "argument of %s: %d bytes are not a serialized %s: %s"
              .formatted(fullName(), bytes.size(), requestType(), e.getMessage()),
          e);
    }
  }

  private Object parseJson(Invocation invocation) throws MalformedArgumentException {
    if (!(prototype(descriptor.getRequestMarshaller()) instanceof Message prototype)) {
      throw new MalformedArgumentException(
          "argument of %s: the method takes no JSON, expected bytes".formatted(fullName()), null);
    }
    try {
      return json.parse(invocation.json(), prototype);
    } catch (IOException | RuntimeException e) {
      throw new MalformedArgumentException(
          "argument of %s: the JSON is not a %s: %s"
              .formatted(fullName(), requestType(), e.getMessage()),
          e);
    }
  }

  /** The response in its JSON form; {@code handler} is the type that an interceptor made of it. */
  <R> Value toJson(MethodDescriptor<?, R> handler, R response) throws IOException {
    Object own =
        handler == descriptor
            ? response
            : descriptor.parseResponse(handler.streamResponse(response));
    if (!(own instanceof Message message)) {
      throw new IOException("the response of %s has no JSON form".formatted(fullName()));
    }
    return json.toValue(message);
  }

  /** The response as a result; read here and now, unless it is one that never changes. */
  <R> Content content(MethodDescriptor<?, R> handler, R response) throws IOException {
    if (response instanceof MessageLite message) {
      return Content.of(message);
    }
    try (InputStream stream = handler.streamResponse(response)) {
      return Content.of(ByteString.readFrom(stream));
    }
  }

  private static String typeName(MethodDescriptor.Marshaller<?> marshaller) {
    return prototype(marshaller) instanceof Message message
        ? message.getDescriptorForType().getFullName()
        : "";
  }

  private static @Nullable Object prototype(MethodDescriptor.Marshaller<?> marshaller) {
    return marshaller instanceof PrototypeMarshaller<?> known ? known.getMessagePrototype() : null;
  }
}
