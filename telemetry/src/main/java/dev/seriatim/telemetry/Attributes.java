package dev.seriatim.telemetry;

import io.opentelemetry.api.common.AttributeKey;

/** What spans say: by OpenTelemetry's conventions for RPCs, and beyond that by our own. */
final class Attributes {
  static final AttributeKey<String> RPC_SYSTEM = AttributeKey.stringKey("rpc.system.name");
  static final AttributeKey<String> RPC_METHOD = AttributeKey.stringKey("rpc.method");
  static final AttributeKey<String> STATUS_CODE =
      AttributeKey.stringKey("rpc.response.status_code");
  static final AttributeKey<String> ERROR_TYPE = AttributeKey.stringKey("error.type");
  static final AttributeKey<String> NAMESPACE = AttributeKey.stringKey("seriatim.namespace");
  static final AttributeKey<String> OBJECT = AttributeKey.stringKey("seriatim.object");
  static final AttributeKey<String> OBJECT_ID = AttributeKey.stringKey("seriatim.object.id");
  static final AttributeKey<Long> SEQUENCE = AttributeKey.longKey("seriatim.sequence");
  static final AttributeKey<String> ALARM_DUE = AttributeKey.stringKey("seriatim.alarm.due");
  static final AttributeKey<Long> ALARM_RETRIES = AttributeKey.longKey("seriatim.alarm.retries");
  static final AttributeKey<String> FATE = AttributeKey.stringKey("seriatim.fate");
  static final String GRPC = "grpc";

  private Attributes() {}
}
