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
    omittedLogs: new Counter({
      name: "assay_omitted_logs_total",
      help: "Logs that a provider left out of a reply and that were found by receipts",
      registers,
    }),
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
    selfChecks: new Counter({
      name: "assay_self_checks_total",
      help: "Own answers held against the canonical ones, by result",
      labelNames: ["result"] as const,
      registers,
    }),
    selfCheckSeconds: new Histogram({
      name: "assay_self_check_seconds",
      help: "Time of one canonical evaluation of an own answer",
      buckets: secondsBuckets,
      registers,
    }),
    selfCheckDelay: new Histogram({
      name: "assay_self_check_delay_seconds",
      help: "Chain time from an answer to its check",
      buckets: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600],
      registers,
    }),
    accountEther: new Gauge({ name: "assay_account_ether", help: "What a watchtower's account has for gas, in ETH", registers }),
    accountStakeTokens: new Gauge({
      name: "assay_account_stake_tokens",
      help: "What a watchtower's account has for bonds, in whole tokens",
      registers,
    }),
    declined: new Counter({ name: "assay_declined_total", help: "Jobs that were declined or quarantined", registers }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
