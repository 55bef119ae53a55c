/** `isomount completion bash|zsh`. */
import { ExitCode } from "../client/failure.js";
import { bashCompletion, zshCompletion } from "./completion-scripts.js";

export type Shell = "bash" | "zsh";

export function runCompletion(shell: Shell): ExitCode {
  process.stdout.write(shell === "bash" ? bashCompletion() : zshCompletion());
  return ExitCode.ok;
}
