// Compiles the evaluator's kernels (AssemblyScript) to oracle/canonical/engine/kernels.wasm, which is committed; a test compares.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
export const artefact = fileURLToPath(new URL("../oracle/canonical/engine/kernels.wasm", import.meta.url));

/** @returns the compiled module, the same bytes on every machine. @throws Error with the compiler's messages. */
export async function buildKernels(): Promise<Uint8Array> {
  const asc = await import("assemblyscript/asc");
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      "oracle/canonical/engine/assembly/index.ts",
      "--outFile",
      "kernels.wasm",
      ...["--runtime", "stub", "--optimizeLevel", "3", "--shrinkLevel", "0", "--noAssert"],
      ...[
        "--enable",
        "simd",
        "--enable",
        "relaxed-simd",
        "--enable",
        "threads",
        "--importMemory",
        "--sharedMemory",
        "--initialMemory",
        "2",
        "--maximumMemory",
        "65536",
      ],
      ...["--disableWarning", "112"],
    ],
    {
      readFile: (name, base) => {
        try {
          return readFileSync(new URL(name, `file://${base === "." ? root : base}/`), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (name, contents) => {
        if (name === "kernels.wasm" && typeof contents !== "string") binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) throw new Error(`the kernels did not compile:\n${stderr.toString()}`, { cause: error });
  return binary;
}

if (import.meta.main) {
  const { writeFileSync } = await import("node:fs");
  const bytes = await buildKernels();
  writeFileSync(artefact, bytes);
  console.log(`${artefact}: ${bytes.length} bytes`);
}
