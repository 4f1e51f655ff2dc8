import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RouteTable } from "../src/route-table.js";
import { randomFrom, seeds } from "./random.js";

const SOUTH = "south:1";
const NORTH = "north:2";

function idWith(digits: string): string {
  return digits.padEnd(64, "0");
}

/** Where stubs on objects with these ids are opened. */
function open(table: RouteTable, ...digits: string[]): (string | undefined)[] {
  return digits.map((some) => table.open("of no use", idWith(some)));
}

/** A random number below `limit`, the same ones for the same seed. */
function randomOf(seed: number): (limit: number) => number {
  const random = randomFrom(seed);
  return (limit) => Math.floor(random() * limit);
}

describe("the table of routes", () => {
  test("has a hint for all objects whose ids begin with the same bits", () => {
    const table = new RouteTable(4);
    table.learn(undefined, idWith("ab7"), SOUTH, 10);
    assert.deepEqual(open(table, "ab7", "ab4fff", "ab3", "ab8"), [SOUTH, SOUTH, undefined, undefined]);
  });

  test("has a hint without bits for one object", () => {
    const table = new RouteTable(4);
    table.learn(undefined, idWith("ab7"), SOUTH, 0);
    assert.deepEqual(open(table, "ab7", "ab71"), [SOUTH, undefined]);
  });

  test("takes no hint that says nothing", () => {
    const table = new RouteTable(4);
    table.learn(undefined, idWith("ab7"), SOUTH, 257);
    table.learn(undefined, idWith("ab7"), "", 10);
    assert.equal(table.size, 0);
    assert.deepEqual(table.takeUnused(), []);
  });

  test("knows a name once an object of that name had a hint", () => {
    const table = new RouteTable(4);
    table.learn("A/x", idWith("ab7"), SOUTH, 10);
    table.learn("A/z", idWith("ab6"), NORTH, 10);
    assert.deepEqual(
      ["A/x", "A/y", "A/z"].map((path) => table.open(path, undefined)),
      [NORTH, undefined, NORTH],
    );
  });

  test("goes by the latest hint, however many bits it has", () => {
    const table = new RouteTable(4);
    table.learn(undefined, idWith("ab7"), SOUTH, 12);
    table.learn(undefined, idWith("ab7"), NORTH, 8);
    assert.deepEqual(open(table, "ab7"), [NORTH]);
    assert.deepEqual(table.takeUnused(), [SOUTH]);
    table.learn(undefined, idWith("ab7"), SOUTH, 12);
    assert.deepEqual(open(table, "ab7", "ab8"), [SOUTH, undefined]);
    assert.deepEqual(table.takeUnused(), []);
  });

  test("forgets an address with all its hints", () => {
    const table = new RouteTable(4);
    table.learn(undefined, idWith("1"), SOUTH, 4);
    table.learn(undefined, idWith("2"), NORTH, 4);
    table.learn(undefined, idWith("3"), SOUTH, 4);
    assert.deepEqual(open(table, "1"), [SOUTH]);
    table.forgetAddress(SOUTH);
    assert.deepEqual(open(table, "1", "2", "3"), [undefined, NORTH, undefined]);
    assert.deepEqual(table.takeUnused(), []); // A stub is still open there.
    table.ended(SOUTH);
    assert.deepEqual(table.takeUnused(), [SOUTH]);
    assert.deepEqual(table.takeUnused(), []);
  });

  test("lets the hint go that wasn't used for longest", () => {
    const table = new RouteTable(4);
    for (const digit of "0123") {
      table.learn(undefined, idWith(digit), `host:${digit}`, 4);
    }
    assert.deepEqual(open(table, "0"), ["host:0"]);
    table.learn(undefined, idWith("5"), "host:5", 4);
    assert.deepEqual(open(table, "0", "1", "5"), ["host:0", undefined, "host:5"]);
    assert.deepEqual(table.takeUnused(), ["host:1"]);
  });

  test("loses and keeps no address, whatever happens", () => {
    for (const seed of seeds(200)) {
      const random = randomOf(seed);
      const table = new RouteTable(3);
      const stubs = [0, 0, 0, 0];
      const known = new Set<string>();
      const check = (): void => {
        for (const address of table.takeUnused()) {
          assert.equal(stubs[Number(address)], 0, `seed ${seed}`);
          assert(known.delete(address), `seed ${seed}`);
        }
        assert(table.size <= 3, `seed ${seed}`);
      };
      const change = (address: number, by: number): void => {
        stubs[address] = (stubs[address] ?? 0) + by;
      };
      for (let step = 0; step < 200; step++) {
        const id = idWith(random(16).toString(16));
        const address = random(4);
        switch (random(5)) {
          case 0:
            table.learn(id, id, String(address), 1 + random(4));
            known.add(String(address));
            break;
          case 1:
            table.forget(id);
            break;
          case 2:
            table.forgetAddress(String(address));
            break;
          case 3: {
            const there = table.open(id, undefined);
            if (there !== undefined) {
              change(Number(there), 1);
            }
            break;
          }
          default:
            if ((stubs[address] ?? 0) > 0) {
              change(address, -1);
              table.ended(String(address));
            }
        }
        check();
      }
      stubs.forEach((count, address) => {
        table.forgetAddress(String(address));
        for (let i = 0; i < count; i++) {
          change(address, -1);
          table.ended(String(address));
        }
      });
      check();
      assert.deepEqual([...known], [], `seed ${seed}`);
    }
  });
});
