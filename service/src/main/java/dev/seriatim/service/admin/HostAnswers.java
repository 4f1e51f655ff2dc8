package dev.seriatim.service.admin;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.GetHostResponse;
import dev.seriatim.admin.v1.ListNamespacesRequest;
import dev.seriatim.admin.v1.ListNamespacesResponse;
import dev.seriatim.admin.v1.Method;
import dev.seriatim.service.HostStatistics.Amount;
import dev.seriatim.service.HostStatistics.OfNamespace;
import dev.seriatim.service.caller.HandedOn;
import dev.seriatim.service.object.Namespace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoreFigures;
import dev.seriatim.service.storage.StoredView;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.StatusException;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;

/** What there is in this host. Safe for any number of threads. */
final class HostAnswers {
  private final AdminHost host;
  private final OtherHosts others;
  private final StorageEngine storage;
  private final Instant started;

  HostAnswers(AdminHost host, OtherHosts others) {
    this.host = host;
    this.others = others;
    this.storage = host.storage();
    this.started = storage.options().clock().instant();
  }

  GetHostResponse host() {
    StoreFigures figures = storage.figures();
    GetHostResponse.Builder response =
        GetHostResponse.newBuilder()
            .setVersion(host.version())
            .setCommit(host.commit())
            .setStarted(timestamp(started))
            .setHost(others.self())
            .addAllHosts(others.addresses())
            .setStore(storage.options().location().kind())
            .setServing(storage.isServing())
            .setDraining(host.directory().isDraining())
            .putAllOptions(OptionNames.of(host.directory().limits(), storage.options()))
            .setSlots(figures.slotsOwned());
    long stubs = 0;
    long objects = 0;
    for (OfNamespace each : host.directory().countedByNamespace()) {
      stubs += each.stubsOpen();
      objects += each.objectsLive();
    }
    for (Amount amount : host.directory().amounts()) {
      if (amount.name().endsWith("_bytes")) {
        response.putMemory(amount.name(), amount.used());
      }
    }
    figures
        .leaseLeft()
        .ifPresent(left -> response.setLeaseLeft(Durations.fromNanos(left.toNanos())));
    return response.setStubs(stubs).setLiveObjects(objects).build();
  }

  static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder()
        .setSeconds(time.getEpochSecond())
        .setNanos(time.getNano())
        .build();
  }

  /** Those of all hosts. What is stored is counted by the host that was asked. */
  ListNamespacesResponse namespaces() throws StatusException, InterruptedException {
    TreeMap<String, dev.seriatim.admin.v1.Namespace.Builder> all = new TreeMap<>();
    for (Namespace each : host.directory().namespaces().all()) {
      all.put(each.name(), served(each));
    }
    for (OfNamespace live : host.directory().countedByNamespace()) {
      of(all, live.name()).setLiveObjects(live.objectsLive());
    }
    for (ListNamespacesResponse there :
        others.all(
            AdminGrpc.getListNamespacesMethod(), ListNamespacesRequest.getDefaultInstance())) {
      there.getNamespacesList().forEach(each -> add(all, each));
    }
    if (HandedOn.isCurrent()) {
      return response(all);
    }
    try (StoredView view = storage.view()) {
      view.countObjects().forEach((name, objects) -> of(all, name).setStoredObjects(objects));
    }
    return response(all);
  }

  /** What another host says of a namespace. */
  private static void add(
      Map<String, dev.seriatim.admin.v1.Namespace.Builder> all,
      dev.seriatim.admin.v1.Namespace there) {
    dev.seriatim.admin.v1.Namespace.Builder here = of(all, there.getName());
    long live = here.getLiveObjects() + there.getLiveObjects();
    if (there.getServed() && !here.getServed()) {
      here.mergeFrom(there);
    }
    here.setLiveObjects(live);
  }

  private static ListNamespacesResponse response(
      Map<String, dev.seriatim.admin.v1.Namespace.Builder> all) {
    ListNamespacesResponse.Builder response = ListNamespacesResponse.newBuilder();
    all.forEach((name, each) -> response.addNamespaces(each.setName(name)));
    return response.build();
  }

  private static dev.seriatim.admin.v1.Namespace.Builder of(
      Map<String, dev.seriatim.admin.v1.Namespace.Builder> all, String name) {
    return all.computeIfAbsent(name, n -> dev.seriatim.admin.v1.Namespace.newBuilder());
  }

  private static dev.seriatim.admin.v1.Namespace.Builder served(Namespace namespace) {
    ServiceDescriptor service = namespace.methods().service();
    dev.seriatim.admin.v1.Namespace.Builder served =
        dev.seriatim.admin.v1.Namespace.newBuilder().setServed(true).setService(service.getName());
    namespace
        .methods()
        .methods()
        .forEach(
            known -> {
              for (MethodDescriptor<?, ?> each : service.getMethods()) {
                if (known.name().equals(each.getBareMethodName())) {
                  served.addMethods(method(each));
                }
              }
            });
    return served;
  }

  private static Method method(MethodDescriptor<?, ?> of) {
    Method.Builder method = Method.newBuilder().setName(String.valueOf(of.getBareMethodName()));
    if (of.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier proto) {
      method
          .setRequestType(proto.getMethodDescriptor().getInputType().getFullName())
          .setResponseType(proto.getMethodDescriptor().getOutputType().getFullName());
    }
    return method.build();
  }
}
