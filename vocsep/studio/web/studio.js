// The studio: what is open, what is being done, and which of the screens shows it.

import { button, clock, element } from "../player/names.js";
import { themeButton } from "../player/theme.js";
import { api } from "./api.js";
import { Desk } from "./desk.js";
import { exportDialog, exported } from "./export.js";
import { Progress } from "./progress.js";
import { separateForm } from "./separate.js";
import { startScreen } from "./start.js";

const main = document.getElementById("main");
const head = document.querySelector(".head");
const problems = element("div", { class: "problems", role: "alert" });
const notes = element("div", { class: "notes" });
const place = element("div", { class: "place" });
let project = null;
let desk = null;

function problem(line) {
  const close = button("Dismiss", { text: "×", kind: "quiet", press: () => shown.remove() });
  const shown = element("div", { class: "problem" }, element("span", {}, line), close);
  problems.replaceChildren(shown);
}

function say(line) {
  document.getElementById("status").textContent = line;
}

const progress = new Progress(main, { finished, problem });
main.prepend(problems);
main.append(notes, place, keys());

const exporting = button("Export stems, pitches and notes", { text: "Export …", press: () => exportDialog(project, { started: (job) => progress.follow(job), problem, loop: desk.transport.loopSeconds }) });
const anew = button("Separate all of it once more", { text: "Separate anew …", kind: "quiet", press: () => showForm(true) });
const other = button("Open another recording", { text: "Open another …", kind: "quiet", press: () => showStart() });
head.append(exporting, anew, other, themeButton(() => desk?.picture.recolour()));

/** After a job: show what it made. */
async function finished(job) {
  if (job.id === finished.last) return;
  finished.last = job.id;
  if (job.state === "failed") problem(job.error ?? "it failed");
  if (job.state !== "done") {
    if (!project?.separated && !place.querySelector(".separate")) showProject();
    return;
  }
  const state = await api.get("state");
  if (job.kind === "separate") open(state.project);
  else if (job.kind === "again") {
    project = state.project;
    await desk?.update(project);
    showHead();
    say("The stems are up to date.");
  } else if (job.kind === "export") {
    place.prepend(exported(job.files, `${project.folder}/exports`));
    say(`${job.files.length} files were written.`);
  }
}

function open(opened) {
  project = opened;
  showProject();
}

function clear() {
  desk?.close();
  desk = null;
  place.replaceChildren();
  notes.replaceChildren();
}

function showHead() {
  const title = project ? project.name : "vocsep studio";
  document.getElementById("title").textContent = title;
  document.title = project ? `${title} – vocsep studio` : title;
  const voices = project?.separated ? `${project.voices.length} ${project.voices.length === 1 ? "voice" : "voices"}, ` : "";
  const subtitle = project ? `${voices}${clock(project.seconds)}` : "Hear the voices of a recording against each other, see them, correct them.";
  document.getElementById("subtitle").textContent = subtitle;
  for (const one of [exporting, anew]) one.hidden = !project?.separated;
  other.hidden = !project;
  document.getElementById("keys").hidden = !project;
}

function showStart() {
  clear();
  project = null;
  showHead();
  place.append(startScreen({ open, problem }));
}

function showForm(again) {
  place.querySelector(".separate")?.remove();
  const form = separateForm({
    again,
    problem,
    started: (job) => {
      problems.replaceChildren();
      form.remove();
      progress.follow(job);
    },
  });
  place.prepend(form);
  form.querySelector("select").focus();
}

async function again() {
  try {
    progress.follow((await api.post("separate-again")).job);
  } catch (error) {
    problem(error.message);
  }
}

function showProject() {
  clear();
  showHead();
  if (!project.separated && !progress.running) showForm(false);
  notes.append(...project.notes.map((note) => element("p", {}, note)));
  desk = new Desk(place, project, { problem, say, again, changed: (now) => (project = now) });
  window.vocsep = desk; // for whoever looks under the bonnet
}

function keys() {
  const rows = [
    [["space"], "play, pause"], [["1–8"], "solo"], [["0"], "all voices"], [["←", "→"], "5 seconds"], [["L"], "repeat from, to"], [["+", "−"], "zoom"],
    [[",", "."], "note before, after"], [["<", ">"], "shorter, longer"], [["↑", "↓"], "semitone"], [["Shift ↑ ↓"], "octave"], [["Del"], "erase"], [["E"], "extend"],
    [["G"], "give"], [["S"], "swap from here"], [["V", "D"], "choose, draw"], [["T"], "tone"], [["R"], "separate again"], [["Ctrl Z"], "undo"],
  ];
  const list = rows.map(([caps, words]) => element("span", {}, ...caps.map((cap) => element("kbd", {}, cap)), ` ${words}`));
  return element("footer", { class: "keys", id: "keys", "aria-label": "Keys" }, ...list);
}

async function start() {
  try {
    const state = await api.get("state");
    if (state.job?.state !== "running" && state.job) finished.last = state.job.id;
    project = state.project;
    if (state.job?.state === "running") progress.follow(state.job);
    if (project) showProject();
    else showStart();
  } catch (error) {
    problem(error.message);
  }
}

start();
