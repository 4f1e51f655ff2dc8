package dev.seriatim.server.cli;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Asks a host what its services are. */
final class Reflection {
  private Reflection() {}

  /**
   * The service of this name; empty if the host doesn't tell.
   *
   * @throws StatusException if there is no connection, or the host doesn't let the caller ask
   */
  static Optional<ServiceTypes> find(Channel channel, String service, long timeoutNanos)
      throws StatusException, InterruptedException {
    Map<String, FileDescriptorProto> files = new LinkedHashMap<>();
    BlockingClientCall<ServerReflectionRequest, ServerReflectionResponse> call =
        ClientCalls.blockingBidiStreamingCall(
            channel,
            ServerReflectionGrpc.getServerReflectionInfoMethod(),
            CallOptions.DEFAULT.withDeadlineAfter(timeoutNanos, TimeUnit.NANOSECONDS));
    try {
      Deque<ServerReflectionRequest> toAsk = new ArrayDeque<>();
      toAsk.add(ServerReflectionRequest.newBuilder().setFileContainingSymbol(service).build());
      while (!toAsk.isEmpty()) {
        if (!call.write(toAsk.remove())) {
          return Optional.empty();
        }
        ServerReflectionResponse answer = call.read();
        if (answer == null || !answer.hasFileDescriptorResponse()) {
          return Optional.empty();
        }
        for (ByteString bytes : answer.getFileDescriptorResponse().getFileDescriptorProtoList()) {
          FileDescriptorProto file = FileDescriptorProto.parseFrom(bytes);
          files.put(file.getName(), file);
        }
        // Most hosts send what a file imports along with it.
        for (FileDescriptorProto file : files.values()) {
          for (String imported : file.getDependencyList()) {
            if (!files.containsKey(imported) && toAsk.isEmpty()) {
              toAsk.add(ServerReflectionRequest.newBuilder().setFileByFilename(imported).build());
            }
          }
        }
      }
    } catch (StatusException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw e;
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    } finally {
      call.cancel("all is known", null);
    }
    return ServiceTypes.find(
        service, FileDescriptorSet.newBuilder().addAllFile(files.values()).build());
  }
}
