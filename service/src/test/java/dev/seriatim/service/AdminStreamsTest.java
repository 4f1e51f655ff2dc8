package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.BackupRequest;
import dev.seriatim.admin.v1.Entry;
import dev.seriatim.admin.v1.ExportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsRequest;
import dev.seriatim.admin.v1.ImportObjectsResponse;
import dev.seriatim.admin.v1.ImportOptions;
import dev.seriatim.admin.v1.ListObjectsRequest;
import dev.seriatim.admin.v1.ObjectSnapshot;
import dev.seriatim.admin.v1.TailRequest;
import dev.seriatim.service.Policy.AdminRight;
import dev.seriatim.stub.DurableObjectIds;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Calls of the admin service that go on, while their caller loses what they need. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class AdminStreamsTest {
  /** More than fits between a host and a client that doesn't read. */
  private static final int OBJECTS = 64;

  private static final int OBJECT_BYTES = 64 << 10;

  @TempDir private Path directory;

  private final CallerHost.Clock clock = new CallerHost.Clock();
  private final AtomicBoolean counts = new AtomicBoolean(true);
  private final Instant until = clock.instant().plusSeconds(60);
  private volatile Set<AdminRight> rights = EnumSet.allOf(AdminRight.class);

  private @Nullable DurableObjectHost host;
  private @Nullable ManagedChannel channel;

  /** How the caller loses it, and what it is told. */
  enum Loss {
    TAKEN_BACK("CREDENTIALS_EXPIRED") {
      @Override
      void happens(AdminStreamsTest test) {
        test.counts.set(false);
      }
    },
    RUN_OUT("CREDENTIALS_EXPIRED") {
      @Override
      void happens(AdminStreamsTest test) {
        test.clock.advance(Duration.ofSeconds(60));
      }
    },
    RIGHT("PERMISSION_DENIED") {
      @Override
      void happens(AdminStreamsTest test) {
        test.rights = EnumSet.noneOf(AdminRight.class);
      }
    };

    final String reason;

    Loss(String reason) {
      this.reason = reason;
    }

    abstract void happens(AdminStreamsTest test);
  }

  /** What answers with many messages. */
  enum Call {
    EXPORT {
      @Override
      void begin(AdminGrpc.AdminStub admin, Reader reader) {
        admin.exportObjects(ExportObjectsRequest.getDefaultInstance(), reader.of());
      }
    },
    BACKUP {
      @Override
      void begin(AdminGrpc.AdminStub admin, Reader reader) {
        admin.backup(BackupRequest.getDefaultInstance(), reader.of());
      }
    },
    TAIL {
      @Override
      void begin(AdminGrpc.AdminStub admin, Reader reader) {
        admin.tail(TailRequest.getDefaultInstance(), reader.of());
      }
    };

    abstract void begin(AdminGrpc.AdminStub admin, Reader reader);
  }

  @BeforeEach
  void start() throws Exception {
    Authenticator.Verified known =
        new Authenticator.Verified(
            Caller.ofToken("someone", Set.of(), Map.of()), Optional.of(until), counts::get);
    host =
        CallerHost.probes(Probe::echo)
            .storage(StorageOptions.sqlite(directory).withClock(clock))
            .authenticator(_ -> Optional.of(known))
            .authorizer(new Administrators(Access.all(), _ -> rights))
            .admin()
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    channel =
        NettyChannelBuilder.forAddress("127.0.0.1", host.port())
            .usePlaintext()
            .flowControlWindow(OBJECT_BYTES)
            .build();
  }

  @AfterEach
  void close() {
    if (channel != null) {
      channel.shutdownNow();
    }
    if (host != null) {
      host.close();
    }
  }

  private AdminGrpc.AdminStub admin() {
    return AdminGrpc.newStub(channel);
  }

  /** Reads one message, and no more before it is told to. */
  static final class Reader {
    final CountDownLatch first = new CountDownLatch(1);
    final AtomicInteger read = new AtomicInteger();
    final CompletableFuture<String> end = new CompletableFuture<>();
    private volatile @Nullable ClientCallStreamObserver<?> call;

    <Q, R> ClientResponseObserver<Q, R> of() {
      return new ClientResponseObserver<>() {
        @Override
        public void beforeStart(ClientCallStreamObserver<Q> stream) {
          call = stream;
          stream.disableAutoRequestWithInitial(1);
        }

        @Override
        public void onNext(R response) {
          read.incrementAndGet();
          first.countDown();
        }

        @Override
        public void onError(Throwable thrown) {
          end.complete(reason(thrown));
        }

        @Override
        public void onCompleted() {
          end.complete("OK");
        }
      };
    }

    void readAll() {
      ClientCallStreamObserver<?> begun = call;
      if (begun != null) {
        begun.request(Integer.MAX_VALUE);
      }
    }
  }

  private static String reason(Throwable thrown) {
    return CallerHost.reason(
        thrown instanceof StatusRuntimeException status
            ? status
            : Status.fromThrowable(thrown).asRuntimeException());
  }

  // ---- objects come in

  private final class Importing {
    final CompletableFuture<String> end = new CompletableFuture<>();
    private final StreamObserver<ImportObjectsRequest> call;

    Importing() {
      call =
          admin()
              .importObjects(
                  new StreamObserver<>() {
                    @Override
                    public void onNext(ImportObjectsResponse response) {}

                    @Override
                    public void onError(Throwable thrown) {
                      end.complete(reason(thrown));
                    }

                    @Override
                    public void onCompleted() {
                      end.complete("OK");
                    }
                  });
      call.onNext(
          ImportObjectsRequest.newBuilder().setOptions(ImportOptions.getDefaultInstance()).build());
    }

    void object(String name) {
      call.onNext(
          ImportObjectsRequest.newBuilder()
              .setPart(
                  ObjectSnapshot.newBuilder()
                      .setNamespace(TestHost.PROBE)
                      .setName(name)
                      .setId(new DurableObjectIds(TestHost.PROBE).fromName(name).toString())
                      .addEntries(
                          Entry.newBuilder()
                              .setKey("key")
                              .setValue(ByteString.copyFrom(new byte[OBJECT_BYTES]))))
              .build());
    }
  }

  private void fill() throws Exception {
    Importing importing = new Importing();
    for (int i = 0; i < OBJECTS; i++) {
      importing.object("object-" + i);
    }
    importing.call.onCompleted();
    assertThat(Wait.on(importing.end, "the end of the import")).isEqualTo("OK");
  }

  private int stored() {
    return AdminGrpc.newBlockingStub(channel)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .listObjects(ListObjectsRequest.getDefaultInstance())
        .getObjectsCount();
  }

  // ---- the tests

  private static Stream<Arguments> losses() {
    return Arrays.stream(Call.values())
        .flatMap(call -> Arrays.stream(Loss.values()).map(loss -> Arguments.of(call, loss)));
  }

  @ParameterizedTest
  @MethodSource("losses")
  void whatIsBeingSentEnds(Call call, Loss loss) throws Exception {
    fill();
    Reader reader = new Reader();
    call.begin(admin(), reader);
    if (call == Call.TAIL) {
      Wait.until(() -> following() == 1, "one who follows");
    } else {
      Wait.on(reader.first, "the first message");
    }
    loss.happens(this);
    reader.readAll();
    assertThat(Wait.on(reader.end, "the end of the call")).isEqualTo(loss.reason);
    assertThat(reader.read.get()).isLessThan(OBJECTS);
  }

  private static Stream<Loss> everyLoss() {
    return Stream.of(Loss.values());
  }

  private int following() {
    return host == null ? 0 : host.parts.directory.counts().tails().size();
  }

  @ParameterizedTest
  @MethodSource("everyLoss")
  void whatIsNotReadEndsToo(Loss loss) throws Exception {
    fill();
    Reader reader = new Reader();
    Call.BACKUP.begin(admin(), reader);
    Wait.on(reader.first, "the first message");
    assertThat(copies()).isEqualTo(1);
    loss.happens(this);
    Wait.until(() -> copies() == 0, "the end of the copy that was made for the call");
  }

  /** The copies of the store that are kept for those who read them. */
  private long copies() {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.getFileName().toString().contains("backup")).count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @MethodSource("everyLoss")
  void whatComesInEnds(Loss loss) throws Exception {
    Importing importing = new Importing();
    importing.object("before");
    importing.object("between");
    Wait.until(() -> stored() > 0, "the first object");
    int before = stored();
    loss.happens(this);
    importing.object("after");
    assertThat(Wait.on(importing.end, "the end of the call")).isEqualTo(loss.reason);
    assertThat(before).isAtMost(2);
  }

  @Test
  void whoKeepsAllGetsAll() throws Exception {
    fill();
    Reader reader = new Reader();
    Call.EXPORT.begin(admin(), reader);
    Wait.on(reader.first, "the first message");
    clock.advance(Duration.ofSeconds(59));
    reader.readAll();
    assertThat(Wait.on(reader.end, "the end of the call")).isEqualTo("OK");
    assertThat(reader.read.get()).isEqualTo(OBJECTS);
  }
}
