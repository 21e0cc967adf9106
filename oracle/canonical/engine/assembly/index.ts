/** What the engine calls (../kernels.ts documents the module as a whole). */
export { initialise, stateBytes, fillRows, fillWindows, countInBounds, canonicalNaNs } from "./access";
export { hashLeaves, hashLevel, subtree } from "./keccak";
export { accumulatorBytes, exactDot, exactSum } from "./exact";
export { initialiseFunctions } from "./functions";
export { apply } from "./operations";
export { evaluate, fillOperand } from "./expression";
export { packRows, product, rowProducts, lanePlaces, widenLanes } from "./gemm";
export { packIntegers, integerProduct, integerProducts } from "./integers";
export { sumRows, sumLanes, foldRows, foldLanes, argRows } from "./reductions";
