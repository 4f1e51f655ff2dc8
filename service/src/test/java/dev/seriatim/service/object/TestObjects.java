package dev.seriatim.service.object;

import com.google.common.collect.ImmutableSortedMap;
import dev.seriatim.service.DurableObjectFactory;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.StorageOptions;
import dev.seriatim.service.dispatch.MethodTable;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.stub.DurableObjectIds;
import dev.seriatim.wire.Invocation;
import java.util.ArrayList;
import java.util.List;

/** A directory of probes without any transport. */
final class TestObjects implements AutoCloseable {
  private final Namespace namespace;
  final ObjectDirectory directory;

  TestObjects(HostLimits limits, DurableObjectFactory factory) {
    this(limits, factory, StorageEngine.open(StorageOptions.memory()));
  }

  TestObjects(HostLimits limits, DurableObjectFactory factory, StorageEngine storage) {
    namespace =
        new Namespace(
            "PROBE",
            "PROBE",
            new DurableObjectIds("PROBE"),
            new MethodTable(ProbeGrpc.getServiceDescriptor()),
            factory);
    directory = new ObjectDirectory(ImmutableSortedMap.of("PROBE", namespace), limits, storage);
  }

  ObjectAddress address(String name) {
    return new ObjectAddress(namespace, namespace.ids().fromName(name));
  }

  StubQueue open(String name, OutcomeSink sink) {
    return directory.open(address(name), sink, /* local= */ false);
  }

  LiveObject object(String name) {
    for (LiveObject object : directory.objects()) {
      if (object.id().equals(address(name).id())) {
        return object;
      }
    }
    throw new AssertionError("object " + name + " isn't live");
  }

  /** Invocations from this number on, with these texts. */
  static List<Invocation> invocations(long first, String... texts) {
    List<Invocation> list = new ArrayList<>();
    for (String text : texts) {
      list.add(
          Invocation.of(
              dev.seriatim.v1.Invocation.newBuilder()
                  .setSequence(first + list.size())
                  .setMethod("Do")
                  .setMessage(Words.newBuilder().setText(text).build().toByteString())
                  .build()));
    }
    return list;
  }

  @Override
  public void close() {
    directory.close();
  }
}
