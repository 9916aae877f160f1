// Light and dark: as the system has it, until a button says otherwise; what was said is kept.

import { button } from "./names.js";

const KEY = "vocsep-theme";

/** A button that turns light into dark and back; `changed()` is called after it. */
export function themeButton(changed) {
  const root = document.documentElement;
  let said = null;
  try {
    said = localStorage.getItem(KEY);
  } catch {
    // A page in a mail may have no storage.
  }
  if (said === "light" || said === "dark") root.dataset.theme = said;
  return button("Light or dark", {
    image: "theme",
    kind: "quiet",
    press: () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // As above.
      }
      changed();
    },
  });
}
