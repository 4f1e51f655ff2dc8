/** The metadata of an invocation, by key. */
export type CallMetadata = Record<string, string>;

/** The one reserved key that a caller may set. */
const IDEMPOTENCY_KEY = "seriatim-idempotency-key";
const MAX_IDEMPOTENCY_KEY = 255;

const KEY = /^[0-9a-z_.-]+$/;
const PRINTABLE = /^[ -~]*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const NONE: CallMetadata = Object.freeze({});

/**
 * Turns the headers of one call into the metadata of its invocation.
 *
 * @throws RangeError if a key is reserved, but for that of idempotency, or isn't one of gRPC's, if a text value
 *     isn't printable ASCII, or if a binary one isn't base64
 */
export function metadataOf(headers: Headers | undefined): CallMetadata {
  let metadata: CallMetadata | undefined;
  for (const [key, value] of headers ?? []) {
    if (key === IDEMPOTENCY_KEY) {
      checkLength(key, value);
    } else if (key.startsWith("grpc-") || key.startsWith("seriatim-")) {
      throw new RangeError(`metadata key '${key}' is reserved`);
    }
    if (!KEY.test(key)) {
      throw new RangeError(`metadata key '${key}', expected only a-z, 0-9, '_', '.' and '-'`);
    }
    metadata ??= Object.create(null) as CallMetadata;
    metadata[key] = key.endsWith("-bin") ? binary(key, value) : text(key, value);
  }
  return metadata ?? NONE;
}

function checkLength(key: string, value: string): void {
  if (value.length < 1 || value.length > MAX_IDEMPOTENCY_KEY) {
    throw new RangeError(
      `metadata value of '${key}' has ${value.length} characters, expected 1 to ${MAX_IDEMPOTENCY_KEY}`,
    );
  }
}

function text(key: string, value: string): string {
  if (!PRINTABLE.test(value)) {
    throw new RangeError(`metadata value of '${key}', expected printable ASCII`);
  }
  return value;
}

/** With the padding that the contract wants and connect leaves out. */
function binary(key: string, value: string): string {
  if (!BASE64.test(value)) {
    throw new RangeError(`metadata value of '${key}', expected one value in base64`);
  }
  return Buffer.from(value, "base64").toString("base64");
}
