/** Runs Solidity tests in EDR with a mutant switched on: a process of its own, so that one that hangs can be ended. */
import {
  EdrContext,
  FsAccessPermission,
  L1_CHAIN_TYPE,
  l1GenesisState,
  l1HardforkFromString,
  l1HardforkToString,
  l1SolidityTestRunnerFactory,
  type AccountOverride,
  type Artifact,
  type ArtifactId,
  type SuiteResult,
} from "@nomicfoundation/edr";
import type { Contract } from "./build.ts";
import { root } from "./compiler.ts";

/** A suite's contract, and code that is in the tests' chain by its address. */
export interface Loaded {
  suite: Contract;
  abi: unknown[];
  creation: string;
  deployed: string;
}
export interface Load {
  suites: Loaded[];
  code: Record<string, string>;
}
export interface Run {
  suite: Contract;
  coinbase: number;
  /** Patterns of names of tests. */
  only?: string;
  without?: string;
}

export interface Report {
  /** Names of the tests that failed, and why. */
  failed: { name: string; reason: string }[];
  passed: number;
  milliseconds: number;
}

/** Far above what any test needs: a mutant that loops for ever runs out of it, and the test fails. */
const gasLimit = 2_000_000_000n;
const hardfork = l1HardforkToString(l1HardforkFromString("Osaka"));
const solcVersion = "0.8.37";

let artifacts: Artifact[] = [];
let predeploys: AccountOverride[] = [];
const context = new EdrContext();
await context.registerSolidityTestRunnerFactory(L1_CHAIN_TYPE, l1SolidityTestRunnerFactory());

const idOf = ({ source, name }: Contract): ArtifactId => ({ source, name, solcVersion });

function load({ suites, code }: Load): void {
  artifacts = suites.map(({ suite, abi, creation, deployed }) => ({
    id: idOf(suite),
    contract: {
      abi: JSON.stringify(abi),
      bytecode: `0x${creation}`,
      linkReferences: {},
      deployedBytecode: `0x${deployed}`,
      deployedLinkReferences: {},
    },
  }));
  const placed = Object.entries(code).map(([address, bytes]) => ({
    address: Buffer.from(address, "hex"),
    code: Buffer.from(bytes, "hex"),
  }));
  predeploys = [...l1GenesisState(l1HardforkFromString(hardfork)), ...placed];
}

async function run({ suite, coinbase, only, without }: Run): Promise<Report> {
  const started = performance.now();
  // The suite's result may come later than the end of the run.
  const { promise: result, resolve } = Promise.withResolvers<SuiteResult>();
  await context.runSolidityTests(
    L1_CHAIN_TYPE,
    artifacts,
    [idOf(suite)],
    {
      projectRoot: root,
      hardfork,
      localPredeploys: predeploys,
      fsPermissions: [{ access: FsAccessPermission.ReadDirectory, path: "test/vectors" }],
      blockCoinbase: Buffer.from(coinbase.toString(16).padStart(40, "0"), "hex"),
      gasLimit,
      disableBlockGasLimit: true,
      disableTransactionGasCap: true,
      fuzz: { runs: 4, seed: "0x1" },
      invariant: { failurePersistDir: "" },
      ...(only === undefined ? {} : { testPattern: only }),
      ...(without === undefined ? {} : { excludeTestPattern: without }),
    },
    { buildInfos: [], ignoreContracts: false },
    resolve,
  );
  const tests = (await result).testResults;
  const failed = tests.filter(({ status }) => status === "Failure").map(({ name, reason }) => ({ name, reason: reason ?? "" }));
  return { failed, passed: tests.length - failed.length, milliseconds: performance.now() - started };
}

const broken = (error: unknown): Report => ({ failed: [{ name: "the run itself", reason: String(error) }], passed: 0, milliseconds: 0 });

process.on("message", (order: Load | Run) => {
  if ("suites" in order) {
    load(order);
    process.send!({ loaded: artifacts.length });
  } else {
    run(order).then(
      (report) => process.send!(report),
      (error: unknown) => process.send!(broken(error)),
    );
  }
});
process.send!({ ready: true });
