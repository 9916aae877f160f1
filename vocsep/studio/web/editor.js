// Correcting pitches: what is chosen, what is done with it, and taking it back.

import { button, clock, element } from "../player/names.js";
import { Tone } from "../player/tone.js";
import { api } from "./api.js";

const OCTAVE = 1200; // cents
const SEMITONE = 100;

/**
 * Tools above a picture. `edited(answer)` is called with what the server says of a change.
 *
 * desk: {project, picture, transport, mixer, tracks}; say(line) tells screen readers, problem(line) everyone.
 */
export class Editor {
  constructor(desk, { edited, problem, say, again }) {
    Object.assign(this, { desk, edited, problem, say, again });
    this.picture = desk.picture;
    this.voice = 0;
    this.toning = false;
    this.build();
    this.picture.addEventListener("select", (event) => this.choose(event.detail));
    this.picture.addEventListener("draw", (event) => this.draw(event.detail));
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey, true);
    this.setVoice(0);
    this.show();
  }

  close() {
    document.removeEventListener("keydown", this.onKey, true);
  }

  build() {
    const names = this.desk.project.voices.map((voice) => voice.name);
    const press = (name, options) => button(name, options);
    this.pick = this.select("Voice to correct", names, (value) => this.setVoice(Number(value)));
    this.selecting = press("Choose notes and stretches, key V", { image: "arrow", kind: "toggle", press: () => this.setMode("select") });
    this.drawing = press("Draw a pitch, key D", { image: "pen", kind: "toggle", press: () => this.setMode("draw") });
    this.moves = [
      press("Octave up, Shift and up arrow", { text: "+8ve", press: () => this.shift(OCTAVE) }),
      press("Semitone up, up arrow", { text: "+½", press: () => this.shift(SEMITONE) }),
      press("Semitone down, down arrow", { text: "−½", press: () => this.shift(-SEMITONE) }),
      press("Octave down, Shift and down arrow", { text: "−8ve", press: () => this.shift(-OCTAVE) }),
    ];
    this.other = this.select("Other voice", names, () => {});
    this.gives = [
      press("Give this stretch to the other voice, key G", { text: "Give to", press: () => this.give() }),
      press("Swap both voices from here on, key S", { text: "Swap from here", press: () => this.swap() }),
    ];
    this.fixes = [
      press("Nobody sings here: make unvoiced, Delete", { text: "Erase", press: () => this.plain("erase") }),
      press("Go on with the nearest pitch, key E", { text: "Extend", press: () => this.plain("extend") }),
    ];
    this.undo = press("Undo, Ctrl Z", { image: "undo", press: () => this.step("undo") });
    this.redo = press("Redo, Ctrl Shift Z", { image: "redo", press: () => this.step("redo") });
    this.tone = press("Hear the pitch of this voice as a tone, key T", { text: "Tone", kind: "toggle", press: () => this.setTone(!this.toning) });
    this.dirty = button("Separate the changed passages again, key R", { text: "Separate again", kind: "main", press: () => this.again() });
    this.chosen = element("span", { class: "chosen" });
    const group = (name, ...children) => element("div", { class: "group", role: "group", "aria-label": name }, ...children);
    this.box = element(
      "div",
      { class: "editor", role: "toolbar", "aria-label": "Correct pitches" },
      group("Tool", this.selecting, this.drawing),
      group("Voice", this.pick, this.tone),
      group("Move", ...this.moves),
      group("Between voices", this.gives[0], this.other, this.gives[1]),
      group("Sung or not", ...this.fixes),
      group("History", this.undo, this.redo),
      this.dirty,
    );
  }

  select(name, options, act) {
    const made = element("select", { title: name });
    made.setAttribute("aria-label", name);
    options.forEach((text, value) => made.append(element("option", { value }, text)));
    made.addEventListener("change", () => act(made.value));
    return made;
  }

  get selection() {
    return this.picture.selection;
  }

  setVoice(voice) {
    this.voice = voice;
    this.pick.value = voice;
    this.picture.hand.voice = voice;
    if (Number(this.other.value) === voice) this.other.value = voice === 0 ? 1 : voice - 1;
    if (this.selection) this.picture.selection = { ...this.selection, voice };
    if (this.toning) this.setTone(true);
    this.show();
  }

  setMode(mode) {
    this.picture.hand.mode = mode;
    this.picture.box.classList.toggle("drawing", mode === "draw");
    this.show();
  }

  choose(selection) {
    this.picture.selection = selection;
    if (selection) {
      if (selection.voice !== this.voice) this.setVoice(selection.voice);
      this.say(this.words());
    }
    this.show();
  }

  /** The choice as a person says it. */
  words() {
    if (!this.selection) return "";
    const { voice, start, end } = this.selection;
    const row = this.picture.tracks.midi[voice];
    const { hop } = this.picture.tracks;
    const sung = Array.from(row.slice(Math.ceil(start / hop), Math.ceil(end / hop))).filter((one) => one === one);
    sung.sort((a, b) => a - b);
    const pitch = sung.length ? this.picture.nameOf(sung[sung.length >> 1]) : "silent";
    return `${this.desk.project.voices[voice].name}, ${pitch}, ${clock(start, true)} to ${clock(end, true)}`;
  }

  show() {
    const { project } = this.desk;
    const mode = this.picture.hand.mode;
    this.selecting.setAttribute("aria-pressed", mode === "select");
    this.drawing.setAttribute("aria-pressed", mode === "draw");
    this.tone.setAttribute("aria-pressed", this.toning);
    const alone = project.voices.length < 2;
    for (const one of [...this.moves, ...this.fixes]) one.disabled = !this.selection;
    for (const one of [...this.gives, this.other]) one.disabled = !this.selection || alone;
    this.undo.disabled = !project.can_undo;
    this.redo.disabled = !project.can_redo;
    this.dirty.hidden = !project.dirty.length;
    this.chosen.textContent = this.words() || (mode === "draw" ? "Draw over the picture." : "Click a note, or drag over a stretch.");
    this.picture.dirty = project.dirty;
    this.picture.redraw();
  }

  async send(edit) {
    try {
      await this.edited(await api.post("edits", { edit }));
      this.say(`Done. ${this.words()}`);
    } catch (error) {
      this.problem(error.message);
    }
    this.show();
  }

  async step(which) {
    try {
      const answer = await api.post(which);
      await this.edited(answer);
      if (answer.changed) this.reveal(answer.changed);
    } catch (error) {
      this.problem(error.message);
    }
    this.show();
  }

  /** Scroll to a stretch that is out of sight. */
  reveal([start, end]) {
    const { view } = this.picture;
    if (end < view.start || start > view.end) view.moveTo(start - view.shown * 0.2);
  }

  shift(cents) {
    if (this.selection) return this.send({ kind: "shift", ...this.selection, cents });
  }

  plain(kind) {
    if (this.selection) return this.send({ kind, ...this.selection });
  }

  give() {
    const { selection } = this;
    const to = Number(this.other.value);
    if (!selection) return undefined;
    this.picture.selection = { ...selection, voice: to };
    const sent = this.send({ kind: "give", ...selection, to });
    this.setVoice(to);
    return sent;
  }

  swap() {
    const { selection } = this;
    if (selection)
      return this.send({ kind: "swap", voice: selection.voice, with: Number(this.other.value), start: selection.start });
  }

  draw({ voice, points }) {
    const hertz = points.map(([time, midi]) => [time, 440 * 2 ** ((midi - 69) / 12)]);
    this.picture.selection = { voice, start: points[0][0], end: points.at(-1)[0] };
    return this.send({ kind: "draw", voice, points: hertz });
  }

  /** The tone of the voice that is corrected, on or off; `renew` after its pitch has changed. */
  setTone(on) {
    this.toning = on;
    const { transport, picture } = this.desk;
    if (!on) transport.setExtra(null);
    else {
      const tone = new Tone(picture.tracks.f0[this.voice], picture.tracks.hop);
      const { chunkSamples, samples, sampleRate } = transport.source;
      transport.setExtra({
        load: async (chunk) => {
          const first = chunk * chunkSamples;
          return [tone.samples(first, Math.min(chunkSamples, samples - first), sampleRate)];
        },
      });
    }
    this.show();
  }

  renewed() {
    if (this.toning) this.setTone(true);
    this.show();
  }

  /** The note after or before what is chosen, of the voice that is corrected. */
  neighbour(step) {
    const notes = this.picture.tracks.notes.filter((note) => note.voice === this.voice);
    if (!notes.length) return;
    const from = this.selection ? (this.selection.start + this.selection.end) / 2 : this.desk.transport.time;
    const later = notes.filter((note) => (step > 0 ? note.start > from : note.end < from));
    const note = step > 0 ? later[0] : later.at(-1);
    if (!note) return;
    this.choose({ voice: note.voice, start: note.start, end: note.end });
    this.reveal([note.start, note.end]);
    this.picture.redraw();
  }

  /** Lengthen or shorten the choice by a frame or ten at its end, without choice at the playhead. */
  stretchBy(seconds) {
    const { duration } = { duration: this.desk.project.seconds };
    const chosen = this.selection ?? { voice: this.voice, start: this.desk.transport.time, end: this.desk.transport.time };
    const end = Math.max(chosen.start + 0.016, Math.min(chosen.end + seconds, duration));
    this.choose({ ...chosen, end });
  }

  key(event) {
    if (document.querySelector("dialog[open]") || ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) return;
    const { key } = event;
    const strong = event.ctrlKey || event.metaKey;
    const plain = !strong && !event.altKey;
    const up = { ArrowUp: 1, ArrowDown: -1 }[key];
    if (strong && key.toLowerCase() === "z") this.step(event.shiftKey ? "redo" : "undo");
    else if (strong && key.toLowerCase() === "y") this.step("redo");
    else if (plain && up && this.selection) this.shift(up * (event.shiftKey ? OCTAVE : SEMITONE));
    else if (plain && (key === "Delete" || key === "Backspace") && this.selection) this.plain("erase");
    else if (plain && key === "Escape" && this.selection) this.choose(null);
    else if (plain && (key === "." || key === "n")) this.neighbour(1);
    else if (plain && (key === "," || key === "p")) this.neighbour(-1);
    else if (plain && (key === ">" || key === "<")) this.stretchBy(key === ">" ? 0.1 : -0.1);
    else if (plain && key === "v") this.setMode("select");
    else if (plain && key === "d") this.setMode("draw");
    else if (plain && key === "t") this.setTone(!this.toning);
    else if (plain && key === "e" && this.selection) this.plain("extend");
    else if (plain && key === "g" && this.selection) this.give();
    else if (plain && key === "s" && this.selection) this.swap();
    else if (plain && key === "r" && this.desk.project.dirty.length) this.again();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
