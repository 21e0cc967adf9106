import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ContractFactory, type InterfaceAbi } from "ethers";
import { overrideTask } from "hardhat/config";
import { createHardhatRuntimeEnvironment, importUserConfig } from "hardhat/hre";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { ModuleName, ModuleParameters } from "../../ignition/faults.ts";
import { artifactOf } from "../../scripts/local/localSystem.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const configPath = join(root, "hardhat.config.ts");
const userConfig = await importUserConfig(configPath);

/** The contracts are built before any test runs. */
const builtBefore = overrideTask("build")
  .setInlineAction(() => ({}))
  .build();

/** Not the mnemonic of development networks: those accounts are refused on a public network. */
const mnemonic = "legal winner thank year wave sausage worth useful legal winner thank yellow";

export interface DeployRun {
  ok: boolean;
  /** What was printed, and the error that ended it. */
  text: string;
}

/** The task's `hardhat ignition deploy` with a network at `url`; deployments are kept in `directory`. */
export async function runDeploy(
  directory: string,
  url: string,
  module: ModuleName,
  parameters: object,
  flags: object = {},
): Promise<DeployRun> {
  const config = {
    ...userConfig,
    tasks: [...(userConfig.tasks ?? []), builtBefore],
    paths: { ...userConfig.paths, ignition: directory },
    networks: { ...userConfig.networks, target: { type: "http" as const, url } },
    ignition: { blockPollingInterval: 20, requiredConfirmations: 1 },
  };
  const hre = await createHardhatRuntimeEnvironment(config, { config: configPath, network: "target" }, root);
  process.env.HARDHAT_IGNITION_CONFIRM_DEPLOYMENT = "1";
  const printed: string[] = [];
  const [log, clear, write, exitCode] = [console.log, console.clear, process.stdout.write, process.exitCode];
  console.log = (...items: unknown[]) => void printed.push(items.join(" "));
  console.clear = () => undefined;
  process.stdout.write = ((text: string) => printed.push(text) > 0) as typeof process.stdout.write;
  process.exitCode = 0;
  let error = "";
  try {
    const modulePath = join(directory, "modules", `${module}.ts`);
    await hre.tasks.getTask(["ignition", "deploy"]).run({ modulePath, parameters: JSON.stringify(parameters), ...flags });
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  const ok = error === "" && Number(process.exitCode) === 0;
  [console.log, console.clear, process.stdout.write, process.exitCode] = [log, clear, write, exitCode];
  return { ok, text: `${printed.join("\n")}\n${error}` };
}

/** A public network (by its chain id) in this process, to deploy to. */
export class PublicNetwork {
  readonly url: string;
  readonly directory: string;
  readonly chainId: number;
  readonly #hre: HardhatRuntimeEnvironment;
  readonly #close: () => Promise<void>;

  private constructor(hre: HardhatRuntimeEnvironment, url: string, chainId: number, close: () => Promise<void>) {
    this.#hre = hre;
    this.url = url;
    this.chainId = chainId;
    this.#close = close;
    this.directory = mkdtempSync(join(tmpdir(), "assay-deploy-"));
    symlinkSync(join(root, "ignition", "modules"), join(this.directory, "modules"));
  }

  static async start({ chainId = 4242, hardfork = "osaka" } = {}): Promise<PublicNetwork> {
    const hre = await createHardhatRuntimeEnvironment(userConfig, { config: configPath }, root);
    const override = { chainId, hardfork, accounts: { mnemonic } };
    const server = await hre.network.createServer({ network: "default", override: override as never }, "127.0.0.1", 0);
    const { port } = await server.listen();
    return new PublicNetwork(hre, `http://127.0.0.1:${port}`, chainId, () => server.close());
  }

  /** Where a deployment keeps what it has done. */
  get deployment(): string {
    return join(this.directory, "deployments", `chain-${this.chainId}`);
  }

  async call<T>(method: string, ...params: unknown[]): Promise<T> {
    const reply = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = (await reply.json()) as { result: T; error?: { message: string } };
    if (error !== undefined) throw new Error(error.message);
    return result;
  }

  accounts(): Promise<string[]> {
    return this.call("eth_accounts");
  }

  /** How many transactions an account has sent. */
  async sent(account: string): Promise<number> {
    return Number(await this.call("eth_getTransactionCount", account, "latest"));
  }

  /** Deploys the test token as the last account. @returns its address. */
  async deployToken(): Promise<string> {
    const { abi, bytecode } = artifactOf("test/TestToken");
    const { data } = await new ContractFactory(abi as InterfaceAbi, bytecode).getDeployTransaction();
    const hash = await this.call<string>("eth_sendTransaction", { from: (await this.accounts()).at(-1), data });
    const { contractAddress } = await this.call<{ contractAddress: string }>("eth_getTransactionReceipt", hash);
    return contractAddress;
  }

  deploy(module: ModuleName, parameters: ModuleParameters, flags: object = {}): Promise<DeployRun> {
    const key = module === "AssayHandover" ? "Assay" : module;
    return runDeploy(this.directory, this.url, module, { [key]: parameters }, flags);
  }

  async close(): Promise<void> {
    await this.#close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

// As a program of its own, so that it can be killed: DIRECTORY URL MODULE PARAMETERS.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [directory, url, module, parameters] = process.argv.slice(2) as [string, string, ModuleName, string];
  const { ok, text } = await runDeploy(directory, url, module, JSON.parse(parameters) as object);
  process.stdout.write(text);
  process.exit(ok ? 0 : 1);
}
