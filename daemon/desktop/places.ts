/**
 * Where a desktop looks for what `isomount desktop install` brings: the folders of the XDG base
 * directory specification, of this user or of everybody.
 */
import { isAbsolute, join } from "node:path";

export interface Places {
  /** `~/.local/share`, `/usr/local/share`: handlers, MIME types, icons, menus. */
  data: string;
  /** Folder of `mimeapps.list`, where it is said which handler is the default. */
  config: string;
  /** Folders whose scripts file managers show in a menu; only users have such. */
  scripts: string[];
  /** Empty folders are removed on the way up, but neither this one nor what lies above it. */
  keep: string[];
}

export function userPlaces(environment: NodeJS.ProcessEnv, home: string): Places {
  // "All paths set in these environment variables must be absolute", else they are ignored.
  const folder = (variable: string | undefined, otherwise: string) =>
    variable && isAbsolute(variable) ? variable : join(home, otherwise);
  const data = folder(environment.XDG_DATA_HOME, ".local/share");
  const config = folder(environment.XDG_CONFIG_HOME, ".config");
  return {
    data,
    config,
    scripts: [join(data, "nautilus/scripts"), join(config, "caja/scripts")],
    keep: [home],
  };
}

/** `/usr/local`, because `/usr/share` is the package manager's; both are searched by default. */
export const systemPlaces: Places = {
  data: "/usr/local/share",
  config: "/etc/xdg",
  scripts: [],
  keep: ["/usr/local/share", "/etc/xdg"],
};
