/** The command that installs a package of the distribution. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

type Manager = "apt-get" | "dnf" | "pacman" | "zypper" | "apk";

const commands: Record<Manager, string> = {
  "apt-get": "apt-get install",
  dnf: "dnf install",
  pacman: "pacman -S",
  zypper: "zypper install",
  apk: "apk add",
};

/** By Debian's name: where another distribution has another one. */
const otherNames: Record<string, Partial<Record<Manager, string>>> = {
  libfuse2: { dnf: "fuse-libs", pacman: "fuse2", apk: "fuse" },
};

/** `sudo apt-get install fuse3`, as this distribution has it; `name` is Debian's. */
export function installCommand(name: string, searchPath = process.env.PATH ?? ""): string {
  const manager = (Object.keys(commands) as Manager[]).find((program) =>
    findProgram(program, searchPath),
  );
  if (manager === undefined) return `install the package '${name}' of your distribution`;
  return `${asRoot}${commands[manager]} ${otherNames[name]?.[manager] ?? name}`;
}

/** Before a command that only root may run. */
export const asRoot = process.getuid?.() === 0 ? "" : "sudo ";

/** The path of a program; also from the folders for administrators, which users often lack. */
export function findProgram(
  program: string,
  searchPath = process.env.PATH ?? "",
): string | undefined {
  const folders = [...searchPath.split(delimiter), "/usr/sbin", "/sbin"];
  return folders
    .map((folder) => join(folder || ".", program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
