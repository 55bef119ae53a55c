/** Tells the person what went wrong where there is no terminal to tell it on. */
import { isKde, runToEnd, startDetached } from "./helper-program.js";

export interface Notification {
  severity: "error" | "warning";
  /** One line: what cannot be done with which image. */
  title: string;
  text: string;
}

/** A dialog stays until it is closed; one that cannot be shown says so sooner. */
const DIALOG_MILLISECONDS = 1000;

/** False where no way was found. */
export async function notify(notification: Notification): Promise<boolean> {
  const { severity, title, text } = notification;
  const sent = await runToEnd("notify-send", [
    "--app-name=isomount",
    "--icon=isomount",
    `--urgency=${severity === "error" ? "critical" : "normal"}`,
    "--",
    title,
    escapeMarkup(text),
  ]);
  // It fails where no notification daemon runs.
  if (sent?.status === 0) return true;
  const dialogs = [
    () =>
      startDetached(
        "zenity",
        [
          `--${severity}`,
          "--no-markup",
          "--width=400",
          `--title=${title}`,
          // zenity reads escapes of C in there.
          `--text=${`${title}\n\n${text}`.replaceAll("\\", "\\\\")}`,
        ],
        DIALOG_MILLISECONDS,
      ),
    () =>
      startDetached(
        "kdialog",
        [
          `--${severity === "error" ? "error" : "sorry"}`,
          // Qt would take what looks like HTML for HTML.
          `${title}\n\n${text}`.replaceAll("<", "‹"),
          `--title=${title}`,
        ],
        DIALOG_MILLISECONDS,
      ),
    () => startDetached("xmessage", ["-center", `${title}\n\n${text}`], DIALOG_MILLISECONDS),
  ];
  if (isKde()) dialogs.unshift(dialogs.splice(1, 1)[0]);
  for (const show of dialogs) if (await show()) return true;
  return false;
}

/** Desktop Notifications Specification, "Markup". */
function escapeMarkup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
