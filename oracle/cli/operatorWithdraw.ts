import { getAddress, isAddress, ZeroAddress } from "ethers";
import type { Command } from "commander";
import { formatAmount, timeText } from "./amounts.ts";
import { chainOptions, withSigner, type ChainOptions } from "./chain.ts";
import { CliError } from "./exitCodes.ts";
import { runs, type Terminal } from "./verb.ts";

interface Withdrawal {
  what: "stake" | "earnings";
  token: string;
  amount: bigint;
  text: string;
  transaction: string;
  gasUsed: bigint;
}

export function addOperatorWithdraw(parent: Command, terminal: Terminal): void {
  const command = chainOptions(
    parent
      .command("withdraw")
      .description("Pay out what the signing account is owed: fees and royalties that it earned, and stake that has unbonded.")
      .option("--to <address>", "who receives it (default: the signing account)")
      .option("--token <address>", "a fee token that it was paid in (default: ETH)", ZeroAddress),
    { signs: true },
  );
  const examples = [
    "operator withdraw --account operator",
    "operator withdraw --account operator --to 0x90F79bf6EB2c4f870365E785982E1f101E93b906",
  ];
  runs<ChainOptions & { to?: string; token: string }>(command, terminal, examples, ({ options, terminal: { signal } }) =>
    withSigner(options, async (chain, signer) => {
      for (const name of ["to", "token"] as const) {
        const value = options[name];
        if (value !== undefined && !isAddress(value)) throw new CliError("usage", `--${name} ${value} is no address`);
      }
      const to = getAddress(options.to ?? signer.address);
      const [account, owed, { timestamp }] = await Promise.all([
        chain.views.operator(signer.address),
        chain.views.owed(signer.address, options.token),
        chain.head(),
      ]);
      const done: Withdrawal[] = [];
      const pay = async (what: Withdrawal["what"], token: string, amount: bigint, call: Parameters<typeof chain.send>[1]) => {
        const { hash, gasUsed } = await chain.send(signer, call, signal);
        done.push({ what, token, amount, text: formatAmount(amount, await chain.unitOf(token)), transaction: hash, gasUsed });
      };
      if (owed > 0n) await pay("earnings", options.token, owed, chain.calls.withdrawOwed(options.token, to));
      if (account.unbonding > 0n && timestamp >= account.unbondsAt) {
        await pay("stake", await chain.views.stakeToken(), account.unbonding, chain.calls.withdrawStake(to));
      }
      if (done.length === 0) {
        const later = account.unbonding > 0n ? `; its stake unbonds at ${timeText(account.unbondsAt)}` : "";
        throw new CliError("refused", `${signer.address} has nothing to withdraw now${later}`);
      }
      return {
        json: {
          account: signer.address,
          to,
          withdrawn: done.map(({ what, token, amount, transaction, gasUsed }) => ({ what, token, amount, transaction, gasUsed })),
        },
        text: done
          .map(({ what, text, transaction, gasUsed }) => `${what}: ${text} to ${to}, transaction ${transaction} (${gasUsed} gas)\n`)
          .join(""),
      };
    }),
  );
}
