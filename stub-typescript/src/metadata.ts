/** The metadata of an invocation, by key. */
export type CallMetadata = Record<string, string>;

const KEY = /^[0-9a-z_.-]+$/;
const PRINTABLE = /^[ -~]*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const NONE: CallMetadata = Object.freeze({});

/**
 * Turns the headers of one call into the metadata of its invocation.
 *
 * @throws RangeError if a key is reserved or isn't one of gRPC's, if a text value isn't printable ASCII, or
 *     if a binary one isn't base64
 */
export function metadataOf(headers: Headers | undefined): CallMetadata {
  let metadata: CallMetadata | undefined;
  for (const [key, value] of headers ?? []) {
    if (key.startsWith("grpc-") || key.startsWith("seriatim-")) {
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
