/**
 * How Node runs the daemon: little of what it allocates lives for long, and V8 would let 50 MiB of it
 * gather over a thousand mounts. The units of systemd say the same by NODE_OPTIONS.
 */
export const DAEMON_FLAGS = ["--max-semi-space-size=1"] as const;
