package dev.seriatim.service.object;

import static com.google.common.truth.Truth.assertThat;
import static java.util.Objects.requireNonNull;

import com.google.common.collect.ForwardingMap;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Probe;
import dev.seriatim.service.Wait;
import dev.seriatim.service.session.Session;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the turn watch looks at, with the one interleaving that matters made to happen. */
final class TurnWatchTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @Test
  void anObjectThatBeginsATurnWhileItIsLetGoOfStaysWatched() {
    AtomicLong now = new AtomicLong();
    CountDownLatch entered = new CountDownLatch(1);
    try (TestObjects objects =
        new TestObjects(
            HostLimits.defaults(),
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("hold")) {
                    entered.countDown();
                    new CountDownLatch(1).await();
                  }
                  Probe.echo(probe, request, reply);
                }))) {
      RecordingAttachment attachment = new RecordingAttachment();
      Session stub = objects.open("a", attachment);
      LiveObject object = objects.object("a");
      Map<LiveObject, TurnWatch.Seen> active =
          new ForwardingMap<>() {
            private final Map<LiveObject, TurnWatch.Seen> map = new ConcurrentHashMap<>();

            @Override
            protected Map<LiveObject, TurnWatch.Seen> delegate() {
              return map;
            }

            @Override
            public TurnWatch.@Nullable Seen remove(@Nullable Object resting) {
              // The watch has found that it rests, and the object that it is watched.
              stub.add(TestObjects.invocations(1, "hold"), 1);
              Wait.on(entered, "the turn");
              return super.remove(resting);
            }
          };
      TurnWatch watch =
          new TurnWatch(
              LIMIT,
              now::get,
              objects.directory.host().stuckTurns(),
              new HeldTransport(new BarredMethods(now::get)),
              active);
      watch.add(object);

      watch.check();
      assertThat(active.keySet()).containsExactly(object);

      watch.check();
      now.addAndGet(LIMIT.toNanos());
      watch.check();
      Wait.until(attachment::isClosed, "the break of the stub whose turn is over its limit");
      assertThat(requireNonNull(attachment.broken()).getCause().getMessage())
          .contains("the host's limit on a turn");
    }
  }
}
