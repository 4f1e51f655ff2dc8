package dev.seriatim.service;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.common.util.concurrent.ListenableFuture;
import dev.seriatim.service.object.ObjectControl;
import dev.seriatim.service.probe.Kinds;
import dev.seriatim.service.probe.MirrorGrpc;
import dev.seriatim.service.probe.ProbeGrpc;
import dev.seriatim.service.probe.Words;
import dev.seriatim.stub.CallFailure;
import dev.seriatim.stub.DurableObjectStub;
import dev.seriatim.stub.DurableObjects;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The code of a host's objects is replaced while stubs are open, over a real connection. */
final class CodeReplacementTest {
  private static final Metadata.Key<String> OBJECT =
      Metadata.Key.of("seriatim-object", Metadata.ASCII_STRING_MARSHALLER);

  private @Nullable DurableObjectHost host;
  private @Nullable DurableObjects objects;
  private @Nullable ManagedChannel channel;

  @AfterEach
  void close() {
    if (objects != null) {
      objects.close();
    }
    if (channel != null) {
      channel.shutdownNow();
    }
    if (host != null) {
      host.close();
    }
  }

  @Test
  void anOpenStubRunsTheNewCodeOnWhatWasStored() throws Exception {
    start(probes(counting("one")));
    ProbeGrpc.ProbeBlockingStub probe = probe("a");
    assertThat(probe.do_(Probe.words("")).getText()).isEqualTo("one 1");
    assertThat(probe.do_(Probe.words("")).getText()).isEqualTo("one 2");

    replace(probes(counting("two")));
    assertThat(probe.do_(Probe.words("")).getText()).isEqualTo("two 3");
    assertThat(probe("b").do_(Probe.words("")).getText()).isEqualTo("two 1");
  }

