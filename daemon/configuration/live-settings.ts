/** The settings of a running daemon, which can be read again. */
import type { Configuration } from "./configuration.js";
import { ConfigurationError } from "./configuration.js";
import { loadConfiguration, type Settings } from "./load.js";

export class LiveSettings implements Settings {
  private configuration: Readonly<Configuration>;

  /** `apply` is told of every change after this; if it throws, it is told of the old settings again. */
  constructor(
    private readonly apply: (configuration: Readonly<Configuration>) => void,
    private readonly load: () => Readonly<Configuration> = loadConfiguration,
  ) {
    this.configuration = load();
  }

  get current(): Readonly<Configuration> {
    return this.configuration;
  }

  /** All or nothing: the old settings stay where this throws, ConfigurationError for a bad file. */
  reload(): void {
    const next = this.load();
    try {
      this.apply(next);
    } catch (error) {
      this.applyAgain();
      throw error;
    }
    this.configuration = next;
  }

  private applyAgain(): void {
    try {
      this.apply(this.configuration);
    } catch (error) {
      // A log file that could not be opened at the start, either, goes on being left out.
      if (!(error instanceof ConfigurationError)) throw error;
    }
  }
}
