package dev.seriatim.conformance;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Value;
import com.google.rpc.ErrorInfo;
import dev.seriatim.conformance.v1.AppendRequest;
import dev.seriatim.conformance.v1.AppendResponse;
import dev.seriatim.conformance.v1.EchoRequest;
import dev.seriatim.conformance.v1.EchoResponse;
import dev.seriatim.conformance.v1.FailRequest;
import dev.seriatim.conformance.v1.ReadJournalResponse;
import dev.seriatim.v1.Broken;
import dev.seriatim.v1.ConnectRequest;
import dev.seriatim.v1.ConnectResponse;
import dev.seriatim.v1.DescribeNamespaceRequest;
import dev.seriatim.v1.DescribeNamespaceResponse;
import dev.seriatim.v1.DurableObjectsGrpc;
import dev.seriatim.v1.Invocation;
import dev.seriatim.v1.ListNamespacesRequest;
import dev.seriatim.v1.ListNamespacesResponse;
import dev.seriatim.v1.Open;
import dev.seriatim.v1.Opened;
import dev.seriatim.v1.Outcome;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A host in a hundred lines, with a small part of the probe, that has one chosen fault. It shows
 * that the runner finds the fault.
 */
final class FaultyHost extends DurableObjectsGrpc.DurableObjectsImplBase {
  enum Fault {
    NONE,
    NEVER_OPENS,
    OPENS_TWICE,
    ECHOES_WRONG_NAME,
    DERIVES_WRONG_ID,
    ANSWERS_TWICE,
    LEAVES_OUT_AN_OUTCOME,
    SWAPS_OUTCOMES,
    ANSWERS_WRONG_TEXT,
    ANSWERS_JSON_WITH_BYTES,
    NEVER_ANSWERS,
    NEVER_ENDS,
    RUNS_WHAT_IS_BEHIND_A_FAILURE,
    COUNTS_THE_FAILED_AS_COMPLETED,
    BLAMES_THE_WRONG_INVOCATION,
    ENDS_WITHOUT_BROKEN,
    ENDS_WITH_ANOTHER_CODE,
    ENDS_WITH_ANOTHER_MESSAGE,
    SENDS_AFTER_BROKEN,
    SAYS_NO_REASON,
    SAYS_TWO_REASONS,
    SAYS_ANOTHER_DOMAIN,
    SAYS_AN_UNKNOWN_REASON,
    SAYS_RETRYABLE,
    HIDES_THE_NUMBERS_OF_A_GAP,
    IGNORES_A_GAP,
    OVERLAPS_TURNS,
    LISTS_NAMESPACES_UNSORTED,
    DESCRIBES_WHAT_IS_NOT_THERE,
  }

  private static final String KEY = "faulty";

  private final Fault fault;
  private final Map<String, List<String>> journals = new ConcurrentHashMap<>();

  FaultyHost(Fault fault) {
    this.fault = fault;
  }

  @Override
  public StreamObserver<ConnectRequest> connect(StreamObserver<ConnectResponse> reply) {
    return new Stub(reply);
  }

  @Override
  public void describeNamespace(
      DescribeNamespaceRequest request, StreamObserver<DescribeNamespaceResponse> reply) {
    if (!request.getName().equals("PROBE") && fault != Fault.DESCRIBES_WHAT_IS_NOT_THERE) {
      reply.onError(
          io.grpc.protobuf.StatusProto.toStatusRuntimeException(
              com.google.rpc.Status.newBuilder()
                  .setCode(Status.Code.NOT_FOUND.value())
                  .addDetails(Any.pack(info("UNKNOWN_NAMESPACE")))
                  .build()));
      return;
    }
    reply.onNext(
        DescribeNamespaceResponse.newBuilder()
            .setName(request.getName())
            .setUniqueKey(KEY)
            .build());
    reply.onCompleted();
  }

  @Override
  public void listNamespaces(
      ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> reply) {
    List<String> names = new ArrayList<>(List.of("A", "PROBE"));
    if (fault == Fault.LISTS_NAMESPACES_UNSORTED) {
      Collections.reverse(names);
    }
    reply.onNext(ListNamespacesResponse.newBuilder().addAllNames(names).build());
    reply.onCompleted();
  }

  private static ErrorInfo info(String reason) {
    return ErrorInfo.newBuilder().setReason(reason).setDomain("seriatim.dev").build();
  }

  private final class Stub implements StreamObserver<ConnectRequest> {
    private final StreamObserver<ConnectResponse> reply;
    private List<String> journal = new ArrayList<>();
    private long completed;

    private boolean over;
    private @Nullable Outcome held;

    Stub(StreamObserver<ConnectResponse> reply) {
      this.reply = reply;
    }

    @Override
    public void onNext(ConnectRequest frame) {
      if (frame.hasOpen()) {
        open(frame.getOpen());
      }
      for (Invocation invocation : frame.getInvocationsList()) {
        if (!over) {
          invoke(invocation);
        } else if (fault == Fault.RUNS_WHAT_IS_BEHIND_A_FAILURE) {
          run(invocation);
        }
      }
    }

    private void open(Open open) {
      if (!open.getNamespace().equals("PROBE")) {
        broken("UNKNOWN_NAMESPACE", Status.NOT_FOUND.withDescription("no such namespace"), 0);
        return;
      }
      journal = journals.computeIfAbsent(open.getName(), _ -> new ArrayList<>());
      if (fault == Fault.NEVER_OPENS) {
        return;
      }
      String key = fault == Fault.DERIVES_WRONG_ID ? "another" : KEY;
      ConnectResponse frame =
          ConnectResponse.newBuilder()
              .setOpened(
                  Opened.newBuilder()
                      .setId(IdDerivation.fromName(key, open.getName()))
                      .setName(fault == Fault.ECHOES_WRONG_NAME ? "someone else" : open.getName()))
              .build();
      reply.onNext(frame);

      if (fault == Fault.OPENS_TWICE) {
        reply.onNext(frame);
      }
    }

