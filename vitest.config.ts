import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Real mounts and image-making tools take their time on a busy machine; nothing waits forever.
    // End-to-end tests kill servers, count descriptors and fill mount tables: one file at a time.
    fileParallelism: false,
    // A machine that does other work at the same time makes real mounts late now and then.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
