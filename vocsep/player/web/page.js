// The page that a choir gets: stems inside, mixer, pitch picture, nothing else needed.

import { bytesOf, element } from "./names.js";
import { Mixer } from "./mixer.js";
import { MixerView } from "./mixer-view.js";
import { Overview } from "./overview.js";
import { PitchPicture } from "./pitch-picture.js";
import { EmbeddedSource } from "./source-embedded.js";
import { themeButton } from "./theme.js";
import { Transport } from "./transport.js";
import { TransportBar } from "./transport-bar.js";

const CENTS = 0x3fff; // of a frame: its pitch in cents above MIDI number 0; above them the marks
const UNISON = 0x4000;
const UNSURE = 0x8000;

/** Frames of a voice as they lie in the page. */
export function unpacked(text) {
  const packed = new Uint16Array(bytesOf(text).buffer);
  const f0 = Float32Array.from(packed, (value) => {
    const cents = value & CENTS;
    return cents ? 440 * 2 ** ((cents - 6900) / 1200) : 0;
  });
  const flags = (bit) => Uint8Array.from(packed, (value) => (value & bit ? 1 : 0));
  return { f0, unison: flags(UNISON), unsure: flags(UNSURE) };
}

export function startPage() {
  const data = JSON.parse(document.getElementById("recording").textContent);
  const main = document.querySelector("main");
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const say = (line) => {
    problem.textContent = line;
    problem.hidden = false;
  };
  const desk = element("section", { class: "card desk", "aria-label": "Player" });
  const strips = element("section", { "aria-label": "Mixer" });
  main.prepend(problem, desk, strips);

  const mixer = new Mixer(data.voices.length);
  const transport = new Transport(new EmbeddedSource(data), mixer, { voices: data.voices.length });
  const top = element("div");
  desk.append(top);
  const picture = new PitchPicture(desk, { seconds: data.samples / data.sample_rate, voices: data.voices });
  new Overview(desk, picture);
  desk.append(legend(data));
  new TransportBar(top, transport, mixer, picture, say);
  new MixerView(strips, mixer, data.voices);
  const frames = data.voices.map((voice) => unpacked(voice.f0));
  picture.setTracks({
    hop: data.hop_seconds,
    f0: frames.map((one) => one.f0),
    unison: frames.map((one) => one.unison),
    unsure: frames.map((one) => one.unsure),
    notes: data.notes.map(([voice, start, end, midi]) => ({ voice, start, end, midi })),
  });
  document.querySelector(".head").append(themeButton(() => picture.recolour()));
  Object.assign(window, { vocsep: { transport, mixer, picture } }); // for whoever looks under the bonnet
}

/** What the colours and marks mean. */
function legend(data) {
  const names = data.voices.map((voice) =>
    element("span", {}, element("i", { style: `--voice:${voice.colour}` }), voice.name),
  );
  const marks = [
    element("span", {}, element("i", { class: "unison" }), "in unison with another voice"),
    element("span", {}, element("i", { class: "unsure" }), "hard to tell apart"),
  ];
  return element("div", { class: "legend" }, ...names, ...marks);
}

startPage();
