package dev.seriatim.stub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.seriatim.v1.DescribeNamespaceResponse;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class DurableObjectNamespaceTest {
  private FakeHost host;
  private DurableObjectNamespace namespace;

  @BeforeEach
  void startHost() throws Exception {
    host = new FakeHost();
    namespace = host.client().namespace("ECHO");
  }

  @AfterEach
  void stopHost() {
    host.close();
  }

  @Test
  void asksForTheUniqueKeyOnce() {
    assertThat(namespace.idFromName("foo")).isEqualTo(FakeHost.IDS.fromName("foo"));
    DurableObjectId unique = namespace.newUniqueId();
    assertThat(namespace.idFromString(unique.toString())).isEqualTo(unique);
    assertThat(namespace.getByName("foo").id()).isEqualTo(FakeHost.IDS.fromName("foo"));
    assertThat(namespace.getByName("foo").id().name()).hasValue("foo");
    assertThat(host.descriptions.get()).isEqualTo(1);
  }

  @Test
  void aGivenUniqueKeyIsEnough() {
    DurableObjectNamespace given = host.client().namespace("ECHO", "mykey");

    assertThat(given.idFromName("http://foo/"))
        .isEqualTo(new DurableObjectIds("mykey").fromName("http://foo/"));
    assertThat(host.descriptions.get()).isEqualTo(0);
  }

  @Test
  void aFailureIsToldAndNotKept() {
    host.describeAnswers.add(DescribeNamespaceResponse.newBuilder().setName("ECHO").build());
    StatusRuntimeException noKey =
        assertThrows(StatusRuntimeException.class, () -> namespace.idFromName("foo"));
    assertThat(noKey.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(noKey).hasMessageThat().contains("unique key ''");

    assertThat(namespace.idFromName("foo")).isEqualTo(FakeHost.IDS.fromName("foo"));
    assertThat(host.descriptions.get()).isEqualTo(2);
  }

  @Test
  void anUnknownNamespaceIsToldWhenItsIdsAreAskedFor() {
    DurableObjectNamespace nowhere = host.client().namespace("NOWHERE");
    StatusRuntimeException unknown =
        assertThrows(StatusRuntimeException.class, nowhere::newUniqueId);
    assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void namesAreCheckedAtOnce() {
    assertThrows(IllegalArgumentException.class, () -> namespace.getByName(""));
    assertThrows(IllegalArgumentException.class, () -> namespace.getByName("x".repeat(1025)));
    assertThrows(IllegalArgumentException.class, () -> namespace.idFromName(""));
    assertThrows(IllegalArgumentException.class, () -> host.client().namespace(""));
    assertThat(host.descriptions.get()).isEqualTo(0);
  }

  @Test
  void anIdOfAnotherNamespaceIsRefused() {
    DurableObjects objects = host.client();
    DurableObjectNamespace other = objects.namespace("OTHER", "another key");
    InvalidIdException refused =
        assertThrows(InvalidIdException.class, () -> other.get(namespace.idFromName("foo")));
    assertThat(refused.reason()).isEqualTo("INVALID_ID");
    assertThat(refused).hasMessageThat().contains("namespace 'ECHO'");
    assertThat(refused).hasMessageThat().contains("namespace 'OTHER'");
    // Neither key is needed to tell two namespaces of one host apart.
    DurableObjectId id = objects.namespace("ECHO").newUniqueId();
    assertThrows(InvalidIdException.class, () -> objects.namespace("THIRD").get(id));
    assertThrows(InvalidIdException.class, () -> other.get(FakeHost.IDS.newUniqueId()));
    assertThat(host.hasStub()).isFalse();
    assertThat(host.descriptions.get()).isEqualTo(2); // By the two clients, for ECHO.
  }

  @Test
  void whatIsNoIdIsRefusedWithTheSameError() {
    assertThat(assertThrows(InvalidIdException.class, () -> namespace.idFromString("00")).reason())
        .isEqualTo(Reasons.INVALID_ID);
    String foreign = new DurableObjectIds("another key").fromName("foo").toString();
    assertThat(assertThrows(InvalidIdException.class, () -> namespace.idFromString(foreign)))
        .hasMessageThat()
        .isEqualTo(
            "id '" + foreign + "' is of another namespace, expected one of namespace 'ECHO'");
  }

  @Test
  void whatIsNotReachedIsToldDownToTheRoot() throws Exception {
    try (Nobody nobody = new Nobody();
        DurableObjects lonely =
            DurableObjects.connect(nobody.target(), InsecureChannelCredentials.create())) {
      StatusRuntimeException refused =
          assertThrows(StatusRuntimeException.class, () -> lonely.namespace("ECHO").newUniqueId());
      assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(refused).hasMessageThat().contains("namespace 'ECHO'");
      assertThat(refused).hasMessageThat().contains("onnection refused");
      assertThat(refused).hasMessageThat().doesNotContain("io exception");
    }
  }

  @Test
  void aClientHasEachNamespaceOnce() {
    DurableObjects objects = host.client();
    assertThat(objects.namespace("ECHO")).isSameInstanceAs(objects.namespace("ECHO"));
    assertThat(objects.namespace("ECHO").name()).isEqualTo("ECHO");
  }
}
