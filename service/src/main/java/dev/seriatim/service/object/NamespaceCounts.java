package dev.seriatim.service.object;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import dev.seriatim.service.HostStatistics.OfMethod;
import dev.seriatim.service.HostStatistics.OfNamespace;
import dev.seriatim.service.TurnResult;
import dev.seriatim.service.dispatch.ObjectMethod;
import dev.seriatim.service.session.BreakReason;
import dev.seriatim.service.session.UntoldEnd;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts what happens to the objects of one namespace. Safe for any number of threads. */
final class NamespaceCounts {
  final LongAdder stubs = new LongAdder();
  final LongAdder objects = new LongAdder();
  final LongAdder instances = new LongAdder();
  final LongAdder alarmsRun = new LongAdder();
  final LongAdder alarmsDropped = new LongAdder();

  private final Namespace namespace;
  private final Map<BreakReason, LongAdder> breaks = Counters.of(BreakReason.class);
  private final Map<UntoldEnd, LongAdder> lost = Counters.of(UntoldEnd.class);

  /** By the name of the method, and then by result. Methods may come with other code. */
  private final ConcurrentMap<String, Map<TurnResult, LongAdder>> turns = new ConcurrentHashMap<>();

  NamespaceCounts(Namespace namespace) {
    this.namespace = namespace;
  }

  void turns(ObjectMethod method, TurnResult result, int more) {
    Counters.get(of(method), result).add(more);
  }

  private Map<TurnResult, LongAdder> of(ObjectMethod method) {
    return turns.computeIfAbsent(method.name(), _ -> Counters.of(TurnResult.class));
  }

  void broken(BreakReason reason) {
    Counters.get(breaks, reason).increment();
  }

  void lost(UntoldEnd end) {
    Counters.get(lost, end).increment();
  }

  /** By reason. A session may be superseded with a word on it, or without. */
  private ImmutableMap<String, Long> stubsBroken() {
    Map<String, Long> counts = new TreeMap<>(Counters.readNames(breaks));
    Counters.readNames(lost).forEach((reason, count) -> counts.merge(reason, count, Long::sum));
    return ImmutableMap.copyOf(counts);
  }

  OfNamespace read(long turnsRunning, OptionalLong alarmsSet) {
    ImmutableList.Builder<OfMethod> methods = ImmutableList.builder();
    for (ObjectMethod method : namespace.methods().methods()) {
      methods.add(new OfMethod(method.name(), Counters.read(of(method))));
    }
    return new OfNamespace(
        namespace.name(),
        stubs.sum(),
        objects.sum(),
        instances.sum(),
        turnsRunning,
        stubsBroken(),
        alarmsSet,
        alarmsRun.sum(),
        alarmsDropped.sum(),
        methods.build());
  }
}
