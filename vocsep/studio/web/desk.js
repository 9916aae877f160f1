// One opened recording: transport, picture, mixer and, once it is separated, the tools to correct it.

import { bytesOf, element, midiOf } from "../player/names.js";
import { Mixer } from "../player/mixer.js";
import { MixerView } from "../player/mixer-view.js";
import { Overview } from "../player/overview.js";
import { PitchPicture } from "../player/pitch-picture.js";
import { HttpSource } from "../player/source-http.js";
import { Spectrogram } from "../player/spectrogram.js";
import { Transport } from "../player/transport.js";
import { TransportBar } from "../player/transport-bar.js";
import { api } from "./api.js";
import { Editor } from "./editor.js";

const RECORDING = { name: "the recording", colour: "#909090" };

/** Builds itself into an element; `close` takes it away again. */
export class Desk {
  constructor(parent, project, { problem, say, changed, again }) {
    Object.assign(this, { project, problem, say, changed });
    const voices = project.separated ? project.voices : [RECORDING];
    this.mixer = new Mixer(voices.length);
    this.transport = new Transport(this.source(), this.mixer, { voices: voices.length });
    this.card = element("section", { class: "card desk", "aria-label": "Player" });
    this.strips = element("section", { "aria-label": "Mixer" });
    this.box = element("div", { class: "desk-and-mixer" }, this.card, this.strips);
    parent.append(this.box);
    const top = element("div");
    this.card.append(top);
    this.picture = new PitchPicture(this.card, { seconds: project.seconds, voices, editor: project.separated });
    this.picture.fit();
    new Overview(this.card, this.picture);
    this.bar = new TransportBar(top, this.transport, this.mixer, this.picture, problem);
    if (project.separated) {
      this.editor = new Editor(this, { edited: (answer) => this.edited(answer), problem, say, again });
      top.after(this.editor.box);
      this.card.append(legend(this.editor.chosen));
    }
    this.ready = this.load().catch((error) => problem(error.message));
  }

  close() {
    this.bar.close();
    this.editor?.close();
    this.transport.context?.close();
    this.box.remove();
  }

  source() {
    const { sample_rate: sampleRate, channels, seconds, separated, voices, stems_revision: revision } = this.project;
    const sounds = separated ? voices.map((_, voice) => voice) : ["mix"];
    return new HttpSource(api.base, { sampleRate, channels, seconds, sounds, revision });
  }

  async load() {
    const prepared = this.transport.prepare();
    if (this.project.separated) await this.loadTracks(true);
    const info = await api.get("spectrogram/info");
    const address = (level, tile) => `${api.base}spectrogram?level=${level}&tile=${tile}`;
    this.picture.setSpectrogram(new Spectrogram(info, address, () => this.picture.redraw()));
    await prepared;
  }

  async loadTracks(first = false) {
    const plain = await api.get("tracks");
    const frames = plain.voices.length ? new Float32Array(bytesOf(plain.voices[0].f0).buffer).length : 0;
    const rows = (text) => {
      const flags = bytesOf(text);
      return plain.voices.map((_, voice) => flags.subarray(voice * frames, (voice + 1) * frames));
    };
    const f0 = plain.voices.map((voice) => new Float32Array(bytesOf(voice.f0).buffer));
    const marks = { unison: rows(plain.unison), unsure: rows(plain.unsure) };
    this.picture.setTracks({ hop: plain.hop_seconds, f0, ...marks, notes: plain.notes }, first);
    this.picture.widen();
    this.shown = plain.revision;
    if (first) {
      const voices = this.project.voices.map((voice, n) => ({ ...voice, range: rangeOf(f0[n]) }));
      this.view = new MixerView(this.strips, this.mixer, voices);
    }
    this.editor?.renewed();
  }

  /** The project is as the server says now: after an edit, or a job. */
  async update(project) {
    const { revision, stems_revision: stems } = this.project;
    this.project = project;
    if (project.revision !== revision || project.stems_revision !== stems) await this.loadTracks();
    if (project.stems_revision !== stems) await this.transport.renew(this.source());
    this.editor?.show();
  }

  async edited({ project }) {
    await this.update(project);
    this.changed(project);
  }
}

/** Where a voice lies: MIDI numbers of its 1st, 50th and 99th percentile. */
function rangeOf(f0) {
  const sung = f0.filter((hertz) => hertz > 0).sort();
  if (!sung.length) return null;
  const at = (share) => midiOf(sung[Math.min(sung.length - 1, Math.floor(share * sung.length))]);
  return { lowest: at(0.01), median: at(0.5), highest: at(0.99) };
}

function legend(chosen) {
  return element(
    "div",
    { class: "legend" },
    element("span", {}, element("i", { class: "unison" }), "in unison with another voice"),
    element("span", {}, element("i", { class: "unsure" }), "hard to tell apart"),
    element("span", {}, element("i", { class: "older" }), "corrected, not yet separated again"),
    chosen,
  );
}
