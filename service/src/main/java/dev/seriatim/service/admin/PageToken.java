package dev.seriatim.service.admin;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.seriatim.admin.v1.ObjectSummary;
import dev.seriatim.service.storage.ObjectPlace;
import io.grpc.StatusException;
import org.jspecify.annotations.Nullable;

/** A place in the order of objects, as a client gives it back. */
final class PageToken {
  private static final BaseEncoding TEXT = BaseEncoding.base64Url().omitPadding();
  private static final BaseEncoding HEX = BaseEncoding.base16().lowerCase();

  private PageToken() {}

  /** Empty for none. */
  static String of(@Nullable ObjectPlace place) {
    if (place == null) {
      return "";
    }
    ObjectSummary.Builder summary =
        ObjectSummary.newBuilder().setNamespace(place.namespace()).setId(place.hexId());
    if (place.name() != null) {
      summary.setName(place.name());
    }
    return TEXT.encode(summary.build().toByteArray());
  }

  /** Null for none. */
  static @Nullable ObjectPlace parse(String token) throws StatusException {
    if (token.isEmpty()) {
      return null;
    }
    try {
      ObjectSummary summary = ObjectSummary.parseFrom(TEXT.decode(token));
      byte[] id = HEX.decode(summary.getId());
      if (id.length == 32 && !summary.getNamespace().isEmpty()) {
        return new ObjectPlace(
            summary.getNamespace(),
            summary.hasName() ? summary.getName() : null,
            ByteString.copyFrom(id));
      }
    } catch (IllegalArgumentException | InvalidProtocolBufferException e) {
      throw Failures.invalid("%s: %s", expected(token), String.valueOf(e.getMessage()));
    }
    throw Failures.invalid("%s", expected(token));
  }

  private static String expected(String token) {
    return "page_token '" + token + "', expected the next_page_token of the page before";
  }
}
