import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coordinatorInterface, toRequest } from "../../../oracle/chain/contracts.ts";
import { decodeLog } from "../../../oracle/chain/logs.ts";
import { bytesOf } from "../../../oracle/chain/rpc.ts";

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((data) => `0x${Buffer.from(data).toString("hex")}`);
const uint = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });

const request = fc.tuple(
  fc.tuple(hex(32), hex(20), uint(128), uint(128), uint(32), uint(32), uint(32), uint(1)),
  hex(32),
  hex(20),
  // The origin's fields are 160 bits.
  uint(160),
);

test("a request's event is decoded as the library decodes it, whatever its input's length", () => {
  fc.assert(
    fc.property(request, hex(32), fc.uint8Array({ maxLength: 300 }), fc.string({ maxLength: 80 }), (values, requestId, input, uri) => {
      const { data, topics } = coordinatorInterface.encodeEventLog("Requested", [requestId, values[0][0], values[2], values, input, uri]);
      const raw = { data, topics: [...topics], address: "0x", blockNumber: "0x1", blockHash: "0x2", logIndex: "0x3" };
      const decoded = decodeLog(raw, values[2]);
      const { args } = coordinatorInterface.parseLog(raw)!;
      assert.ok(decoded?.event.kind === "Requested" && "input" in decoded);
      assert.equal(decoded.subject, requestId);
      assert.deepEqual(decoded.event.request, { ...toRequest(args.request), blockHash: raw.blockHash });
      assert.deepEqual(Buffer.from(decoded.input!.bytes), Buffer.from(bytesOf(args.input as string)));
      assert.equal(decoded.input!.uri, args.inputURI);
    }),
    { seed: 7, numRuns: 100 },
  );
});
