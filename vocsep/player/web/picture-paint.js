// Drawing: rows of the piano, spectrogram, notes, F0 lines, marks, times.

import { clock, midiOf, noteName } from "./names.js";
import { GUTTER, RULER, timeStep } from "./picture-view.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
const GLIDE = 2; // semitones: further apart are two notes, not joined

/** Colours of the theme in use. */
export function palette(node) {
  const style = getComputedStyle(node);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    ground: colour("--picture"),
    row: colour("--picture-row"),
    line: colour("--picture-line"),
    octave: colour("--picture-octave"),
    ink: colour("--ink"),
    soft: colour("--soft"),
    accent: colour("--accent"),
    white: colour("--key-white"),
    black: colour("--key-black"),
    sound: colour("--sound"),
    unsure: colour("--unsure"),
    font: style.fontFamily || "sans-serif",
  };
}

/** Rows of the semitones, those of black keys darker, a line at each C. */
export function paintRows(ctx, view, colours) {
  ctx.fillStyle = colours.ground;
  ctx.fillRect(0, 0, view.width, view.height);
  const tall = view.perSemitone;
  for (let note = Math.floor(view.low); note <= Math.ceil(view.high); note++) {
    const top = view.y(note + 0.5);
    if (BLACK.has(((note % 12) + 12) % 12)) {
      ctx.fillStyle = colours.row;
      ctx.fillRect(GUTTER, top, view.width, tall);
    }
    ctx.fillStyle = note % 12 === 0 ? colours.octave : colours.line;
    if (note % 12 === 0 || note % 12 === 5) ctx.fillRect(GUTTER, view.y(note - 0.5), view.width, 1);
  }
}

/** A line down at each time that is named above. */
export function paintTimeLines(ctx, view, colours) {
  const step = timeStep(view.perSecond);
  ctx.fillStyle = colours.line;
  for (let n = Math.ceil(view.start / step - 1e-9); n * step <= view.end; n++)
    ctx.fillRect(Math.round(view.x(n * step)), RULER, 1, view.height);
}

/** Times above. */
export function paintTimes(ctx, view, colours) {
  const step = timeStep(view.perSecond);
  ctx.fillStyle = colours.ground;
  ctx.fillRect(0, 0, view.width, RULER);
  ctx.font = `12px ${colours.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (let n = Math.ceil(view.start / step - 1e-9); n * step <= view.end; n++) {
    const x = Math.round(view.x(n * step));
    ctx.fillStyle = colours.line;
    ctx.fillRect(x, RULER - 8, 1, 8);
    ctx.fillStyle = colours.soft;
    ctx.fillText(clock(n * step, step < 1), x + 4, RULER / 2);
  }
  ctx.fillStyle = colours.octave;
  ctx.fillRect(0, RULER - 1, view.width, 1);
}

/** Piano keys at the left; names of the Cs, and of all keys where there is room. */
export function paintKeys(ctx, view, colours) {
  const tall = view.perSemitone;
  ctx.fillStyle = colours.white;
  ctx.fillRect(0, RULER, GUTTER - 4, view.height);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (let note = Math.floor(view.low) - 1; note <= Math.ceil(view.high) + 1; note++) {
    const key = ((note % 12) + 12) % 12;
    const y = view.y(note);
    if (y < RULER - tall) continue;
    ctx.fillStyle = colours.black;
    if (BLACK.has(key)) ctx.fillRect(0, y - tall / 2, (GUTTER - 4) * 0.58, tall);
    else if (key === 0 || key === 5) ctx.fillRect(0, y + tall / 2, GUTTER - 4, 1);
    if (key !== 0 && (tall < 13 || BLACK.has(key))) continue;
    ctx.font = `${key === 0 ? "600 " : ""}${Math.max(9, Math.min(11, tall * 0.95))}px ${colours.font}`;
    ctx.fillStyle = "#3a3f4a";
    ctx.fillText(noteName(note), GUTTER - 8, y);
  }
  ctx.fillStyle = colours.ground;
  ctx.fillRect(0, 0, GUTTER, RULER);
  ctx.fillStyle = colours.octave;
  ctx.fillRect(GUTTER - 4, RULER, 4, view.height);
}

/** Notes as bars, so that what one sees can be touched. */
export function paintNotes(ctx, view, notes, colours, voices, dim) {
  const tall = Math.max(view.perSemitone * 0.82, 4);
  for (const note of notes) {
    if (note.end < view.start || note.start > view.end) continue;
    const x = view.x(note.start);
    const wide = Math.max((note.end - note.start) * view.perSecond, 2);
    ctx.globalAlpha = dim(note.voice) ? 0.1 : 0.26;
    ctx.fillStyle = voices[note.voice].colour;
    ctx.beginPath();
    ctx.roundRect(x, view.y(note.midi) - tall / 2, wide, tall, Math.min(4, wide / 2));
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

/** F0 of one voice as a line; from afar as columns, because a line of many thousand corners is slow to draw. */
export function paintLine(ctx, view, midi, hop, colour, { width = 2, dim = false } = {}) {
  const first = Math.max(Math.floor(view.start / hop), 0);
  const last = Math.min(Math.ceil(view.end / hop) + 1, midi.length);
  const step = Math.max(1, Math.floor(1 / (hop * view.perSecond)));
  ctx.globalAlpha = dim ? 0.3 : 1;
  if (step > 1) {
    ctx.fillStyle = colour;
    paintColumns(ctx, view, midi, hop, first - (first % step), last, step, width);
  } else {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.lineJoin = "bevel";
    ctx.beginPath();
    let before = NaN;
    for (let n = first; n < last; n++) {
      const value = midi[n];
      if (value === value) {
        const [x, y] = [view.x(n * hop), view.y(value)];
        if (Math.abs(value - before) <= GLIDE) ctx.lineTo(x, y);
        else {
          ctx.moveTo(x, y);
          ctx.lineTo(x + 0.5, y);
        }
      }
      before = value;
    }
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** Each column from the highest to the lowest pitch of its frames, and on to where the one before it ended. */
function paintColumns(ctx, view, midi, hop, first, last, step, width) {
  const wide = Math.max(step * hop * view.perSecond, 1);
  let before = NaN;
  for (let n = first; n < last; n += step) {
    let low = Infinity;
    let high = -Infinity;
    for (let m = n; m < Math.min(n + step, last); m++) {
      const value = midi[m];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (high === -Infinity) {
      before = NaN;
      continue;
    }
    const here = midi[Math.min(n + step, last) - 1];
    if (Math.abs(before - high) <= GLIDE) high = Math.max(high, before);
    if (Math.abs(before - low) <= GLIDE) low = Math.min(low, before);
    const top = view.y(high) - width / 2;
    ctx.fillRect(view.x(n * hop), top, wide, view.y(low) + width / 2 - top);
    before = here;
  }
}

/** Stretches of true frames as a row of dashes under the line (unison) or a hatching (unsure). */
export function paintMarks(ctx, view, midi, flags, hop, paint) {
  const first = Math.max(Math.floor(view.start / hop), 0);
  const last = Math.min(Math.ceil(view.end / hop) + 1, midi.length);
  const step = Math.max(1, Math.round(7 / (hop * view.perSecond)));
  for (let n = first - (first % step); n < last; n += step) {
    if (flags[n] && midi[n] === midi[n]) paint(view.x(n * hop), view.y(midi[n]));
  }
}

/** F0 in Hz as MIDI numbers, NaN = silent. */
export function asMidi(f0) {
  return Float32Array.from(f0, (hertz) => (hertz > 0 ? midiOf(hertz) : NaN));
}
