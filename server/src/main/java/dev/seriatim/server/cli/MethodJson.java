package dev.seriatim.server.cli;

import com.google.gson.JsonObject;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;

/** A method as JSON: what it takes, and what it replies. */
final class MethodJson {
  private MethodJson() {}

  static JsonObject of(MethodDescriptor method) {
    JsonObject object = new JsonObject();
    object.addProperty("method", method.getName());
    object.add("fields", fields(method.getInputType()));
    object.add("reply", fields(method.getOutputType()));
    return object;
  }

  private static JsonObject fields(Descriptor message) {
    JsonObject object = new JsonObject();
    for (FieldDescriptor field : message.getFields()) {
      object.addProperty(field.getName(), FieldTypes.text(field));
    }
    return object;
  }
}
