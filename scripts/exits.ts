// Searches all orders of moves of a lying operator, up to three friends and one honest challenger, for what each of them is worth; writes
// docs/exits.md. Run as `npm run exits`; fails where the rule of the contracts promises more than the search finds.
import { writeFileSync } from "node:fs";
import { equalSplit, pooled, type Rule, winnerTakesHalf } from "./exits/rules.ts";
import { bond } from "./exits/search.ts";
import { type Least, schedules, type Summary, summarise } from "./exits/summary.ts";

const schedule = schedules.full;
const share = (least: Least): string => least?.share ?? "–";

const rows: string[] = [];
const found = new Map<string, Summary>();
let states = 0;
for (const rule of [winnerTakesHalf, equalSplit, pooled] satisfies Rule[]) {
  for (const requesterIsFriend of rule === pooled ? [false, true] : [false]) {
    for (const friends of [0, 1, 2, 3]) {
      const summary = summarise(rule, friends, requesterIsFriend, schedule);
      states += summary.states;
      found.set(`${rule.name}, ${friends}${requesterIsFriend ? ", requester" : ""}`, summary);
      const who = `${friends}${requesterIsFriend ? " and the requester" : ""}`;
      const least = [summary.lossDisputed, summary.lossLate, summary.rewardDisputed, summary.rewardFrontRun].map(share);
      rows.push(`| ${rule.name} | ${who} | ${summary.states.toLocaleString("en")} | ${least.join(" | ")} |`);
      process.stdout.write(`${rows.at(-1)!}\n`);
      if (summary.standing > 0)
        throw new Error(`${rule.name}: the lie stands in ${summary.standing} plays that the honest challenger watched`);
      if (rule !== pooled) continue;
      const { lossDisputed, lossLate, rewardFrontRun } = summary;
      if (lossLate!.value < bond / 2n || lossDisputed!.value < bond / 2n) throw new Error(`${who} friends lose less than half of the bond`);
      if (friends <= 2 && rewardFrontRun!.value < bond / 8n)
        throw new Error(`${who} friends leave less than half of a sole conviction's reward`);
    }
  }
}

const moves = (key: string, least: "lossDisputed" | "lossLate" | "rewardFrontRun"): string =>
  `\`${found.get(key)![least]!.moves.join(", ")}\``;
writeFileSync(
  new URL("../docs/exits.md", import.meta.url),
  `# What a lie costs, whatever order the moves come in

An operator that lies may have friends: challengers, demanders, the requester. They can order moves inside a block, see the honest challenger's move coming, move first, concede to each other, or take the answer back. \`npm run exits\` searches **all** their orders of moves against one honest challenger and writes this page; a smaller search runs with every test (\`test/oracle/core/exits.test.ts\`). B is the request's bond, the amounts are those of \`oracle/core/dispute/exits.ts\`.

| exit | operator loses | pool | burned |
| --- | --- | --- | --- |
| taken back before \`submittedAt + commitDelay\` | B/100 | – | B/100 |
| taken back later | 7B/8 | 3B/8 | B/2 |
| wrong step, time-out, bytes not published | B | 3B/8 | 5B/8 |

Each of n claimants gets the smaller of B/4 and a part in n of the pool, the requester what is left. Claimants are disputes and demands that are open when the answer ends, and commitments that were made before that, less than \`commitDelay + openGrace\` ago, and are opened within \`commitDelay + openGrace\` afterwards.

## What is searched

Rounds are blocks: \`commitDelay\` ${schedule.commitDelay}, \`openGrace\` ${schedule.openGrace}, the window ${schedule.window}, the longest dispute ${schedule.longestDispute}. A friend is one claim: it commits, opens, gives up, or demands bytes (once for each of the two kinds) whenever it likes. The operator takes the answer back, concedes, loses or publishes whenever the coalition likes. The honest challenger learns of the lie in any round in which it can still open a challenge inside the window, or never; it then commits and opens, or demands hidden bytes, commits once they are there, and claims, each time in the first block in which it can. A dispute with it is lost when the coalition likes, at the latest after the longest dispute. That is more than the contracts allow, so the least values bound what they do from below.

${states.toLocaleString("en")} states in all:

| rule | friends | states | least loss, honest dispute open | least loss after \`commitDelay\` | least honest reward, dispute open | least honest reward, also where the coalition ends first |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

*The winner takes half*: half of what is slashed goes to the one whose dispute ended the answer, conceding costs B/2, taking back B/100 at any time before a dispute. *Equal split*: half of what is slashed is shared among open disputes, and taking back costs B/2. *Shared pool* is the rule of the contracts. In no play does the lie stand although the honest challenger knew of it in time.

So, with the shared pool, a lie that is not taken back early costs the whole coalition at least B/2, and an honest challenger whose commitment came first gets at least half of the B/4 that it gets alone, against up to two friends. With n claims no rule that pays out the same pool can promise more than a part in n: friends can make every honest move a block earlier.

Moves that lead to least values with two friends (\`|\` ends a round; O is the operator, F a friend, H the honest challenger):

- the winner takes half, no reward: ${moves("the winner takes half, 2", "rewardFrontRun")}
- shared pool, loss with H's dispute open: ${moves("shared pool, 2", "lossDisputed")}
- shared pool, loss after \`commitDelay\`: ${moves("shared pool, 2", "lossLate")}
- shared pool, reward: ${moves("shared pool, 2", "rewardFrontRun")}

Not in the search: what gas and escrows cost (they add to the coalition's loss), and more than one honest challenger (each is one more claim that is not the coalition's).
`,
);
