// A local chain in a process of its own: mines every transaction at once, prints its URL, ends with its parent.
import { createHardhatRuntimeEnvironment } from "hardhat/hre";

const { chainId, blockSeconds } = JSON.parse(process.argv[2]!) as { chainId: number; blockSeconds: number };
const hre = await createHardhatRuntimeEnvironment({});
const server = await hre.network.createServer(
  {
    network: "default",
    override: {
      chainId,
      hardfork: "osaka",
      // Bursts mine many blocks in a second: without this the chain's clock would run ahead of everybody's.
      allowBlocksWithSameTimestamp: true,
      mining: { auto: true, interval: blockSeconds * 1000 },
    },
  },
  "127.0.0.1",
  0,
);
const { port } = await server.listen();
process.stdout.write(`${port}\n`);
process.on("disconnect", () => process.exit(0));
