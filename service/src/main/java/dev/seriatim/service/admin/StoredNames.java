package dev.seriatim.service.admin;

import com.google.common.io.BaseEncoding;
import com.google.protobuf.ByteString;
import dev.seriatim.admin.v1.ObjectName;
import dev.seriatim.service.object.Namespaces;
import dev.seriatim.service.session.BreakException;
import dev.seriatim.service.storage.ObjectFilter;
import dev.seriatim.service.storage.ObjectPlace;
import dev.seriatim.service.storage.StorageEngine;
import dev.seriatim.service.storage.StoredObject;
import dev.seriatim.service.storage.StoredView;
import io.grpc.StatusException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which object is meant, of those that are stored: also of namespaces that the host doesn't serve,
 * whose ids it can't derive. Safe for any number of threads.
 */
final class StoredNames {
  private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");

  private final Namespaces namespaces;
  private final ObjectNames served;

  StoredNames(AdminHost host) {
    this.namespaces = host.directory().namespaces();
    this.served = new ObjectNames(host);
  }

  /**
   * Where this object of a namespace that isn't served is stored, or would be; null if it is of one
   * that is.
   *
   * @throws BreakException if it can't be any
   */
  @Nullable ObjectPlace findUnserved(StorageEngine storage, ObjectName object)
      throws BreakException, StatusException {
    if (namespaces.names().contains(object.getNamespace())) {
      return null;
    }
    ObjectPlace place;
    try (StoredView view = storage.view()) {
      place = find(view, object);
    }
    if (place == null) {
      var _ = served.resolve(object); // It says which are served.
    }
    return place;
  }

  /**
   * Where this object is stored, or would be; null if it is of a namespace that isn't served, and
   * nothing is stored under its name.
   *
   * @throws BreakException if it can't be any
   */
  @Nullable ObjectPlace find(StoredView view, ObjectName object)
      throws BreakException, StatusException {
    String namespace = object.getNamespace();
    if (namespaces.names().contains(namespace)) {
      var address = served.resolve(object);
      return new ObjectPlace(
          namespace, address.id().name().orElse(null), address.id().toByteString());
    }
    if (namespace.isEmpty()) {
      throw Failures.invalid("object: no namespace, expected one");
    }
    if (object.hasId()) {
      if (!ID.matcher(object.getId()).matches()) {
        throw Failures.invalid("id '%s', expected 64 lower-case hex digits", object.getId());
      }
      byte[] id = BaseEncoding.base16().lowerCase().decode(object.getId());
      return new ObjectPlace(namespace, /* name= */ null, ByteString.copyFrom(id));
    }
    // The name itself is the first of those that begin so.
    for (StoredObject stored :
        view.objects(
                new ObjectFilter(namespace, object.getName(), /* alarm= */ false),
                /* after= */ null,
                /* limit= */ 1)
            .objects()) {
      if (object.getName().equals(stored.place().name())) {
        return stored.place();
      }
    }
    return null;
  }
}