  @Test
  void aTurnThatRunsEndsOnTheOldCodeAndTheNextRunsTheNew() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch replaced = new CountDownLatch(1);
    start(
        probes(
            Probe.doing(
                (probe, request, reply) -> {
                  running.countDown();
                  Wait.on(replaced, "the new code");
                  Probe.reply(reply, "old");
                })));
    ProbeGrpc.ProbeFutureStub probe = ProbeGrpc.newFutureStub(stub("a").channel());
    ListenableFuture<Words> first = probe.do_(Probe.words(""));
    ListenableFuture<Words> second = probe.do_(Probe.words(""));
    Wait.on(running, "the turn");
    replace(probes(Probe.doing((p, request, reply) -> Probe.reply(reply, "new"))));
    replaced.countDown();
    assertThat(Wait.on(first, "the old turn").getText()).isEqualTo("old");
    assertThat(Wait.on(second, "the new turn").getText()).isEqualTo("new");
  }

  @Test
  void instancesOfTheOldCodeGoAsTheyRest() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch replaced = new CountDownLatch(1);
    start(
        probes(
            Probe.doing(
                (probe, request, reply) -> {
                  if (request.getText().equals("wait")) {
                    running.countDown();
                    Wait.on(replaced, "the new code");
                  }
                  Probe.echo(probe, request, reply);
                })));
    ObjectControl control = InternalDurableObjectHost.directory(running()).control();
    Words _ = probe("rests").do_(Probe.words(""));
    ListenableFuture<Words> busy =
        ProbeGrpc.newFutureStub(stub("busy").channel()).do_(Probe.words("wait"));
    Wait.on(running, "the turn");
    replace(probes(counting("new")));
    Wait.until(() -> control.live().size() == 1, "the end of the instance that rests");
    replaced.countDown();
    Words _ = Wait.on(busy, "the turn");
    Wait.until(() -> control.live().isEmpty(), "the end of the instance that was busy");
  }

  @Test
  void aMethodThatIsGoneBreaksItsStub() throws Exception {
    start(probes(counting("one")));
    ProbeGrpc.ProbeBlockingStub probe = probe("a");
    assertThat(probe.doOther(Probe.words("")).getText()).isEqualTo("one 1");
    replace(
        host ->
            host.namespace(
                TestHost.PROBE,
                withoutDoOther().getServiceDescriptor(),
                _ -> () -> withoutDoOther()));
    assertThat(probe.do_(Probe.words("")).getText()).isEqualTo("less");
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> probe.doOther(Probe.words("")));
    assertThat(CallFailure.of(e).orElseThrow().reason()).isEqualTo("UNKNOWN_METHOD");
    assertThat(running().statistics().namespaces().getFirst().methods()).hasSize(1);

    replace(probes(counting("three")));
    assertThat(probe("a").doOther(Probe.words("")).getText()).isEqualTo("three 2");
  }

  /** A probe with one method of its two. */
  private static ServerServiceDefinition withoutDoOther() {
    ServiceDescriptor service =
        ServiceDescriptor.newBuilder(ProbeGrpc.SERVICE_NAME)
            .setSchemaDescriptor(ProbeGrpc.getServiceDescriptor().getSchemaDescriptor())
            .addMethod(ProbeGrpc.getDoMethod())
            .build();
    return ServerServiceDefinition.builder(service)
        .addMethod(
            ProbeGrpc.getDoMethod(),
            io.grpc.stub.ServerCalls.asyncUnaryCall(
                (Words request, StreamObserver<Words> reply) -> Probe.reply(reply, "less")))
        .build();
  }

  @Test
  void callsWithAHeaderAndReflectionFollow() throws Exception {
    start(probes(counting("one")));
    assertThat(ProbeGrpc.newBlockingStub(naming("PROBE/a")).do_(Probe.words("")).getText())
        .isEqualTo("one 1");
    assertThat(services()).contains(ProbeGrpc.SERVICE_NAME);
    assertThat(services()).doesNotContain(MirrorGrpc.SERVICE_NAME);

    replace(
        host ->
            host.namespace(TestHost.PROBE, MirrorGrpc.getServiceDescriptor(), _ -> new Mirror()));
    Kinds kinds = Kinds.newBuilder().setAnInt32(5).build();
    assertThat(MirrorGrpc.newBlockingStub(naming("PROBE/a")).reflect(kinds)).isEqualTo(kinds);
    StatusRuntimeException e =
        assertThrows(
            StatusRuntimeException.class,
            () -> ProbeGrpc.newBlockingStub(naming("PROBE/a")).do_(Probe.words("")));
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNIMPLEMENTED);
    assertThat(services()).contains(MirrorGrpc.SERVICE_NAME);
    assertThat(services()).doesNotContain(ProbeGrpc.SERVICE_NAME);
  }

  private static final class Mirror extends MirrorGrpc.MirrorImplBase {
    @Override
    public void reflect(Kinds request, StreamObserver<Kinds> reply) {
      reply.onNext(request);
      reply.onCompleted();
    }
  }

  @Test
  void otherNamespacesAreRefusedAndTheOldCodeGoesOn() throws Exception {
    start(probes(counting("one")));
    ProbeGrpc.ProbeBlockingStub probe = probe("a");
    assertRefused(
        host -> host.namespace("OTHER", ProbeGrpc.getServiceDescriptor(), counting("x")),
        "namespace PROBE is gone, expected it to be there as before");
    assertRefused(
        host ->
            host.namespace(
                TestHost.PROBE, "another", ProbeGrpc.getServiceDescriptor(), counting("x")),
        "namespace PROBE has the unique key 'another', expected 'PROBE'");
    assertRefused(
        host -> {
          probes(counting("x")).addTo(host);
          host.namespace("OTHER", ProbeGrpc.getServiceDescriptor(), counting("x"));
        },
        "namespace OTHER is new, expected none but [PROBE]");
    assertThat(probe.do_(Probe.words("")).getText()).isEqualTo("one 1");
  }

  private void assertRefused(DurableObjectProvider next, String message) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> replace(next));
    assertThat(e).hasMessageThat().contains(message);
  }

  @Test
  void aHostThatWasNotBuiltForItRefuses() throws Exception {
    try (TestHost plain = TestHost.of(counting("one"))) {
      assertThrows(
          IllegalStateException.class,
          () ->
              InternalDurableObjectHost.replaceCode(
                  plain.host(), builder(probes(counting("two")))));
    }
  }

  @Test
  void oldCodeIsCollectedWhileItsStubStaysOpen() throws Exception {
    WeakReference<ClassLoader> old = startLoaded();
    ProbeGrpc.ProbeBlockingStub probe = probe("a");
    assertThat(probe.do_(Probe.words("1")).getText()).isEmpty();
    assertThat(ProbeGrpc.newBlockingStub(naming("PROBE/a")).do_(Probe.words("2")).getText())
        .isEqualTo("1");
    assertThat(services()).contains(ProbeGrpc.SERVICE_NAME);
    replace(loaded(new Isolated()));
    assertThat(services()).contains(ProbeGrpc.SERVICE_NAME);
    Wait.until(
        () -> {
          System.gc();
          return old.refersTo(null);
        },
        "the collection of the old code");
    assertThat(probe.do_(Probe.words("3")).getText()).isEqualTo("2");
  }

  private WeakReference<ClassLoader> startLoaded() throws Exception {
    ClassLoader loader = new Isolated();
    start(loaded(loader));
    return new WeakReference<>(loader);
  }

  private static DurableObjectProvider loaded(ClassLoader loader) throws Exception {
    Class<?> provider = loader.loadClass(ReplacedProbe.Provider.class.getName());
    assertWithMessage("loader").that(provider.getClassLoader()).isSameInstanceAs(loader);
    return (DurableObjectProvider) provider.getConstructor().newInstance();
  }

  /** Has classes of its own of the object and its messages. */
  private static final class Isolated extends ClassLoader {
    Isolated() {
      super(CodeReplacementTest.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith(ReplacedProbe.class.getName())
          && !name.startsWith(ProbeGrpc.class.getPackageName() + ".")) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> found = findLoadedClass(name);
        return found == null ? define(name) : found;
      }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
      try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
        if (in == null) {
          throw new ClassNotFoundException(name);
        }
        byte[] bytes = in.readAllBytes();
        return defineClass(name, bytes, 0, bytes.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }

  // ---- the host and its clients

  private static DurableObjectProvider probes(DurableObjectFactory factory) {
    return host -> host.namespace(TestHost.PROBE, ProbeGrpc.getServiceDescriptor(), factory);
  }

  /** Objects that say how often they were called, which they store. */
  private static DurableObjectFactory counting(String version) {
    return Probe.doing(
        (probe, request, reply) -> {
          DurableObjectStorage storage = probe.state().storage();
          long count = storage.get("count", Words.getDefaultInstance()).getNumber() + 1;
          storage.put("count", Words.newBuilder().setNumber(count).build());
          Probe.reply(reply, version + " " + count);
        });
  }

  private static DurableObjectHost.Builder builder(DurableObjectProvider provider) {
    DurableObjectHost.Builder builder = DurableObjectHost.builder();
    provider.addTo(builder);
    return builder;
  }

  private void start(DurableObjectProvider provider) throws Exception {
    DurableObjectHost.Builder builder =
        builder(provider)
            .service(ProtoReflectionServiceV1.newInstance())
            .listen(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                InsecureServerCredentials.create());
    InternalDurableObjectHost.makeReplaceable(builder);
    host = builder.build().start();
    objects =
        DurableObjects.connect("127.0.0.1:" + host.port(), InsecureChannelCredentials.create());
    channel = NettyChannelBuilder.forAddress("127.0.0.1", host.port()).usePlaintext().build();
  }

  private void replace(DurableObjectProvider provider) {
    InternalDurableObjectHost.replaceCode(running(), builder(provider));
  }

  @SuppressWarnings("NullAway") // It was started.
  private DurableObjectHost running() {
    return host;
  }

  @SuppressWarnings("NullAway") // Likewise.
  private DurableObjectStub stub(String name) {
    return objects.namespace(TestHost.PROBE).getByName(name);
  }

  private ProbeGrpc.ProbeBlockingStub probe(String name) {
    return ProbeGrpc.newBlockingStub(stub(name).channel());
  }

  @SuppressWarnings("NullAway") // Likewise.
  private Channel naming(String object) {
    Metadata headers = new Metadata();
    headers.put(OBJECT, object);
    return ClientInterceptors.intercept(
        channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** What reflection tells of. */
  private List<String> services() throws Exception {
    CompletableFuture<List<String>> told = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> asking =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<ServerReflectionResponse>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    told.complete(
                        response.getListServicesResponse().getServiceList().stream()
                            .map(ServiceResponse::getName)
                            .toList());
                  }

                  @Override
                  public void onError(Throwable e) {
                    told.completeExceptionally(e);
                  }

                  @Override
                  public void onCompleted() {}
                });
    asking.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    asking.onCompleted();
    return Wait.on(told, "the services");
  }
}
