#!/usr/bin/env node
/** The command `isomount`. */
import "../no-debugger.js";

const words = process.argv.slice(2);

/** Loaded late: where koffi has no native code for this machine, that is told in words. */
const { main } = await import("./main.js").catch(async (error: Error) => {
  const { withoutNativeCode } = await import("./without-native-code.js");
  return { main: (rest: readonly string[]) => withoutNativeCode(rest, error) };
});

process.exitCode = await main(words);
