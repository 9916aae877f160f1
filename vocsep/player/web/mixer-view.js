// The mixer on the screen: a strip for each voice.

import { button, element, noteName } from "./names.js";

const MUTED = 0.001;

/** Share of the slider as a level: its middle is as sung, its right end 6 dB above. */
export function levelOf(share) {
  return share < MUTED ? 0 : share <= 0.5 ? (share * 2) ** 2 : 1 + (share - 0.5) * 2;
}

/** voices: [{name, colour, range: {lowest, highest, median} in Hz as MIDI numbers, or null}]. */
export class MixerView {
  constructor(parent, mixer, voices) {
    this.mixer = mixer;
    this.voices = voices;
    this.rows = voices.map((voice, number) => this.strip(voice, number));
    this.box = element("div", { class: "strips" }, ...this.rows.map((row) => row.box));
    parent.append(this.box);
    mixer.addEventListener("change", () => this.show());
    this.show();
  }

  strip(voice, number) {
    const { mixer } = this;
    const press = (text, kind, name, act) => {
      const made = button(`${name}: ${voice.name}`, { text, kind: `toggle ${kind}` });
      made.addEventListener("click", act);
      return made;
    };
    const solo = press("Solo", "solo", `Solo, key ${number + 1}`, () => mixer.solo(number));
    const mute = press("Mute", "mute", "Mute", () => mixer.set(number, { mute: !mixer.strips[number].mute }));
    const mine = press("My part", "mine", "My part louder", () => mixer.setMine(number));
    const level = this.slider(`Level of ${voice.name}`, 0, 1, 0.01, 0.5, (value) => mixer.set(number, { level: levelOf(value) }));
    const pan = this.slider(`Place of ${voice.name}, left to right`, -1, 1, 0.05, 0, (value) => mixer.set(number, { pan: Math.abs(value) < 0.06 ? 0 : value }));
    const dot = element("span", { class: "dot", style: `--voice:${voice.colour}` }, String(number + 1));
    const said = element("span", { class: "said" }, element("strong", {}, voice.name), this.range(voice));
    const toggles = element("div", { class: "toggles" }, solo, mute, mine);
    const sliders = element(
      "div",
      { class: "sliders" },
      element("label", {}, element("span", {}, "Level"), level),
      element("label", { class: "pan" }, element("span", {}, "L"), pan, element("span", {}, "R")),
    );
    const box = element("section", { class: "strip", "aria-label": voice.name, style: `--voice:${voice.colour}` }, dot, said, toggles, sliders);
    return { box, solo, mute, mine, level, pan };
  }

  /** Lowest to highest note as words and as a bar under those of the others. */
  range(voice) {
    if (!voice.range) return "";
    const { lowest, highest, median } = voice.range;
    const known = this.voices.filter((one) => one.range);
    const low = Math.min(...known.map((one) => one.range.lowest)) - 1;
    const high = Math.max(...known.map((one) => one.range.highest)) + 1;
    const share = (midi) => `${((100 * (midi - low)) / (high - low)).toFixed(1)}%`;
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    const inner = `left:${share(lowest)};width:${((100 * (highest - lowest)) / (high - low)).toFixed(1)}%`;
    bar.append(element("i", { style: inner }), element("b", { style: `left:${share(median)}` }));
    const words = `${noteName(lowest)} – ${noteName(highest)}, mostly about ${noteName(median)}`;
    return element("span", { class: "range" }, words, bar);
  }

  slider(name, min, max, step, value, act) {
    const made = element("input", { type: "range", min, max, step, value, title: name });
    made.setAttribute("aria-label", name);
    made.addEventListener("input", () => act(Number(made.value)));
    made.addEventListener("dblclick", () => {
      made.value = value;
      act(value);
    });
    return made;
  }

  show() {
    const { mixer } = this;
    this.rows.forEach((row, number) => {
      const strip = mixer.strips[number];
      row.solo.setAttribute("aria-pressed", strip.solo);
      row.mute.setAttribute("aria-pressed", strip.mute);
      row.mine.setAttribute("aria-pressed", mixer.mine === number);
      row.box.classList.toggle("unheard", mixer.gain(number) === 0);
    });
  }
}
