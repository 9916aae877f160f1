// The pitch picture: piano keys, F0 lines in the voices' colours, marks, playhead; zoom, scroll, follow.

import { clock, element, noteName } from "./names.js";
import { asMidi, paintKeys, paintLine, paintMarks, paintNotes, paintRows, paintTimeLines, paintTimes, palette } from "./picture-paint.js";
import { GUTTER, RULER, View } from "./picture-view.js";
import { PictureHand } from "./picture-hand.js";

/**
 * A picture in an element. Events: "seek" {time}, "loop" {range}, and of an editor "select", "draw", "hover".
 *
 * voices: [{name, colour}]; seconds: of the recording. editor: whether notes and stretches can be chosen.
 */
export class PitchPicture extends EventTarget {
  constructor(parent, { seconds, voices, editor = false }) {
    super();
    Object.assign(this, { seconds, voices, editor });
    this.view = new View(seconds);
    this.tracks = null;
    this.spectrogram = null;
    this.time = 0;
    this.loop = null;
    this.following = true;
    this.hidden = new Set(); // voices that are not heard
    this.selection = null; // {voice, start, end}
    this.dirty = []; // stretches whose stems are older than their F0
    this.stroke = null; // a line that is being drawn
    this.base = element("canvas", { "aria-hidden": "true" });
    this.above = element("canvas", { "aria-hidden": "true" });
    this.box = element("div", { class: "picture", tabIndex: 0, role: "group" }, this.base, this.above);
    this.box.setAttribute("aria-label", this.description());
    parent.append(this.box);
    this.hand = new PictureHand(this);
    new ResizeObserver(() => this.resize()).observe(this.box);
    const light = matchMedia("(prefers-color-scheme: light)");
    light.addEventListener("change", () => this.recolour());
    this.recolour();
    this.resize();
  }

  description() {
    const names = this.voices.map((voice) => voice.name).join(", ");
    return `Pitch picture of ${names || "the recording"}, ${clock(this.seconds)} long. Plus and minus zoom.`;
  }

  /** hop: s; f0: Float32Arrays in Hz, 0 = silent; unison, unsure: Uint8Arrays or null; notes as in the API. */
  setTracks({ hop, f0, unison = null, unsure = null, notes = [] }, fit = true) {
    const midi = f0.map(asMidi);
    this.tracks = { hop, f0, midi, unison, unsure, notes };
    if (fit) this.fit();
    this.redraw();
  }

  /** Show all pitches that are sung. */
  fit() {
    let low = Infinity;
    let high = -Infinity;
    for (const row of this.tracks?.midi ?? [])
      for (const value of row) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    if (high > low) this.view.fit(low, high);
    else this.view.fit(43, 79);
  }

  /** Show what is chosen, too, where it was moved out of sight. */
  widen() {
    if (!this.selection) return;
    const { view, tracks } = this;
    const { voice, start, end } = this.selection;
    for (const value of tracks.midi[voice].subarray(Math.ceil(start / tracks.hop), Math.ceil(end / tracks.hop))) {
      if (value + 1.5 > view.high) view.high = value + 1.5;
      if (value - 1.5 < view.low) view.low = value - 1.5;
    }
  }

  recolour() {
    this.colours = palette(this.box);
    this.spectrogram?.setTint(this.colours.sound);
    this.redraw();
  }

