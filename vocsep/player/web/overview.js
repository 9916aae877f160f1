// The whole recording in one strip: where one is, what is shown, and a way to get anywhere.

import { clock, element } from "./names.js";
import { paintLine } from "./picture-paint.js";
import { GUTTER, RULER, View } from "./picture-view.js";

/** A strip under a picture; a drag moves what the picture shows. It is a slider for the keyboard. */
export class Overview {
  constructor(parent, picture) {
    this.picture = picture;
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.range = element("input", { type: "range", min: 0, max: picture.seconds, step: 0.1, value: 0 });
    this.range.setAttribute("aria-label", "Position in the recording");
    this.box = element("div", { class: "overview" }, this.canvas, this.range);
    parent.append(this.box);
    this.view = new View(picture.seconds);
    picture.addEventListener("painted", () => this.paint());
    this.range.addEventListener("input", () => picture.tell("seek", { time: Number(this.range.value) }));
    this.canvas.addEventListener("pointerdown", (event) => this.drag(event));
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.drag(event));
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.resize();
  }

  drag(event) {
    const { left, width } = this.canvas.getBoundingClientRect();
    this.canvas.setPointerCapture(event.pointerId);
    const time = ((event.clientX - left) / width) * this.picture.seconds;
    this.picture.view.moveTo(time - this.picture.view.shown / 2);
    this.picture.tell("moved", {});
    this.picture.redraw();
  }

  resize() {
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (!width) return;
    const dense = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = width * dense;
    this.canvas.height = height * dense;
    this.dense = dense;
    this.view.resize(width + GUTTER, height + RULER);
    this.lines = null;
    this.paint();
  }

  /** The lines are painted once; only the window and the playhead move. */
  paint() {
    const { picture, view, canvas } = this;
    if (!this.dense) return;
    if (!this.lines || !picture.tracks || this.of !== picture.tracks || this.colours !== picture.colours) {
      this.of = picture.tracks;
      this.colours = picture.colours;
      this.lines = this.paintLines();
    }
    const ctx = canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    ctx.drawImage(this.lines, 0, 0);
    ctx.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    const { colours } = picture;
    const height = canvas.clientHeight;
    const [x, wide] = [view.x(picture.view.start) - GUTTER, picture.view.shown * view.perSecond];
    ctx.fillStyle = colours.accent;
    ctx.globalAlpha = 0.14;
    ctx.fillRect(x, 0, wide, height);
    ctx.globalAlpha = 0.7;
    ctx.strokeStyle = colours.accent;
    ctx.strokeRect(x + 0.5, 0.5, Math.max(wide - 1, 2), height - 1);
    ctx.globalAlpha = 1;
    if (picture.loop) {
      const [a, b] = picture.loop;
      ctx.fillRect(view.x(a) - GUTTER, 0, (b - a) * view.perSecond, 3);
    }
    ctx.fillStyle = colours.unsure;
    for (const [start, end] of picture.dirty)
      ctx.fillRect(view.x(start) - GUTTER, height - 3, Math.max((end - start) * view.perSecond, 2), 3);
    ctx.fillStyle = colours.accent;
    ctx.fillRect(view.x(picture.time) - GUTTER - 0.75, 0, 1.5, height);
    if (document.activeElement !== this.range || Math.abs(this.range.value - picture.time) > 0.2)
      this.range.value = picture.time;
    this.range.setAttribute("aria-valuetext", clock(picture.time));
  }

  paintLines() {
    const { picture, view } = this;
    const lines = element("canvas", { width: this.canvas.width, height: this.canvas.height });
    const ctx = lines.getContext("2d");
    ctx.setTransform(this.dense, 0, 0, this.dense, -GUTTER * this.dense, -RULER * this.dense);
    view.low = picture.view.low;
    view.high = picture.view.high;
    if (!picture.tracks) picture.spectrogram?.paint(ctx, view);
    else
      picture.tracks.midi.forEach((midi, voice) =>
        paintLine(ctx, view, midi, picture.tracks.hop, picture.voices[voice].colour, { width: 1.2 }),
      );
    return lines;
  }
}
