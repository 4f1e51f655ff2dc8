// The rules of the TypeScript stub, whose linter reads this: see scripts/test.
import rules from "../../../stub-typescript/eslint.config.js";

const globals = ["console", "fetch", "performance", "process", "Response", "URL"];

export default [
  ...rules,
  {
    languageOptions: { globals: Object.fromEntries(globals.map((name) => [name, "readonly"])) },
    rules: { "@typescript-eslint/explicit-module-boundary-types": "off" },
  },
];