    private void invoke(Invocation invocation) {
      if (invocation.getSequence() != completed + 1 && fault != Fault.IGNORES_A_GAP) {
        String message =
            fault == Fault.HIDES_THE_NUMBERS_OF_A_GAP
                ? "bad sequence"
                : "sequence %d, expected %d".formatted(invocation.getSequence(), completed + 1);
        broken(
            "SEQUENCE_VIOLATION",
            Status.INVALID_ARGUMENT.withDescription(message),
            invocation.getSequence());
        return;
      }
      if (fault == Fault.NEVER_ANSWERS) {
        completed++;
        return;
      }
      Outcome outcome;
      try {
        outcome = run(invocation);
      } catch (StatusRuntimeException e) {
        broken("OBJECT_EXCEPTION", e.getStatus(), invocation.getSequence());
        return;
      }
      completed++;
      switch (fault) {
        case ANSWERS_TWICE -> {
          send(outcome);
          send(outcome);
        }
        case LEAVES_OUT_AN_OUTCOME -> {
          if (completed != 2) {
            send(outcome);
          }
        }
        case SWAPS_OUTCOMES -> {
          if (held == null) {
            held = outcome;
          } else {
            send(outcome);
            send(held);
            held = null;
          }
        }
        default -> send(outcome);
      }
    }

    private Outcome run(Invocation invocation) {
      try {
        Message response =
            switch (invocation.getMethod()) {
              case "Echo" -> {
                String text = EchoRequest.parseFrom(invocation.getMessage()).getText();
                yield EchoResponse.newBuilder()
                    .setText(fault == Fault.ANSWERS_WRONG_TEXT ? text + "?" : text)
                    .build();
              }
              case "Append" -> {
                String mark = AppendRequest.parseFrom(invocation.getMessage()).getMark();
                journal.add(mark);
                yield AppendResponse.newBuilder().setLength(journal.size()).setMark(mark).build();
              }
              case "ReadJournal" ->
                  ReadJournalResponse.newBuilder()
                      .addAllMarks(journal)
                      .setOverlaps(fault == Fault.OVERLAPS_TURNS ? 1 : 0)
                      .build();
              case "Fail" ->
                  throw Status.fromCodeValue(
                          FailRequest.parseFrom(invocation.getMessage()).getStatus().getCode())
                      .withDescription("told to fail")
                      .asRuntimeException();
              default -> throw Status.UNIMPLEMENTED.asRuntimeException();
            };
        Outcome.Builder outcome = Outcome.newBuilder().setSequence(invocation.getSequence());
        return fault == Fault.ANSWERS_JSON_WITH_BYTES || !invocation.hasJson()
            ? outcome.setMessage(response.toByteString()).build()
            : outcome.setJson(Value.newBuilder().setBoolValue(true)).build();
      } catch (InvalidProtocolBufferException e) {
        throw Status.INVALID_ARGUMENT.withCause(e).asRuntimeException();
      }
    }

    private void send(Outcome outcome) {
      reply.onNext(ConnectResponse.newBuilder().addOutcomes(outcome).build());
    }

    private void broken(String reason, Status status, long sequence) {
      over = true;
      if (fault == Fault.ENDS_WITHOUT_BROKEN) {
        reply.onError(status.asRuntimeException());
        return;
      }
      com.google.rpc.Status.Builder cause =
          com.google.rpc.Status.newBuilder()
              .setCode(status.getCode().value())
              .setMessage(String.valueOf(status.getDescription()));
      switch (fault) {
        case SAYS_NO_REASON -> {}
        case SAYS_TWO_REASONS ->
            cause.addDetails(Any.pack(info(reason))).addDetails(Any.pack(info(reason)));
        case SAYS_ANOTHER_DOMAIN ->
            cause.addDetails(Any.pack(info(reason).toBuilder().setDomain("elsewhere").build()));
        case SAYS_AN_UNKNOWN_REASON -> cause.addDetails(Any.pack(info("BAD_LUCK")));
        default -> cause.addDetails(Any.pack(info(reason)));
      }
      ConnectResponse frame =
          ConnectResponse.newBuilder()
              .setBroken(
                  Broken.newBuilder()
                      .setCause(cause)
                      .setCompletedThrough(
                          fault == Fault.COUNTS_THE_FAILED_AS_COMPLETED ? completed + 1 : completed)
                      .setFailedSequence(
                          fault == Fault.BLAMES_THE_WRONG_INVOCATION ? sequence + 1 : sequence)
                      .setRetryable(fault == Fault.SAYS_RETRYABLE)
                      .setRemote(reason.startsWith("OBJECT_")))
              .build();
      reply.onNext(frame);
      if (fault == Fault.SENDS_AFTER_BROKEN) {
        reply.onNext(frame);
      }
      if (fault == Fault.NEVER_ENDS) {
        return;
      }
      Status end =
          switch (fault) {
            case ENDS_WITH_ANOTHER_CODE -> Status.INTERNAL.withDescription(status.getDescription());
            case ENDS_WITH_ANOTHER_MESSAGE -> status.withDescription("something else");
            default -> status;
          };
      reply.onError(end.asRuntimeException());
    }

    @Override
    public void onError(Throwable t) {}

    @Override
    public void onCompleted() {
      if (!over && fault != Fault.NEVER_ENDS) {
        over = true;
        reply.onCompleted();
      }
    }
  }
}