  setSpectrogram(spectrogram) {
    this.spectrogram = spectrogram;
    spectrogram?.setTint(this.colours.sound);
    this.redraw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width) return;
    const dense = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [this.base, this.above]) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
      canvas.getContext("2d").setTransform(dense, 0, 0, dense, 0, 0);
    }
    const first = !this.sized;
    this.view.resize(width, height);
    if (first) {
      this.sized = true;
      this.view.perSecond = Math.max(this.view.slowest, Math.min(width < 600 ? 45 : 70, 900));
      this.view.moveTo(0);
    }
    this.redraw();
  }

  /** Draw with the next frame of the screen. */
  redraw() {
    this.stale = true;
    this.refresh();
  }

  refresh() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      if (this.stale) this.paint();
      this.stale = false;
      this.paintAbove();
      this.dispatchEvent(new Event("painted"));
    });
  }

  /** The playhead is at a time; `playing` lets the picture follow it. */
  setTime(time, playing) {
    const { view } = this;
    this.time = time;
    if (playing && this.following && !this.hand.busy) {
      const wanted = time - view.shown * 0.3;
      const before = view.start;
      if (time < view.start || time > view.end) view.moveTo(time - view.shown * 0.1);
      else if (wanted > view.start) view.moveTo(wanted);
      if (view.start !== before) this.stale = true;
    }
    this.refresh();
  }

  paint() {
    const ctx = this.base.getContext("2d");
    const { view, colours, tracks } = this;
    paintRows(ctx, view, colours);
    this.spectrogram?.paint(ctx, view);
    paintTimeLines(ctx, view, colours);
    if (tracks) {
      ctx.save();
      ctx.beginPath();
      ctx.rect(GUTTER, RULER, view.width, view.height);
      ctx.clip();
      const dim = (voice) => this.hidden.has(voice);
      if (view.perSecond > 12) paintNotes(ctx, view, tracks.notes, colours, this.voices, dim);
      const ordered = tracks.midi.map((_, voice) => voice).sort((a, b) => dim(b) - dim(a));
      for (const voice of ordered) this.paintVoice(ctx, voice, dim(voice));
      ctx.restore();
    }
    paintTimes(ctx, view, colours);
    this.paintDirty(ctx);
    paintKeys(ctx, view, colours);
  }

  paintVoice(ctx, voice, dim) {
    const { view, tracks, colours } = this;
    const colour = this.voices[voice].colour;
    const midi = tracks.midi[voice];
    if (tracks.unsure && !dim && view.perSecond > 12) {
      ctx.strokeStyle = colours.unsure;
      ctx.lineWidth = 1.2;
      ctx.beginPath();
      paintMarks(ctx, view, midi, tracks.unsure[voice], tracks.hop, (x, y) => {
        ctx.moveTo(x - 2.5, y + 11);
        ctx.lineTo(x + 2.5, y + 6);
      });
      ctx.stroke();
    }
    paintLine(ctx, view, midi, tracks.hop, colour, { width: view.perSecond > 25 ? 2.4 : 1.5, dim });
    if (tracks.unison && !dim && view.perSecond > 12) {
      ctx.fillStyle = colours.ink;
      paintMarks(ctx, view, midi, tracks.unison[voice], tracks.hop, (x, y) => ctx.fillRect(x - 1.2, y - 9.2, 2.4, 2.4));
    }
  }

  paintDirty(ctx) {
    const { view, colours } = this;
    ctx.fillStyle = colours.unsure;
    for (const [start, end] of this.dirty) {
      ctx.fillRect(view.x(start), RULER - 4, Math.max((end - start) * view.perSecond, 3), 3);
    }
  }

  paintAbove() {
    const ctx = this.above.getContext("2d");
    const { view, colours } = this;
    ctx.clearRect(0, 0, view.width, view.height);
    ctx.save();
    ctx.beginPath();
    ctx.rect(GUTTER, 0, view.width, view.height);
    ctx.clip();
    if (this.loop) {
      const [x, wide] = [view.x(this.loop[0]), (this.loop[1] - this.loop[0]) * view.perSecond];
      ctx.fillStyle = colours.accent;
      ctx.globalAlpha = 0.12;
      ctx.fillRect(x, RULER, wide, view.height);
      ctx.globalAlpha = 0.85;
      ctx.fillRect(x, 2, wide, 5);
      ctx.globalAlpha = 1;
    }
    this.paintSelection(ctx);
    if (this.stroke) this.paintStroke(ctx);
    const x = Math.round(view.x(this.time));
    ctx.fillStyle = colours.accent;
    ctx.fillRect(x - 0.5, RULER - 6, 1.5, view.height);
    ctx.beginPath();
    ctx.moveTo(x - 6, RULER - 12);
    ctx.lineTo(x + 6.5, RULER - 12);
    ctx.lineTo(x + 0.25, RULER - 2);
    ctx.fill();
    ctx.restore();
  }

  paintSelection(ctx) {
    if (!this.selection) return;
    const { view, tracks, colours } = this;
    const { voice, start, end } = this.selection;
    const wide = (end - start) * view.perSecond;
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = colours.ink;
    ctx.fillRect(view.x(start), RULER, wide, view.height);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = colours.ink;
    ctx.lineWidth = 1;
    ctx.setLineDash([4, 3]);
    ctx.strokeRect(view.x(start) + 0.5, RULER + 0.5, wide, view.height - RULER - 1);
    ctx.setLineDash([]);
    if (!tracks) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(view.x(start), RULER, wide, view.height);
    ctx.clip();
    paintLine(ctx, view, tracks.midi[voice], tracks.hop, colours.ink, { width: 6 });
    paintLine(ctx, view, tracks.midi[voice], tracks.hop, this.voices[voice].colour, { width: 3.5 });
    ctx.restore();
  }

  paintStroke(ctx) {
    const { view } = this;
    ctx.strokeStyle = this.voices[this.stroke.voice].colour;
    ctx.lineWidth = 3.5;
    ctx.beginPath();
    for (const [time, midi] of this.stroke.points) ctx.lineTo(view.x(time), view.y(midi));
    ctx.stroke();
  }

  /** What is sung at a place, for a hint: the name of the nearest voice and its note. */
  soundAt(time) {
    if (!this.tracks) return [];
    const frame = Math.round(time / this.tracks.hop);
    return this.tracks.midi.map((row, voice) => ({ voice, midi: row[frame] })).filter((one) => one.midi === one.midi);
  }

  nameOf(midi) {
    const cents = Math.round(100 * (midi - Math.round(midi)));
    return `${noteName(midi)}${cents ? ` ${cents > 0 ? "+" : "−"}${Math.abs(cents)}` : ""}`;
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
