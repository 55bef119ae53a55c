/** Whether the daemon can be started with the configuration that there is. */
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { reasonOf } from "../client/failure.js";
import { type Configuration, ConfigurationError } from "../configuration/configuration.js";
import { findConfiguration, loadConfiguration } from "../configuration/load.js";
import { type Finding, fine, lack } from "./finding.js";

export function configuration(file = findConfiguration()): Finding {
  const subject = "configuration";
  const { path } = file;
  const remedy = `edit ${path}; then: isomount daemon reload`;
  try {
    const problem = logProblem(loadConfiguration(file));
    if (problem !== undefined) {
      const cost =
        "a daemon that starts logs to the journal or to the runtime folder; one that runs keeps the settings that it has";
      return lack("warning", subject, problem, cost, remedy);
    }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const cost = "the daemon cannot be started; one that runs keeps the settings that it has";
    return lack("failure", subject, error.message, cost, remedy);
  }
  return fine(subject, existsSync(path) ? path : `${path} is not there, and need not be`);
}

function logProblem({ logFile }: Configuration): string | undefined {
  if (logFile === undefined) return undefined;
  try {
    accessSync(existsSync(logFile) ? logFile : dirname(logFile), constants.W_OK);
    return undefined;
  } catch (error) {
    return `log-file ${logFile} cannot be opened: ${reasonOf(error)}`;
  }
}
