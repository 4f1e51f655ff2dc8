package dev.seriatim.service.caller;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.peer.v1.RelayCaller;
import dev.seriatim.service.Caller;
import java.util.Optional;
import java.util.Set;

/** Callers as hosts, and the objects of a host, tell each other of them. */
final class CallerWire {
  private CallerWire() {}

  static RelayCaller toProto(Caller caller) {
    RelayCaller.Builder proto =
        RelayCaller.newBuilder()
            .setKind(caller.kind().name())
            .setName(caller.name())
            .addAllGroups(caller.groups())
            .putAllClaims(caller.claims());
    caller.origin().ifPresent(origin -> proto.setOrigin(toProto(origin)));
    return proto.build();
  }

  /**
   * The caller that was told.
   *
   * @throws IllegalArgumentException if it is none
   */
  static Caller of(RelayCaller proto) {
    return new Caller(
        Caller.Kind.valueOf(proto.getKind()),
        proto.getName(),
        Set.copyOf(proto.getGroupsList()),
        proto.getClaimsMap(),
        proto.hasOrigin() ? Optional.of(of(proto.getOrigin())) : Optional.empty());
  }

  static String toText(Caller caller) {
    return BaseEncoding.base64().encode(toProto(caller).toByteArray());
  }

  /**
   * The caller that a text stands for.
   *
   * @throws IllegalArgumentException if it stands for none
   */
  static Caller ofText(String text) {
    try {
      return of(RelayCaller.parseFrom(BaseEncoding.base64().decode(text)));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException("not a caller: " + e.getMessage(), e);
    }
  }
}
