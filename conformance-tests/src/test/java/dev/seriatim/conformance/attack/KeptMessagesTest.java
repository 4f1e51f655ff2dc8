package dev.seriatim.conformance.attack;

import static com.google.common.truth.Truth.assertThat;

import com.google.protobuf.ByteString;
import dev.seriatim.attack.v1.EchoRequest;
import dev.seriatim.attack.v1.TargetGrpc;
import dev.seriatim.service.ConnectionLimits;
import dev.seriatim.service.DurableObjectHost;
import dev.seriatim.service.HostLimits;
import dev.seriatim.service.Wait;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.protobuf.services.HealthStatusManager;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The one message of a call whose client doesn't end it is counted in what it really takes. */
@Timeout(120)
final class KeptMessagesTest {
  private static final String ECHO = "seriatim.attack.v1.Target/Echo";
  private static final int BYTES = 100_000;

  @SuppressWarnings("NullAway.Init") // Each test starts it first.
  private DurableObjectHost host;

  @SuppressWarnings("NullAway.Init") // Likewise.
  private RawConnection connection;

  private void begin(Duration frameLimit) throws IOException {
    host =
        DurableObjectHost.builder()
            .namespace(
                TargetNamespace.NAME, TargetGrpc.getServiceDescriptor(), TargetNamespace.FACTORY)
            .service(new HealthStatusManager().getHealthService())
            .limits(
                HostLimits.builder()
                    .connections(ConnectionLimits.defaults().withFrameLimit(frameLimit))
                    .build())
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .build()
            .start();
    connection = RawConnection.open(host.port());
  }

  @AfterEach
  void close() {
    connection.close();
    host.close();
  }

  private RawStream echo(String... headers) throws IOException {
    String[] all = new String[headers.length + 2];
    all[0] = "seriatim-object";
    all[1] = TargetNamespace.NAME + "/a";
    System.arraycopy(headers, 0, all, 2, headers.length);
    return connection.call(ECHO, all);
  }

  private static EchoRequest request() {
    return EchoRequest.newBuilder()
        .setPayload(ByteString.copyFrom(new byte[BYTES]))
        .setReplyBytes(1)
        .build();
  }

  private long arriving() {
    return ConnectionLimitsTest.used(host, "arriving_bytes");
  }

  @Test
  void theFirstIsCountedWhenAnotherBegins() throws Exception {
    begin(Duration.ofMinutes(1));
    RawStream call = echo().message(request());
    Wait.until(() -> arriving() >= BYTES, "the count of a whole message");
    int _ = call.data(RawStream.framed(new byte[5_000], 10_000, false), 20_000);
    Wait.until(() -> arriving() >= BYTES + 5_000, "the count of both");
    call.reset();
    Wait.until(() -> arriving() == 0, "the end of what arrives");
  }

  @Test
  void aPackedOneIsCountedAsItIsKept() throws Exception {
    begin(Duration.ofMinutes(1));
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
      request().writeTo(gzip);
    }
    assertThat(packed.size()).isLessThan(BYTES / 10);
    RawStream call = echo("grpc-encoding", "gzip");
    int _ = call.data(RawStream.framed(packed.toByteArray(), packed.size(), true), 20_000);
    Wait.until(() -> arriving() >= BYTES, "the count of what was unpacked");
    call.end();
    Wait.until(() -> call.isOver() && arriving() == 0, "the end of a call that was ended");
  }

  @Test
  void thatOfAServiceBesideTheObjectsIsCountedToo() throws Exception {
    begin(Duration.ofMinutes(1));
    HealthCheckRequest request =
        HealthCheckRequest.newBuilder().setService("x".repeat(BYTES)).build();
    RawStream call = connection.call("grpc.health.v1.Health/Check").message(request);
    Wait.until(() -> arriving() >= BYTES, "the count of a whole message");
    call.end();
    Wait.until(() -> call.isOver() && arriving() == 0, "the end of a call that was ended");
  }

  @Test
  void itIsWaitedForNoLongerThanForAFrame() throws Exception {
    begin(Duration.ofMillis(200));
    RawStream call = connection.call("grpc.health.v1.Health/Check");
    call.message(HealthCheckRequest.getDefaultInstance());
    Wait.until(() -> call.isOver() && arriving() == 0, "the end of a call that nobody ends");
    assertThat(connection.isOver()).isFalse();
  }
}
