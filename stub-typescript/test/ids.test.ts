import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DurableObjectIds } from "../src/index.js";

const ids = new DurableObjectIds("mykey");

describe("ids", () => {
  test("are the ones that the open runtime derives", () => {
    assert.equal(
      ids.fromName("http://foo/").toString(),
      "59002eb8cf872e541722977a258a12d6a93bbe8192b502e1c0cb250aa91af234",
    );
  });

  test("are equal by their bytes, and only those made from a name know it", () => {
    const named = ids.fromName("foo");
    const parsed = ids.fromString(named.toString());
    assert(parsed.equals(named));
    assert(!parsed.equals(ids.fromName("bar")));
    assert.equal(named.name, "foo");
    assert.equal(parsed.name, undefined);
    assert.equal(JSON.stringify({ named }), `{"named":"${String(named)}"}`);
  });

  test("that are unique differ, and belong to the namespace", () => {
    const one = ids.newUniqueId();
    assert(!one.equals(ids.newUniqueId()));
    assert(ids.fromString(one.toString()).equals(one));
    assert.equal(one.name, undefined);
  });

  test("of another length, case or namespace are refused", () => {
    const hex = ids.fromName("foo").toString();
    const form = /expected 64 lower-case hex digits/;
    for (const bad of [hex.slice(1), `${hex}0`, hex.toUpperCase(), "", `${hex}\n`, "x".repeat(5000)]) {
      assert.throws(() => ids.fromString(bad), {
        name: "InvalidIdError",
        reason: "INVALID_ID",
        message: form,
      });
    }
    const other = new DurableObjectIds("other").fromName("foo").toString();
    assert.throws(() => ids.fromString(other), {
      name: "InvalidIdError",
      reason: "INVALID_ID",
      message: /is of another namespace, expected one of this one/,
    });
  });

  test("come from names of 1 to 1,024 bytes of UTF-8", () => {
    assert.throws(() => ids.fromName(""), { message: "name has 0 bytes, expected 1 to 1024" });
    assert.throws(() => ids.fromName("é".repeat(513)), {
      message: "name has 1026 bytes, expected 1 to 1024",
    });
    assert.throws(() => ids.fromName("\ud800"), { message: /not valid Unicode/ });
    assert.equal(ids.fromName("é".repeat(512)).toString().length, 64);
  });

  test("need a unique key", () => {
    assert.throws(() => new DurableObjectIds(""), { message: /unique key is empty/ });
    assert.throws(() => new DurableObjectIds("\udc00"), { message: /unique key is not valid Unicode/ });
  });
});
