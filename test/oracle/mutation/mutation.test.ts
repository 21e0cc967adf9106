import assert from "node:assert/strict";
import { test } from "node:test";
import { mutantsIn, openProject } from "../../../scripts/mutate/build.ts";
import { idsOf, type Result, runFile } from "../../../scripts/mutate/run.ts";
import { stubFor } from "../../../scripts/mutate/stub.ts";
import { summarise } from "../../../scripts/mutate/summary.ts";

const file = "contracts/Purse.sol";
const contract = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

contract Purse {
    uint256 private immutable LIMIT;
    address public owner;

    error Refused();

    constructor(uint256 limit) payable {
        LIMIT = limit;
        owner = msg.sender;
    }

    function take(uint256 amount) external view returns (uint256 taken) {
        if (amount > LIMIT) revert Refused();
        if (amount == 7) revert Refused();
        assembly ("memory-safe") {
            taken := sub(amount, 0)
        }
    }
}
`;
const suite = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Purse} from "../../contracts/Purse.sol";

contract PurseTest {
    function test_takesUpToTheLimit() external {
        Purse purse = new Purse{value: 0}(9);
        require(purse.owner() == address(this), "owner");
        require(purse.take(9) == 9 && purse.take(0) == 0, "takes");
        try purse.take(10) {
            revert("took more");
        } catch (bytes memory why) {
            require(why.length >= 4, "the reason is told");
        }
    }
}
`;

const project = openProject({ [file]: { content: contract }, "test/contracts/Purse.t.sol": { content: suite } });

test("finds the places of a contract that can be changed", () => {
  const { source, mutants } = mutantsIn(project, file);
  assert.deepEqual(
    idsOf("", source, mutants).filter((id) => /^:1[5-9]/.test(id)),
    [
      ":16:13:check-deleted",
      ":16:13:boundary",
      ":16:13:comparison",
      ":17:13:check-deleted",
      ":17:13:comparison",
      ":17:23:constant-changed",
      ":19:13:statement-deleted",
      ":19:22:arithmetic",
      ":19:34:constant-changed",
    ],
  );
});

test("tells the changes that a test notices from those that it doesn't", async () => {
  const results: Result[] = [];
  const chosen = (id: string): boolean => id.startsWith(`${file}:1`);
  await runFile(project, file, { chosen, suites: [], late: [], log: () => undefined, found: (result) => void results.push(result) });
  const survived = results.filter(({ verdict }) => verdict === "survived").map(({ id }) => id.slice(file.length));
  // Nothing takes 7, and what is added to or taken away from nothing is nothing.
  assert.deepEqual(survived, [":17:13:check-deleted", ":17:23:constant-changed", ":19:22:arithmetic"]);
  const killed = results.filter(({ verdict }) => verdict === "killed");
  assert.equal(killed.length, results.length - survived.length);
  assert.ok(killed.some(({ id, by }) => id === `${file}:16:13:check-deleted` && by === "PurseTest.test_takesUpToTheLimit"));
});

test("a stub has the length of what it stands for", () => {
  assert.equal(stubFor("0".repeat(40), 500).length, 1_000);
  assert.throws(() => stubFor("0".repeat(40), 20), /20 bytes/);
});

test("the summary counts what was judged", () => {
  const results: Result[] = [
    { id: "a:1:1:boundary", verdict: "killed", by: "T.test" },
    { id: "a:2:1:boundary", verdict: "survived" },
    { id: "a:3:1:boundary", verdict: "refused" },
    { id: "a:4:1:boundary", verdict: "stuck" },
  ];
  const { judged, killed, share, files } = summarise({ a: { digest: "", mutants: 9, seed: "1", results } });
  assert.deepEqual([judged, killed, share], [3, 2, "66.7 %"]);
  assert.deepEqual(files.a!.survived, ["a:2:1:boundary"]);
});
