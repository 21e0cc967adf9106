import { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** All that a node counts; names carry their units. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    headNumber: new Gauge({ name: "assay_head_block_number", help: "Number of the last block that was read", registers }),
    reorganisations: new Counter({ name: "assay_reorganisations_total", help: "Reorganisations that were undone", registers }),
    undoneBlocks: new Counter({ name: "assay_undone_blocks_total", help: "Blocks that reorganisations took away", registers }),
    rpcFailures: new Counter({
      name: "assay_rpc_failures_total",
      help: "Calls that a provider failed, by provider",
      labelNames: ["provider"] as const,
      registers,
    }),
    evaluations: new Counter({
      name: "assay_evaluations_total",
      help: "Evaluations, by result",
      labelNames: ["result"] as const,
      registers,
    }),
    evaluationSeconds: new Histogram({
      name: "assay_evaluation_seconds",
      help: "Time of one inference in the runtime",
      buckets: secondsBuckets,
      registers,
    }),
    transactions: new Counter({
      name: "assay_transactions_total",
      help: "Transactions, by kind and by what became of them",
      labelNames: ["kind", "outcome"] as const,
      registers,
    }),
    declined: new Counter({ name: "assay_declined_total", help: "Jobs that were declined or quarantined", registers }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
