/**
 * The client library: stubs on durable objects, over any gRPC channel.
 *
 * <p>A {@link dev.seriatim.stub.DurableObjectStub} refers to one object. Its calls are executed one
 * at a time, in the order in which they were made, on the only live copy of that object:
 *
 * <pre>{@code
 * try (DurableObjects objects =
 *     DurableObjects.connect("127.0.0.1:7070", InsecureChannelCredentials.create())) {
 *   DurableObjectStub stub = objects.namespace("COUNTER").getByName("foo");
 *   CounterGrpc.CounterFutureStub counter = CounterGrpc.newFutureStub(stub.channel());
 *
 *   // No need to wait for one before making the next: they run in this order.
 *   ListenableFuture<CounterValue> one = counter.increment(amount(1));
 *   ListenableFuture<CounterValue> bad = counter.increment(amount(0));
 *   ListenableFuture<CounterValue> two = counter.increment(amount(2));
 *
 *   one.get(); // 1
 *   try {
 *     bad.get();
 *   } catch (ExecutionException e) {
 *     CallFailure failure = CallFailure.of(e).orElseThrow();
 *     failure.reason(); // OBJECT_EXCEPTION: the object threw, which broke the stub
 *   }
 *   try {
 *     two.get();
 *   } catch (ExecutionException e) {
 *     CallFailure failure = CallFailure.of(e).orElseThrow();
 *     failure.fate(); // NOT_EXECUTED: it was behind the call that failed
 *     failure.failedSequence(); // 2
 *   }
 *   stub = objects.namespace("COUNTER").getByName("foo"); // A new stub works again.
 * }
 * }</pre>
 *
 * <p>{@link dev.seriatim.stub.Retry} does the last step by itself where that is safe.
 */
@NullMarked
package dev.seriatim.stub;

import org.jspecify.annotations.NullMarked;
