package dev.seriatim.cluster;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.AdminGrpc;
import dev.seriatim.admin.v1.DeleteObjectRequest;
import dev.seriatim.admin.v1.EditEntriesRequest;
import dev.seriatim.admin.v1.EvictObjectRequest;
import dev.seriatim.admin.v1.GetObjectRequest;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.admin.v1.Put;
import dev.seriatim.admin.v1.ResetObjectRequest;
import dev.seriatim.admin.v1.RunAlarmRequest;
import dev.seriatim.cluster.TestCluster.Node;
import dev.seriatim.examples.v1.CounterGrpc;
import dev.seriatim.service.DurableObjectHost;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a host of a cluster says of objects that another one has. */
final class AdminInClusterTest {
  private static final ObjectName A =
      ObjectName.newBuilder().setNamespace("COUNTER").setName("a").build();

  private final TestCluster cluster = new TestCluster();

  @AfterEach
  void close() {
    cluster.close();
  }

  private static void objects(DurableObjectHost.Builder builder) {
    builder
        .namespace(
            "COUNTER",
            CounterGrpc.getServiceDescriptor(),
            _ -> new CounterGrpc.CounterImplBase() {})
        .admin();
  }

  private static AdminGrpc.AdminBlockingStub admin(Node node) {
    return AdminGrpc.newBlockingStub(node.channel()).withDeadlineAfter(30, TimeUnit.SECONDS);
  }

  private static EditEntriesRequest edit() {
    return EditEntriesRequest.newBuilder()
        .setObject(A)
        .addPuts(Put.newBuilder().setKey("k").setValue(ByteString.copyFromUtf8("v")))
        .build();
  }

  @Test
  void whatAnotherHostHasIsChangedThereAlone() {
    Node one = cluster.start("one", AdminInClusterTest::objects);
    Node two = cluster.start("two", AdminInClusterTest::objects);
    cluster.take(two, TestCluster.allSlots());
    AdminGrpc.AdminBlockingStub other = admin(one);
    String address = two.wire().address();
    for (Executable change :
        List.<Executable>of(
            () -> other.editEntries(edit()),
            () -> other.deleteObject(DeleteObjectRequest.newBuilder().setObject(A).build()),
            () -> other.runAlarm(RunAlarmRequest.newBuilder().setObject(A).build()),
            () -> other.evictObject(EvictObjectRequest.newBuilder().setObject(A).build()),
            () -> other.resetObject(ResetObjectRequest.newBuilder().setObject(A).build()),
            () -> other.getObject(GetObjectRequest.newBuilder().setObject(A).build()))) {
      StatusRuntimeException refused = assertThrows(StatusRuntimeException.class, change);
      assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(refused)
          .hasMessageThat()
          .isEqualTo(
              "UNAVAILABLE: the object is at the host "
                  + address
                  + ", expected it here: ask that one");
    }
    var _ = admin(two).editEntries(edit());
    GetObjectRequest get = GetObjectRequest.newBuilder().setObject(A).build();
    assertThat(admin(two).getObject(get).getEntries()).isEqualTo(1);
  }
}
