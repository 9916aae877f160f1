// The first sight: drop a recording, choose one, or give its path.

import { button, element } from "../player/names.js";
import { api } from "./api.js";

/** open(project): called with what was opened; problem(line): shows what went wrong. */
export function startScreen({ open, problem }) {
  const file = element("input", { type: "file", accept: "audio/*,video/*,.flac,.ogg,.opus", class: "unseen", id: "file", "aria-label": "Recording" });
  const path = element("input", { type: "text", id: "path", placeholder: "/home/me/concert.wav", autocomplete: "off", spellcheck: false });
  const bar = element("progress", { max: 1, value: 0, hidden: true });
  bar.setAttribute("aria-label", "Sending the recording");
  const send = async (chosen) => {
    bar.hidden = false;
    try {
      open((await api.upload(chosen, (share) => (bar.value = share))).project);
    } catch (error) {
      problem(error.message);
    }
    bar.hidden = true;
  };
  file.addEventListener("change", () => file.files[0] && send(file.files[0]));
  const form = element("form", { class: "row" }, element("label", { for: "path" }, "or the path of a recording or a project on this computer"), path, button("Open this path", { text: "Open" }));
  form.lastChild.type = "submit";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      open((await api.post("open", { path: path.value.trim() })).project);
    } catch (error) {
      problem(error.message);
    }
  });
  const drop = element(
    "section",
    { class: "card drop", "aria-label": "Open a recording" },
    element("div", { class: "waves", "aria-hidden": "true" }, element("i"), element("i"), element("i"), element("i")),
    element("h2", {}, "Drop a recording here"),
    element("p", {}, "of a choir, a quartet or a duet. It stays on this computer."),
    file,
    button("Choose a recording", { text: "Choose a file …", kind: "main", press: () => file.click() }),
    bar,
    form,
  );
  for (const kind of ["dragenter", "dragover"])
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const dropped = event.dataTransfer.files[0];
    if (dropped) send(dropped);
  });
  return drop;
}
