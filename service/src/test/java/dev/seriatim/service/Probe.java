package dev.seriatim.service;

import com.google.protobuf.ByteString;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import io.grpc.stub.StreamObserver;
import org.jspecify.annotations.Nullable;

/** An object whose methods do what a test wants. */
public class Probe extends ProbeGrpc.ProbeImplBase implements AlarmHandler {
  /** What a method does. */
  @FunctionalInterface
  public interface Method {
    void call(Probe probe, Words request, StreamObserver<Words> reply) throws Exception;
  }

  /** What the alarm does. */
  @FunctionalInterface
  public interface Alarm {
    void run(Probe probe, DueAlarm alarm) throws Exception;
  }

  private final DurableObjectState state;
  private final Method method;
  private final @Nullable Alarm alarm;

  /** How many calls this instance has had; for objects whose state is in memory. */
  public int calls;

  public Probe(DurableObjectState state, Method method, @Nullable Alarm alarm) {
    this.state = state;
    this.method = method;
    this.alarm = alarm;
  }

  /** A factory of objects that all do this. */
  public static DurableObjectFactory doing(Method method) {
    return state -> new Probe(state, method, null);
  }

  /** A factory of objects that all do this when their alarm is due, and that when called. */
  public static DurableObjectFactory doing(Method method, Alarm alarm) {
    return state -> new Probe(state, method, alarm);
  }

  /** Replies with the request. */
  public static void echo(Probe probe, Words request, StreamObserver<Words> reply) {
    reply.onNext(request);
    reply.onCompleted();
  }

  /** Replies with this. */
  public static void reply(StreamObserver<Words> reply, String text) {
    reply.onNext(words(text));
    reply.onCompleted();
  }

  /** A message with this text. */
  public static Words words(String text) {
    return Words.newBuilder().setText(text).build();
  }

  /** A message of about this many bytes. */
  public static Words filling(int bytes) {
    return Words.newBuilder().setFilling(ByteString.copyFrom(new byte[bytes])).build();
  }

  public DurableObjectState state() {
    return state;
  }

  @Override
  @SuppressWarnings(
      "ThrowSpecificExceptions") // Whatever a test throws is to come through as it is.
  public void do_(Words request, StreamObserver<Words> reply) {
    try {
      calls++;
      method.call(this, request, reply);
    } catch (Exception e) {
      throw Probe.<RuntimeException>sneaky(e);
    }
  }

  @Override
  public void doOther(Words request, StreamObserver<Words> reply) {
    do_(request, reply);
  }

  @Override
  public void alarm(DueAlarm due) throws Exception {
    if (alarm != null) {
      alarm.run(this, due);
    }
  }

  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  private static <E extends Exception> E sneaky(Exception e) throws E {
    throw (E) e;
  }
}
