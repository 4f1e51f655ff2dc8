package dev.seriatim.service.object;

import static java.util.Objects.requireNonNull;

import com.google.common.collect.ImmutableSortedMap;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.session.Attachment;
import dev.seriatim.service.session.Session;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.wire.Invocation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** A directory of probes without any transport. */
final class TestObjects implements AutoCloseable {
  private final Namespace namespace;
  final ObjectDirectory directory;

  TestObjects(HostLimits limits, DurableObjectFactory factory) {
    this(limits, factory, StorageEngine.open(StorageOptions.memory()));
  }

  TestObjects(HostLimits limits, DurableObjectFactory factory, StorageEngine storage) {
    this(limits, factory, storage, MountedThread.Starter.find());
  }

  TestObjects(
      HostLimits limits,
      DurableObjectFactory factory,
      StorageEngine storage,
      MountedThread.@Nullable Starter threadStarter) {
    this(limits, factory, storage, threadStarter, System::nanoTime);
  }

  /**
   * @param threadStarter null if no turn may begin on the thread that brings its invocation
   */
  TestObjects(
      HostLimits limits,
      DurableObjectFactory factory,
      StorageEngine storage,
      MountedThread.@Nullable Starter threadStarter,
      LongSupplier nanos) {
    this(limits, factory, storage, threadStarter, Thread::startVirtualThread, nanos);
  }

  /**
   * @param threads starts a thread for each task
   */
  TestObjects(
      HostLimits limits,
      DurableObjectFactory factory,
      StorageEngine storage,
      MountedThread.@Nullable Starter threadStarter,
      Executor threads,
      LongSupplier nanos) {
    namespace =
        new Namespace(
            "PROBE",
            "PROBE",
            new DurableObjectIds("PROBE"),
            new MethodTable(ProbeGrpc.getServiceDescriptor()),
            factory);
    directory =
        new ObjectDirectory(
            new Namespaces(ImmutableSortedMap.of("PROBE", namespace)),
            limits,
            storage,
            threadStarter,
            threads,
            nanos,
            /* tracer= */ null);
  }

  ObjectAddress address(String name) {
    return new ObjectAddress(namespace, namespace.ids().fromName(name));
  }

  Session open(String name, Attachment attachment) {
    return directory.open(address(name), attachment, /* local= */ false, /* session= */ null);
  }

  LiveObject object(String name) {
    for (LiveObject object : directory.objects()) {
      if (object.id().equals(address(name).id())) {
        return object;
      }
    }
    throw new AssertionError("object " + name + " isn't live");
  }

  /** From now on turns of this method are expected to be short, as if they had been for long. */
  void prove(String method) {
    for (int i = 0; i < 2_000; i++) {
      requireNonNull(namespace.methods().find(method)).pace().took(0);
    }
  }

  /** Invocations from this number on, with these texts. */
  static List<Invocation> invocations(long first, String... texts) {
    List<Invocation> list = new ArrayList<>();
    for (String text : texts) {
      list.add(invocation(first + list.size(), "Do", text));
    }
    return list;
  }

  static Invocation invocation(long sequence, String method, String text) {
    return Invocation.of(
        dev.seriatim.v1.Invocation.newBuilder()
            .setSequence(sequence)
            .setMethod(method)
            .setMessage(Words.newBuilder().setText(text).build().toByteString())
            .build());
  }

  /**
   * Has nobody look at objects that rest: the evictor, which looks at each, would wake up one that
   * is lost, and a test that waits for long would find nothing.
   */
  void stopEvictor() {
    directory.host().evictor().close();
  }

  @Override
  public void close() {
    directory.close();
  }
}
