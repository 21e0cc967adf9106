import { overrideTask } from "hardhat/config";

/** `hardhat ignition deploy`, checked before the first transaction and read back after the last one. */
export const deployTask = overrideTask(["ignition", "deploy"])
  .setAction(() => import("./checkedDeploy.ts"))
  .build();
