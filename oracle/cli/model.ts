import type { Command } from "commander";
import { addModelCalibrate } from "./modelCalibrate.ts";
import { addModelInspect } from "./modelInspect.ts";
import { addModelRegister } from "./modelRegister.ts";
import { addModelShow } from "./modelShow.ts";
import type { Terminal } from "./verb.ts";

export function addModel(program: Command, terminal: Terminal): void {
  const model = program.command("model").description("ONNX models: look into a file, calibrate it, register it, look a record up.");
  for (const add of [addModelInspect, addModelCalibrate, addModelRegister, addModelShow]) add(model, terminal);
}
