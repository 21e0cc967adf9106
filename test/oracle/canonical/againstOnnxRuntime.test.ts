import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluateHere } from "../../../oracle/canonical/evaluate.ts";
import { inputFor, lowerCase, modelCases } from "./modelCases.ts";
import { numbersOf, runOnnxRuntime } from "./onnxRuntime.ts";

for (const model of modelCases) {
  test(`${model.name}: the canonical outputs are ONNX Runtime's within 1e-4`, async () => {
    const { program, weights, inputs, outputs: named } = lowerCase(model);
    const given = inputFor({ inputs });
    const { outputs } = evaluateHere(program, weights, given);
    const fixed = Object.entries(model.options.fixed ?? {}).map(([name, tensor]) => ({ name, tensor }));
    const expected = await runOnnxRuntime(model.bytes(), [...inputs.map(({ name }, i) => ({ name, tensor: given[i]! })), ...fixed]);
    outputs.forEach((output, i) => {
      const wanted = expected[i]!;
      assert.deepEqual([output.dtype, output.shape], [wanted.dtype, wanted.shape], named[i]!.name);
      const [ours, theirs] = [numbersOf(output), numbersOf(wanted)];
      const scale = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const tolerance = output.dtype === "float32" ? 1e-4 * scale : 0;
      const wrong = ours.findIndex((value, element) => !(Math.abs(value - theirs[element]!) <= tolerance));
      assert.equal(wrong, -1, `${named[i]!.name}[${wrong}] is ${ours[wrong]}, not ${theirs[wrong]}`);
    });
  });
}
