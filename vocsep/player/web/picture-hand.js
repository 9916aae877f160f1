// What mouse, fingers and keys do to a pitch picture.

import { GUTTER, RULER } from "./picture-view.js";

const STILL = 5; // px a pointer may move and still be a click
const NEAR = 1.2; // semitones from a line that is meant

/** Wheel scrolls, with Ctrl zooms, with Alt zooms pitches; a drag on the times is a loop, a click goes there. */
export class PictureHand {
  constructor(picture) {
    this.picture = picture;
    this.mode = "select"; // of an editor: or "draw"
    this.voice = 0; // the voice that is edited
    this.pointers = new Map();
    const { box } = picture;
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) box.addEventListener(kind, (event) => this.up(event));
    box.addEventListener("keydown", (event) => this.key(event));
  }

  get busy() {
    return this.pointers.size > 0;
  }

  at(event) {
    const frame = this.picture.box.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const { view } = this.picture;
    return { x, y, time: Math.max(0, Math.min(view.time(x), view.seconds)), midi: view.midi(y) };
  }

  wheel(event) {
    const { view } = this.picture;
    const spot = this.at(event);
    if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(-event.deltaY / 300), spot.time);
    else if (event.altKey) view.zoomPitch(Math.exp(-event.deltaY / 300), spot.midi);
    else if (spot.x < GUTTER) view.movePitch(-event.deltaY / 40);
    else {
      const before = view.start;
      view.moveTo(view.start + (event.deltaX + event.deltaY) / view.perSecond);
      if (before === view.start) return; // at an end the page scrolls on
    }
    event.preventDefault();
    this.picture.tell("moved", {});
    this.picture.redraw();
  }

  down(event) {
    if (event.button > 1) return;
    const spot = this.at(event);
    this.picture.box.focus({ preventScroll: true });
    this.picture.box.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { ...spot, startX: spot.x, startY: spot.y, far: false });
    const touch = event.pointerType === "touch";
    if (this.pointers.size > 1) this.kind = "pinch";
    else if (spot.y < RULER) this.kind = "loop";
    else if (spot.x < GUTTER) this.kind = "pitches";
    else if (event.button === 1 || !this.picture.editor || (touch && this.mode !== "draw")) this.kind = "pan";
    else this.kind = this.mode;
    this.begun = spot;
    if (this.kind === "draw") this.picture.stroke = { voice: this.voice, points: [[spot.time, spot.midi]] };
    if (event.button === 1) event.preventDefault();
  }

  move(event) {
    const pointer = this.pointers.get(event.pointerId);
    const spot = this.at(event);
    if (!pointer) {
      this.picture.tell("hover", spot);
      return;
    }
    const { picture } = this;
    const { view } = picture;
    const [dx, dy] = [spot.x - pointer.x, spot.y - pointer.y];
    pointer.far ||= Math.hypot(spot.x - pointer.startX, spot.y - pointer.startY) > STILL;
    if (this.kind === "pinch") this.pinch(event, spot);
    else if (pointer.far) {
      if (this.kind === "pan") view.moveTo(view.start - dx / view.perSecond);
      if (this.kind === "pitches") view.movePitch(dy / view.perSemitone);
      if (this.kind === "loop") picture.loop = this.span(spot);
      if (this.kind === "select") picture.selection = { voice: this.meant(), ...this.stretch(spot) };
      if (this.kind === "draw") this.extendStroke(spot);
    }
    pointer.x = spot.x;
    pointer.y = spot.y;
    picture.redraw();
  }

  /** Two fingers: their distance zooms, their middle scrolls. */
  pinch(event, spot) {
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (!others.length) return;
    const { view } = this.picture;
    const pointer = this.pointers.get(event.pointerId);
    const other = others[0][1];
    const before = Math.max(Math.abs(pointer.x - other.x), 20);
    const now = Math.max(Math.abs(spot.x - other.x), 20);
    view.zoom(now / before, view.time((spot.x + other.x) / 2));
    view.moveTo(view.start - (spot.x - pointer.x) / 2 / view.perSecond);
  }

  span(spot) {
    return [Math.min(this.begun.time, spot.time), Math.max(this.begun.time, spot.time)];
  }

  stretch(spot) {
    const [start, end] = this.span(spot);
    return { start, end };
  }

  /** The voice whose line lies nearest to where the pointer went down, else the one that is edited. */
  meant() {
    const near = this.picture.soundAt(this.begun.time).filter((one) => Math.abs(one.midi - this.begun.midi) < NEAR);
    near.sort((a, b) => Math.abs(a.midi - this.begun.midi) - Math.abs(b.midi - this.begun.midi));
    return near.length ? near[0].voice : this.voice;
  }

  extendStroke(spot) {
    const { points } = this.picture.stroke;
    while (points.length && points.at(-1)[0] >= spot.time) points.pop();
    points.push([spot.time, spot.midi]);
  }

  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    this.pointers.delete(event.pointerId);
    const { picture } = this;
    const spot = this.at(event);
    const { kind } = this;
    if (event.type === "pointercancel") picture.stroke = null;
    else if (kind === "loop" && pointer.far) picture.tell("loop", { range: this.span(spot) });
    else if (kind === "draw" && pointer.far) {
      picture.tell("draw", picture.stroke);
    } else if (kind === "select" && pointer.far) picture.tell("select", picture.selection);
    else if (!pointer.far && kind !== "pitches" && kind !== "pinch") this.click(spot);
    picture.stroke = null;
    if (this.pointers.size === 0) this.kind = null;
    picture.redraw();
  }

  /** A click chooses a note in an editor; elsewhere it goes there. */
  click(spot) {
    const { picture } = this;
    const notes = picture.editor && spot.y > RULER ? picture.tracks?.notes ?? [] : [];
    const near = notes.filter(
      (note) => note.start <= spot.time && spot.time <= note.end && Math.abs(note.midi - spot.midi) < NEAR,
    );
    near.sort((a, b) => Math.abs(a.midi - spot.midi) - Math.abs(b.midi - spot.midi));
    if (near.length) picture.tell("select", { voice: near[0].voice, start: near[0].start, end: near[0].end });
    else {
      if (picture.selection) picture.tell("select", null);
      picture.tell("seek", { time: spot.time });
    }
  }

  key(event) {
    const { view } = this.picture;
    const middle = this.picture.time >= view.start && this.picture.time <= view.end ? this.picture.time : view.start + view.shown / 2;
    if (event.key === "+" || event.key === "=") view.zoom(1.4, middle);
    else if (event.key === "-") view.zoom(1 / 1.4, middle);
    else if (event.key === "PageDown") view.moveTo(view.start + view.shown * 0.9);
    else if (event.key === "PageUp") view.moveTo(view.start - view.shown * 0.9);
    else return;
    event.preventDefault();
    this.picture.tell("moved", {});
    this.picture.redraw();
  }
}
