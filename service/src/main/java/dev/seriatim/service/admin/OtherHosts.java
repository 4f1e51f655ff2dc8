package dev.seriatim.service.admin;

import static com.google.common.collect.ImmutableList.toImmutableList;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.stream.Collectors.joining;

import com.google.common.collect.ImmutableList;
import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.caller.HandedOn;
import dev.seriatim.service.placement.Neighbours;
import dev.seriatim.service.placement.Neighbours.Neighbour;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The other hosts of a cluster, as one that was asked uses them: it has found out what the caller
 * may do, and hands on who that is. A host that is asked so answers for itself alone. Safe for any
 * number of threads; blocks for the answers.
 */
final class OtherHosts {
  /** With what a call ends that was handed on to a host which doesn't have the object. */
  private static final Status NOT_HERE =
      Status.FAILED_PRECONDITION.withDescription("the object is not at this host");

  /** How long an answer is waited for that isn't needed. */
  private static final long SOON_MILLIS = 2_000;

  private final @Nullable Neighbours neighbours;
  private final ObjectNames names;

  OtherHosts(AdminHost host, ObjectNames names) {
    this.neighbours = host.neighbours();
    this.names = names;
  }

  /** Where others reach this host; empty outside of a cluster. */
  String self() {
    return neighbours == null ? "" : neighbours.self();
  }

  /** The hosts of the cluster, this one among them, by address; none outside of one. */
  ImmutableList<String> addresses() {
    return neighbours == null
        ? ImmutableList.of()
        : Stream.concat(
                Stream.of(neighbours.self()), neighbours.all().stream().map(Neighbour::address))
            .sorted()
            .collect(toImmutableList());
  }

  // ---- one of them

  /** What another host is asked. */
  @FunctionalInterface
  interface Asked<R> {
    /**
     * Asks it.
     *
     * @param host leads there
     * @throws StatusRuntimeException if the call fails
     */
    R ask(Channel host) throws InterruptedException;
  }

  /**
   * Has the host answer that has the object.
   *
   * @throws StatusException if that host can't be reached; it says which
   */
  <Q, R> R ofOwner(ObjectName object, MethodDescriptor<Q, R> method, Q request, Callable<R> here)
      throws Exception {
    return neighbours == null
        ? here.call()
        : ofOwner(
            names.resolve(object).id(),
            host -> ClientCalls.blockingUnaryCall(host, method, CallOptions.DEFAULT, request),
            here);
  }

  /** The same of the object with this id, for what is more than one message. */
  <R> R ofOwner(DurableObjectId id, Asked<R> there, Callable<R> here) throws Exception {
    if (neighbours == null || HandedOn.isCurrent()) {
      requireHereIfHandedOn(id);
      return here.call();
    }
    long end = System.nanoTime() + neighbours.patience().toNanos();
    while (true) {
      Neighbour owner = neighbours.owner(id);
      if (owner == null) {
        return here.call();
      }
      try {
        return there.ask(through(owner));
      } catch (StatusRuntimeException e) {
        if (!isNotHere(e) || System.nanoTime() - end > 0) {
          throw of(owner, e);
        }
        neighbours.isNotAt(id, owner); // Nothing was done there.
      }
    }
  }

  /**
   * If another host hands on this call, the object is here.
   *
   * @throws StatusException if it isn't; that host asks the next one then
   */
  void requireHereIfHandedOn(DurableObjectId id) throws StatusException {
    if (HandedOn.isCurrent() && !hasHere(id)) {
      throw NOT_HERE.asException();
    }
  }

  /** Whether the object is at this host, as all are outside of a cluster. */
  boolean hasHere(DurableObjectId id) {
    return neighbours == null || neighbours.has(id);
  }

  /**
   * What the host says that has the object, about something that this one could say, too, if less
   * well. Null if no other host is known to have it, or that one says nothing soon.
   */
  <Q, R> @Nullable R ifOwnerSays(ObjectName object, MethodDescriptor<Q, R> method, Q request) {
    if (neighbours == null || HandedOn.isCurrent()) {
      return null;
    }
    try {
      Neighbour owner = neighbours.known(names.resolve(object).id());
      return owner == null
          ? null
          : ClientCalls.blockingUnaryCall(
              through(owner),
              method,
              CallOptions.DEFAULT.withDeadlineAfter(SOON_MILLIS, MILLISECONDS),
              request);
    } catch (StatusRuntimeException | BreakException e) {
      return null; // Nor is any of them the object's fault: this host finds that out by itself.
    }
  }

