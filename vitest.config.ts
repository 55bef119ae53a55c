import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Real mounts and image-making tools take their time on a busy machine; nothing waits forever.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
