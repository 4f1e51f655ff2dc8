package dev.seriatim.service.dispatch;

import com.google.protobuf.Value;
import dev.seriatim.wire.Content;
import io.grpc.Metadata;
import io.grpc.Status;

/** Is told how a method closed its reply: exactly one of these calls, from any thread. */
public interface Reply {
  /** The method replied with this. */
  void message(Content response);

  /** The method replied with this JSON. */
  void json(Value response);

  /** The method failed its reply. */
  void failed(Status status, Metadata trailers);

  /** Whether the turn was cut off, so that no one waits for the reply any more. */
  boolean isCutOff();
}
