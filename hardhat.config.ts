import { fileURLToPath } from "node:url";
import hardhatToolboxMochaEthers from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";
import { deployTask } from "./ignition/deployTask.ts";

// The compiler comes from the npm package `solc`, pinned by the lock file: nothing is downloaded at build time.
const compiler = {
  version: "0.8.37",
  path: fileURLToPath(import.meta.resolve("solc/soljson.js")),
  settings: {
    evmVersion: "osaka",
    viaIR: true,
    optimizer: { enabled: true, runs: 200 },
  },
};

// The kernels compute for as long as it takes: they are compiled for speed, everything else so that it fits into 24,576 bytes.
const kernels = ["Choice", "Contraction", "Function", "Map", "Reduction", "Sum"].map((name) => `contracts/step/${name}Kernel.sol`);
const fast = { ...compiler, settings: { ...compiler.settings, optimizer: { enabled: true, runs: 1_000 } } };
const build = {
  compilers: [compiler],
  overrides: Object.fromEntries([...kernels, "contracts/step/StepVerifier.sol"].map((source) => [source, fast])),
};

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers],
  tasks: [deployTask],
  solidity: {
    profiles: { default: build, production: build },
    npmFilesToBuild: ["@openzeppelin/contracts/access/manager/AccessManager.sol"],
  },
  typechain: { outDir: "types/contracts", dontOverrideCompile: false },
  paths: { sources: "contracts", tests: { solidity: "test/contracts", mocha: "test/hardhat" } },
  test: {
    // No verdict hangs on how fast a machine is.
    mocha: { timeout: 0 },
    solidity: { fsPermissions: { readDirectory: ["test/vectors"] } },
  },
  networks: {
    localhost: { type: "http", url: "http://127.0.0.1:8545" },
    sepolia: {
      type: "http",
      url: configVariable("SEPOLIA_RPC_URL"),
      accounts: [configVariable("SEPOLIA_PRIVATE_KEY")],
    },
  },
});
