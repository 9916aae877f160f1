// Level, place, solo and mute of each voice, "my part louder", and the master: the numbers and the sound.

const OTHERS = 10 ** (-10 / 20); // of the others behind my part, as in practice mixes
const GLIDE = 0.012; // s, time constant of every change: no clicks

/**
 * A mixer of `count` voices; `attach` gives it a sound. Fires "change".
 *
 * strips: [{level, pan, solo, mute}], level as a factor, pan from -1 to 1.
 * mine: number of my part, or null. master: a factor.
 */
export class Mixer extends EventTarget {
  constructor(count) {
    super();
    this.strips = Array.from({ length: count }, () => ({ level: 1, pan: 0, solo: false, mute: false }));
    this.mine = null;
    this.master = 1;
    this.context = null;
  }

  /** Gain with which a voice is heard. */
  gain(voice) {
    const strip = this.strips[voice];
    const soloed = this.strips.some((one) => one.solo);
    if (strip.mute || (soloed && !strip.solo)) return 0;
    return strip.level * (this.mine !== null && this.mine !== voice && !soloed ? OTHERS : 1);
  }

  set(voice, change) {
    Object.assign(this.strips[voice], change);
    this.changed();
  }

  solo(voice) {
    this.set(voice, { solo: !this.strips[voice].solo });
  }

  setMine(voice) {
    this.mine = this.mine === voice ? null : voice;
    this.changed();
  }

  setMaster(level) {
    this.master = level;
    this.changed();
  }

  changed() {
    this.apply();
    this.dispatchEvent(new Event("change"));
  }

  /** Build the sound: voices -> gain -> place -> sum; returns the sum. `input(voice)` is where a voice goes. */
  attach(context) {
    this.context = context;
    this.sum = context.createGain();
    this.nodes = this.strips.map(() => {
      const gain = context.createGain();
      const pan = context.createStereoPanner();
      gain.connect(pan);
      return { gain, pan, placed: false };
    });
    this.side = context.createGain(); // the tone, which no solo silences
    this.side.connect(this.sum);
    this.nodes.forEach((node) => this.place(node, 0));
    this.nodes.forEach((node, voice) => (node.gain.gain.value = this.gain(voice)));
    this.sum.gain.value = this.master;
    this.apply();
    return this.sum;
  }

  input(voice) {
    return voice < this.nodes.length ? this.nodes[voice].gain : this.side;
  }

  /** A voice in the middle goes round the panner, which would take 3 dB of it. */
  place(node, pan) {
    const placed = Math.abs(pan) > 0.01;
    if (node.routed && node.placed === placed) return;
    node.gain.disconnect();
    node.pan.disconnect();
    if (placed) {
      node.gain.connect(node.pan);
      node.pan.connect(this.sum);
    } else node.gain.connect(this.sum);
    node.placed = placed;
    node.routed = true;
  }

  apply() {
    if (!this.context) return;
    const now = this.context.currentTime;
    this.nodes.forEach((node, voice) => {
      node.gain.gain.setTargetAtTime(this.gain(voice), now, GLIDE);
      node.pan.pan.setTargetAtTime(this.strips[voice].pan, now, GLIDE);
      this.place(node, this.strips[voice].pan);
    });
    this.sum.gain.setTargetAtTime(this.master, now, GLIDE);
  }
}
