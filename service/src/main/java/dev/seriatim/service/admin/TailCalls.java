package dev.seriatim.service.admin;

import com.google.protobuf.util.Durations;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.object.ObjectDirectory;
import dev.seriatim.service.object.TailFilter;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.stub.DurableObjectId;
import io.grpc.StatusException;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** {@code Tail}: begins to follow what happens. Safe for any number of threads. */
final class TailCalls {
  private final AdminHost host;
  private final OtherHosts others;
  private final ObjectDirectory directory;
  private final ObjectNames names;
  private final InstantSource clock;

  TailCalls(AdminHost host, ObjectNames names, OtherHosts others) {
    this.host = host;
    this.others = others;
    this.directory = host.directory();
    this.names = names;
    this.clock = host.storage().options().clock();
  }

  /** The caller follows from now on. The call has to be run. */
  TailOfAll begin(TailRequest request) throws BreakException, StatusException {
    TailFilter filter = filter(request);
    TailCall here =
        new TailCall(directory.counts().tails(), directory.counts().tails().open(filter), clock);
    return new TailOfAll(request, here, others, host.threads());
  }

  private TailFilter filter(TailRequest request) throws BreakException, StatusException {
    String namespace = request.getNamespace();
    if (namespace.isEmpty() && !request.getName().isEmpty()) {
      throw Failures.invalid("name '%s' without a namespace, expected both", request.getName());
    }
    long slowerThan = 0;
    if (request.hasSlowerThan()) {
      if (!Durations.isValid(request.getSlowerThan())
          || Durations.isNegative(request.getSlowerThan())) {
        throw Failures.invalid("slower_than: expected 0 or more");
      }
      slowerThan = nanos(request.getSlowerThan());
    }
    return new TailFilter(
        namespace.isEmpty() ? null : known(namespace),
        id(namespace, request.getName()),
        request.getMethod().isEmpty() ? null : request.getMethod(),
        request.getFailures(),
        slowerThan,
        request.getPayloads());
  }

  private static long nanos(com.google.protobuf.Duration duration) {
    return duration.getSeconds() > Integer.MAX_VALUE ? Long.MAX_VALUE : Durations.toNanos(duration);
  }

  private String known(String namespace) throws BreakException {
    Namespaces served = directory.namespaces();
    return served.find(namespace).name();
  }

  private @Nullable DurableObjectId id(String namespace, String name) throws BreakException {
    return name.isEmpty()
        ? null
        : names.resolve(ObjectName.newBuilder().setNamespace(namespace).setName(name).build()).id();
  }
}
