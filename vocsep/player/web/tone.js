// F0 as a tone, so that the ear can judge a pitch that the eye sees.

const PARTIALS = [0.6, 0.25, 0.1, 0.05];
const LEVEL = 0.22;

/**
 * Sings F0 tracks, with the phase running on from chunk to chunk.
 *
 * f0: Float32Array in Hz, 0 = silent; hop: s between its values.
 */
export class Tone {
  constructor(f0, hop) {
    this.f0 = f0;
    this.hop = hop;
    this.phase = new Float64Array(f0.length + 1); // cycles at each frame
    for (let n = 0; n < f0.length; n++) {
      const next = f0[n + 1] || f0[n];
      this.phase[n + 1] = (this.phase[n] + (0.5 * (f0[n] + next)) * hop) % 1;
    }
  }

  /** Samples `first` to `first + count` at a rate in Hz. */
  samples(first, count, rate) {
    const out = new Float32Array(count);
    let level = 0;
    const step = 1 / (0.008 * rate); // fades of 8 ms: no clicks
    for (let n = 0; n < count; n++) {
      const place = (first + n) / rate / this.hop;
      const frame = Math.floor(place);
      const here = this.f0[frame] || 0;
      const share = place - frame;
      const wanted = here > 0 ? LEVEL : 0;
      if (n === 0) level = wanted;
      level += Math.max(-step, Math.min(step, wanted - level));
      if (level <= 0) continue;
      const hertz = here > 0 ? here : this.f0[frame - 1] || 0;
      const next = this.f0[frame + 1] || hertz;
      const slope = next - hertz;
      const cycles = (this.phase[frame] || 0) + this.hop * (hertz * share + 0.5 * slope * share * share);
      let sum = 0;
      for (let p = 0; p < PARTIALS.length; p++) sum += PARTIALS[p] * Math.sin(2 * Math.PI * (p + 1) * cycles);
      out[n] = level * sum;
    }
    return out;
  }
}
