import tseslint from "typescript-eslint";

/** Imports go main → cli → node → stages → services → core, never back, and stages never import each other (docs/architecture.md). */
const rooms = {
  core: ["core"],
  telemetry: ["core", "telemetry"],
  content: ["core", "telemetry", "content"],
  store: ["core", "telemetry", "store"],
  chain: ["core", "telemetry", "store", "chain"],
  runtime: ["core", "telemetry", "content", "runtime"],
  canonical: ["core", "telemetry", "content", "canonical"],
};
const services = ["core", "telemetry", "content", "store", "chain", "runtime", "canonical"];
for (const stage of ["watcher", "scheduler", "publisher", "selfcheck", "challenger", "api"]) rooms[stage] = [...services, stage];
const all = [...Object.keys(rooms), "cli"];

const layering = Object.entries(rooms).map(([room, allowed]) => ({
  files: [`oracle/${room}/**/*.ts`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          {
            regex: `^\\.\\./(?:\\.\\./)*(?:${[...all.filter((other) => !allowed.includes(other)), "node\\.ts", "main\\.ts", "foundation\\.ts", "watchtower\\.ts"].join("|")})(?:/|$)`,
            message: `oracle/${room} may import from: ${allowed.join(", ")}.`,
          },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ["node_modules/", "artifacts/", "cache/", "coverage/", "dist/", "types/", ".assay/", "oracle/canonical/engine/assembly/"] },
  ...tseslint.configs.recommended,
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["test", "it", "describe", "suite"] }] },
      ],
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // noUncheckedIndexedAccess makes `!` the way to state that an index is in range.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  ...layering,
);
