/** Asks for a passphrase in a window, by whichever program the desktop has for it. */
import { isKde, type Outcome, runToEnd } from "./helper-program.js";

const TITLE = "Encrypted disk image";

/** `cancelled`: the person gave up. Undefined where no program could ask. */
export async function askInWindow(
  name: string,
  tries: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Buffer | "cancelled" | undefined> {
  const again = tries > 1 ? "That does not open it. " : "";
  const question = `${again}Passphrase for ${name}:`;
  for (const [program, parameters] of programs(question, environment)) {
    const answer = understand(await runToEnd(program, parameters));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function programs(question: string, environment: NodeJS.ProcessEnv): [string, string[]][] {
  const zenity: [string, string[]] = [
    "zenity",
    [
      "--entry",
      "--hide-text",
      "--width=400",
      `--title=${TITLE}`,
      // zenity reads escapes of C and markup in there.
      `--text=${escapeMarkup(question).replaceAll("\\", "\\\\")}`,
    ],
  ];
  // Qt would take what looks like HTML for HTML.
  const kdialog: [string, string[]] = [
    "kdialog",
    [`--title=${TITLE}`, "--password", question.replaceAll("<", "‹")],
  ];
  const askpass = [environment.SSH_ASKPASS, "ksshaskpass", "ssh-askpass"]
    .filter((program) => program)
    .map((program): [string, string[]] => [program!, [question]]);
  return isKde(environment) ? [kdialog, zenity, ...askpass] : [zenity, kdialog, ...askpass];
}

/** All of them print the passphrase with a newline, and end with 1 where it was cancelled. */
function understand(outcome: Outcome | undefined): Buffer | "cancelled" | undefined {
  if (outcome === undefined) return undefined;
  const { status, stdout } = outcome;
  if (status === 1) return "cancelled";
  // 255 and the like: it could not show its window.
  if (status !== 0) return undefined;
  const end = stdout.at(-1) === 0x0a ? stdout.length - 1 : stdout.length;
  // An empty answer opens nothing.
  return end === 0 ? "cancelled" : stdout.subarray(0, end);
}

/** Pango's markup. */
function escapeMarkup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
