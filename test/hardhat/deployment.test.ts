import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import json5 from "json5";
import { network } from "hardhat";
import { deployAssay } from "../../fixtures/assay.ts";
import { differs, readDeployment, type Addresses } from "../../scripts/check-deployment.ts";
import { compareGas, gasSuites, readGasSnapshot, type GasSnapshot, type GasSuite } from "../../scripts/gas.ts";

describe("A deployment", () => {
  it("is read back as its parameters say, and every difference is found", async () => {
    const connection = await network.create();
    const { authority, modelRegistry, operatorRegistry, coordinator } = await deployAssay(connection);
    const addresses: Addresses = {
      AccessManager: await authority.getAddress(),
      ModelRegistry: await modelRegistry.getAddress(),
      OperatorRegistry: await operatorRegistry.getAddress(),
      InferenceCoordinator: await coordinator.getAddress(),
    };
    const file = json5.parse(readFileSync("ignition/parameters/localhost.json5", "utf8")) as Record<
      string,
      Record<string, string | number>
    >;
    const parameters = file.AssayLocal!;
    const provider = connection.ethers.provider;
    const found = await readDeployment(provider, addresses, parameters);
    assert.deepEqual(found.filter(differs), []);
    assert.ok(found.some(({ name }) => name === "holds ADMIN"));

    await coordinator.getFunction("setPaused")(true);
    await authority.getFunction("grantRole")(2n, addresses.ModelRegistry, 0);
    const [guardian] = await connection.ethers.getSigners();
    const changed = { ...parameters, protocolFeeBps: 1, guardian: guardian!.address };
    const names = (await readDeployment(provider, addresses, changed)).filter(differs).map(({ name }) => name);
    assert.deepEqual(names.sort(), ["holds GUARDIAN", "paused", "protocolFeeBps"]);
    await connection.close();
  });

  for (const [suite, measure] of Object.entries(gasSuites) as [GasSuite, () => Promise<GasSnapshot>][]) {
    it(`costs the gas of its snapshot: ${suite}`, async function () {
      this.timeout(0);
      assert.deepEqual(compareGas(readGasSnapshot(suite), await measure()), []);
    });
  }
});
