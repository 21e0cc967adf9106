// A node in a process of its own, for tests that kill it: `nodeMain.ts CONFIG`; SIGTERM stops it, its parent gets its statistics.
import { loadConfig } from "../../oracle/config.ts";
import { startNode } from "../../oracle/node.ts";
import { createLog } from "../../oracle/telemetry/log.ts";

const config = await loadConfig(process.argv[2]!);
const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());
process.on("disconnect", () => process.exit(1));
try {
  const node = await startNode(config, { log: createLog(config.log.level), signal: stopping.signal });
  process.send!({ ready: true });
  const reporting = setInterval(() => process.send!({ stats: node.stats() }), 20);
  await node.finished.finally(() => clearInterval(reporting));
  process.exit(0);
} catch (error) {
  process.send!({ failure: { name: (error as Error).name, message: (error as Error).message } }, () => process.exit(1));
}
