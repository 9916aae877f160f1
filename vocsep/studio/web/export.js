// Taking things out: stems, mixes, pitches, notes.

import { button, element } from "../player/names.js";
import { api } from "./api.js";

/** A dialog for a project; `started(job)` is called when the export has begun. */
export function exportDialog(project, { started, problem, loop }) {
  const boxes = project.exports.map((entry) => {
    const box = element("input", { type: "checkbox", value: entry.id, id: `export-${entry.id}`, disabled: Boolean(entry.lacks), checked: entry.id === "stems" });
    const label = element("label", { for: box.id }, entry.label);
    if (entry.lacks) label.append(element("small", {}, entry.lacks));
    return element("div", { class: "choice" }, box, label);
  });
  const format = element("select", { id: "format" });
  for (const [value, words] of [["", "as the recording"], ["wav", "WAV"], ["flac", "FLAC"], ["mp3", "MP3"], ["ogg", "OGG"]])
    format.append(element("option", { value }, words));
  const part = element("input", { type: "checkbox", id: "only-loop", disabled: !loop });
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", { id: "export-title" }, "Export"),
    element("div", { class: "choices" }, ...boxes),
    element("div", { class: "row" },
      element("span", { class: "field" }, element("label", { for: "format" }, "Sound as"), format),
      element("span", { class: "choice" }, part, element("label", { for: "only-loop" }, "only the repeated passage"))),
    element("div", { class: "row end" }, button("Close without exporting", { text: "Close" }), button("Write the files", { text: "Export", kind: "main" })),
  );
  const [close, write] = form.querySelectorAll("button");
  const dialog = element("dialog", { "aria-labelledby": "export-title" }, form);
  close.addEventListener("click", () => dialog.close());
  write.addEventListener("click", async () => {
    const ids = [...form.querySelectorAll(".choices input:checked")].map((box) => box.value);
    const options = format.value ? { format: format.value } : {};
    if (part.checked && loop) Object.assign(options, { start: loop[0], end: loop[1] });
    dialog.close();
    try {
      started((await api.post("export", { ids, options })).job);
    } catch (error) {
      problem(error.message);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** What an export wrote, as links. */
export function exported(files, folder) {
  const links = files.map((name) => element("li", {}, element("a", { href: `${api.base}export/${encodeURIComponent(name)}`, download: name }, name)));
  const box = element("section", { class: "card done", "aria-label": "Exported" }, element("h2", {}, "Exported"), element("p", {}, `The files lie in ${folder}. Take a copy:`), element("ul", {}, ...links));
  const close = button("Close this list", { text: "Close", press: () => box.remove() });
  box.append(close);
  return box;
}