  private static boolean isNotHere(StatusRuntimeException e) {
    return e.getStatus().getCode() == NOT_HERE.getCode()
        && Objects.equals(e.getStatus().getDescription(), NOT_HERE.getDescription());
  }

  /**
   * Has that host answer; this one for no name, and for its own.
   *
   * @throws StatusException if there is none of this name, or it can't be reached
   */
  <Q, R> R of(String name, MethodDescriptor<Q, R> method, Q request, Callable<R> here)
      throws Exception {
    if (name.isEmpty() || name.equals(self())) {
      return here.call();
    }
    for (Neighbour each : others()) {
      if (each.address().equals(name)) {
        try {
          return ClientCalls.blockingUnaryCall(through(each), method, CallOptions.DEFAULT, request);
        } catch (StatusRuntimeException e) {
          throw of(each, e);
        }
      }
    }
    throw Status.NOT_FOUND
        .withDescription(
            neighbours == null
                ? "host '%s', expected none: this one is in no cluster".formatted(name)
                : "host '%s', expected one of %s"
                    .formatted(name, addresses().stream().collect(joining(", "))))
        .asException();
  }

  // ---- all of them

  /** All but this one; none if it was another host that asked. */
  List<Neighbour> others() {
    return neighbours == null || HandedOn.isCurrent() ? List.of() : neighbours.all();
  }

  /**
   * What all of them say, but for this one.
   *
   * @throws StatusException if one can't be reached; it says which
   */
  <Q, R> List<R> all(MethodDescriptor<Q, R> method, Q request)
      throws StatusException, InterruptedException {
    List<Neighbour> asked = others();
    List<ListenableFuture<R>> answers =
        asked.stream()
            .map(
                each ->
                    ClientCalls.futureUnaryCall(
                        through(each).newCall(method, CallOptions.DEFAULT), request))
            .toList();
    ImmutableList.Builder<R> all = ImmutableList.builder();
    try {
      for (int i = 0; i < asked.size(); i++) {
        try {
          all.add(answers.get(i).get());
        } catch (ExecutionException e) {
          throw e.getCause() instanceof StatusRuntimeException status
              ? of(asked.get(i), status)
              : Failures.status(e);
        }
      }
    } finally {
      answers.forEach(answer -> answer.cancel(true));
    }
    return all.build();
  }

  /**
   * What that one sends, while it does. Ends with the calling thread's context.
   *
   * @throws StatusRuntimeException from the iterator, if the call fails
   */
  <Q, R> Iterator<R> stream(Neighbour from, MethodDescriptor<Q, R> method, Q request) {
    return ClientCalls.blockingServerStreamingCall(
        through(from), method, CallOptions.DEFAULT, request);
  }

  private static Channel through(Neighbour neighbour) {
    Metadata headers = new Metadata();
    HandedOn.tell(headers);
    return ClientInterceptors.intercept(
        neighbour.channel(), MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /**
   * A failure of that host; if it is that it can't be reached, or isn't what it was, it says so.
   */
  static StatusException of(Neighbour host, StatusRuntimeException failed) {
    Status status = failed.getStatus();
    return switch (status.getCode()) {
      case UNAVAILABLE, UNIMPLEMENTED, PERMISSION_DENIED ->
          new StatusException(
              Status.UNAVAILABLE
                  .withDescription(
                      "the host %s is not available: %s".formatted(host.address(), words(status)))
                  .withCause(failed),
              failed.getTrailers());
      default -> new StatusException(status, failed.getTrailers());
    };
  }

  private static String words(Status status) {
    return switch (status.getCode()) {
      case UNIMPLEMENTED -> "it serves no admin service";
      default -> status.getDescription() == null ? "no reason was given" : status.getDescription();
    };
  }
}
