/**
 * For every process of ours, as early as can be: at SIGUSR1, by which many daemons open their logs
 * again, Node opens a debugger's port. Whoever may connect to it, and that is every user of the
 * machine, has this process run any code.
 */
process.on("SIGUSR1", () => {});
