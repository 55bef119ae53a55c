/** Our place in mimeapps.list: first while installed, and no trace afterwards. */
import { describe, expect, it } from "vitest";
import { addDefaults, removeDefaults } from "../../../daemon/desktop/default-applications.js";

const add = (text: string) =>
  addDefaults(text, ["application/x-a", "application/x-b"], "us.desktop");
const remove = (text: string) => removeDefaults(text, "us.desktop");

describe("mimeapps.list", () => {
  it("is made where there is none, and empty again afterwards", () => {
    const added = add("");
    expect(added).toBe(
      "[Default Applications]\napplication/x-a=us.desktop;\napplication/x-b=us.desktop;\n",
    );
    expect(remove(added)).toBe("");
  });

  it("keeps the choice from before behind ours", () => {
    const before = `[Added Associations]
application/x-a=viewer.desktop;

[Default Applications]
# mine
text/plain=editor.desktop
application/x-b=viewer.desktop;other.desktop;

[Removed Associations]
application/x-a=bad.desktop;
`;
    const added = add(before);
    expect(added).toContain("\napplication/x-b=us.desktop;viewer.desktop;other.desktop;\n");
    expect(added).toContain("\n# mine\ntext/plain=editor.desktop\n");
    expect(added).toContain("\napplication/x-a=us.desktop;\n\n[Removed Associations]\n");
    expect(remove(added)).toBe(before);
  });

  it.each([
    "",
    "[Default Applications]\napplication/x-b=us.desktop;\napplication/x-c=z.desktop;\n",
    "[Default Applications]\napplication/x-a=z.desktop;us.desktop;\n",
    "[Other]\nx=y\n",
  ])("is left alone the second time: %j", (text) => {
    const once = add(text);
    expect(add(once)).toBe(once);
    expect(once.match(/us\.desktop/g)).toHaveLength(2);
  });

  it.each([
    "",
    "\n",
    "[Default Applications]\n",
    "[Added Associations]\napplication/x-a=us.desktop;\n",
    "no group at all",
  ])("is not changed by removing what is not there: %j", (text) => {
    expect(remove(text)).toBe(text);
  });
});
