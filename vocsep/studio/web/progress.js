// What is being computed: how far it is, how long it will take, and a way to stop it.

import { button, clock, element } from "../player/names.js";
import { api } from "./api.js";

const EVERY = 400; // ms between looks
const STAGES = { pitch: "Listening for pitches", separation: "Separating the voices", reading: "Reading" };
const KINDS = { separate: "Separating", again: "Separating the changed passages again", export: "Writing files" };

/** Follows a job; `finished(job)` is called once, however it ends. */
export class Progress {
  constructor(parent, { finished, problem }) {
    Object.assign(this, { finished, problem });
    this.words = element("span", { class: "words" });
    this.bar = element("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "Progress");
    this.cancel = button("Cancel what is being done", { text: "Cancel", press: () => this.stop() });
    this.box = element("section", { class: "card job", hidden: true, "aria-label": "In progress" }, this.words, this.bar, this.cancel);
    parent.append(this.box);
  }

  get running() {
    return this.job?.state === "running";
  }

  follow(job) {
    this.show(job);
    clearTimeout(this.timer);
    if (job?.state === "running") this.timer = setTimeout(() => this.look(), EVERY);
    else if (job) this.finished(job);
  }

  async look() {
    try {
      this.follow((await api.get("job")).job);
    } catch (error) {
      this.problem(error.message);
      this.timer = setTimeout(() => this.look(), 3000);
    }
  }

  show(job) {
    this.job = job;
    this.box.hidden = job?.state !== "running";
    if (this.box.hidden) return;
    const stage = STAGES[job.stage] ?? KINDS[job.kind] ?? "Working";
    const left = job.left === null ? "" : `, ${clock(Math.ceil(job.left))} left`;
    this.words.textContent = `${stage} … ${Math.round(100 * job.share)} %${left}`;
    this.bar.value = job.share;
  }

  async stop() {
    try {
      this.follow((await api.post("job/cancel")).job);
    } catch (error) {
      this.problem(error.message);
    }
  }
}
