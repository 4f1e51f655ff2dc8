import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

/**
 * Has protobuf keep a U+FEFF at the beginning of a string.
 *
 * Protobuf reads text with a `TextDecoder`, and one takes that character for a mark of the byte order and drops it,
 * unless it is told not to. There is one decoder for the whole process, so all that is read with protobuf keeps the
 * character from now on, as in every other language.
 */
export function keepByteOrderMarks(): void {
  const encoding = getTextEncoding();
  if (encoding.decodeUtf8(BYTE_ORDER_MARK) !== "") {
    return;
  }
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  configureTextEncoding({
    ...encoding,
    decodeUtf8: (bytes, isStrict) => (isStrict === true ? strict : lenient).decode(bytes),
  });
}
