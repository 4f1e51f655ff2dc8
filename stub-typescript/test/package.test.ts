import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { promisify } from "node:util";

const here = new URL("../../", import.meta.url);

describe("the package", () => {
  test("has the license, its page and the code, and nothing else", async () => {
    const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const { stdout } = await promisify(execFile)("npm", pack, { cwd: here });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const others = files.map(({ path }) => path).filter((path) => !path.startsWith("dist/"));
    assert.deepEqual(others.sort(), ["LICENSE", "README.md", "package.json"]);
    const whole = new URL("../LICENSE", here);
    if (existsSync(whole)) {
      assert.equal(readFileSync(new URL("LICENSE", here), "utf8"), readFileSync(whole, "utf8"));
    }
  });
});
