import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { DurableObjectIds } from "../src/index.js";

interface Vectors {
  named: { unique_key: string; name: string; id: string; why: string }[];
  unique: { unique_key: string; base: string; id: string }[];
  refused_ids: { unique_key: string; id: string; why: string }[];
  refused_names: { name: string; why: string }[];
}

/** Those that every language is held to. */
const vectors = JSON.parse(
  readFileSync(
    new URL("../../../conformance-tests/src/main/resources/vectors/ids.json", import.meta.url),
    "utf8",
  ),
) as Vectors;

describe("the vectors of every language", () => {
  for (const { unique_key, name, id, why } of vectors.named) {
    test(`derive an id: ${why}`, () => {
      const ids = new DurableObjectIds(unique_key);
      assert.equal(ids.fromName(name).toString(), id);
      assert.equal(ids.fromString(id).toString(), id);
    });
  }

  for (const { unique_key, base, id } of vectors.unique) {
    test(`accept a unique id: ${base}`, () => {
      assert(id.startsWith(base));
      assert.equal(new DurableObjectIds(unique_key).fromString(id).toString(), id);
    });
  }

  for (const { unique_key, id, why } of vectors.refused_ids) {
    test(`refuse an id: ${why}`, () => {
      assert.throws(() => new DurableObjectIds(unique_key).fromString(id), RangeError);
    });
  }

  for (const { name, why } of vectors.refused_names) {
    test(`refuse a name: ${why}`, () => {
      assert.throws(() => new DurableObjectIds("COUNTER").fromName(name), RangeError);
    });
  }
});
