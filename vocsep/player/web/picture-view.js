// What part of time and pitch a picture shows, and where on the screen each of them lies.

export const GUTTER = 52; // px of the piano keys
export const RULER = 26; // px of the times above
const FASTEST = 900; // px a second, the closest look

/** A window of the recording: time in s to the right, MIDI numbers upwards, a semitone as tall everywhere. */
export class View {
  constructor(seconds) {
    this.seconds = Math.max(seconds, 0.1);
    this.start = 0;
    this.width = 800;
    this.height = 320;
    this.perSecond = 40;
    this.low = 40;
    this.high = 80;
  }

  get shown() {
    return (this.width - GUTTER) / this.perSecond;
  }

  get end() {
    return this.start + this.shown;
  }

  get slowest() {
    return (this.width - GUTTER) / this.seconds;
  }

  get perSemitone() {
    return (this.height - RULER) / (this.high - this.low);
  }

  x(time) {
    return GUTTER + (time - this.start) * this.perSecond;
  }

  y(midi) {
    return RULER + (this.high - midi) * this.perSemitone;
  }

  time(x) {
    return this.start + (x - GUTTER) / this.perSecond;
  }

  midi(y) {
    return this.high - (y - RULER) / this.perSemitone;
  }

  resize(width, height) {
    const middle = this.start + this.shown / 2;
    const all = this.perSecond <= this.slowest * 1.001;
    this.width = Math.max(width, GUTTER + 40);
    this.height = Math.max(height, RULER + 40);
    if (all) this.perSecond = this.slowest;
    this.perSecond = Math.max(this.perSecond, this.slowest);
    this.moveTo(middle - this.shown / 2);
  }

  moveTo(start) {
    this.start = Math.max(0, Math.min(start, this.seconds - this.shown));
  }

  /** Zoom by a factor about a time, which stays where it is on the screen. */
  zoom(factor, time) {
    const x = this.x(time);
    const most = Math.max(FASTEST, this.slowest);
    this.perSecond = Math.max(this.slowest, Math.min(this.perSecond * factor, most));
    this.moveTo(time - (x - GUTTER) / this.perSecond);
  }

  /** Show pitches from one MIDI number to another, an octave at least. */
  fit(low, high) {
    const missing = Math.max(12 - (high - low), 0) / 2;
    this.low = low - missing - 1.5;
    this.high = high + missing + 1.5;
  }

  /** Zoom the pitches by a factor about one of them. */
  zoomPitch(factor, midi) {
    const range = Math.max(5, Math.min((this.high - this.low) / factor, 90));
    const share = (this.high - midi) / (this.high - this.low);
    this.high = Math.min(midi + share * range, 112);
    this.low = this.high - range;
  }

  movePitch(semitones) {
    const range = this.high - this.low;
    this.high = Math.max(20 + range, Math.min(this.high + semitones, 112));
    this.low = this.high - range;
  }
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];

/** s between labelled times so that labels stand at least 70 px apart. */
export function timeStep(perSecond) {
  return STEPS.find((step) => step * perSecond >= 70) ?? 7200;
}
