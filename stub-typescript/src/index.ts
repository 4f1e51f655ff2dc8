/**
 * Durable objects over gRPC: named, single-threaded objects, called through stubs whose calls run in order.
 *
 * @module
 */
export { bearer } from "./bearer.js";
export { DurableObjects, type ConnectOptions, type TransportOptions } from "./durable-objects.js";
export { CallFailure, Fate, Reasons, type FailureCause } from "./failure.js";
export { DurableObjectId, DurableObjectIds, InvalidIdError } from "./ids.js";
export type { DurableObjectNamespace } from "./namespace.js";
export { defaultClientOptions, type ClientOptions } from "./options.js";
export { defaultRetryOptions, Retry, type RetryCall, type RetryOptions } from "./retry.js";
export type { DurableObjectStub } from "./stub.js";
export type { StubTransportOptions } from "./stub-transport.js";
