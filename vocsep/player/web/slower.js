// Slower at the same pitch. Stems are played at half speed, say, and so sound an octave too low, all on one
// clock; their mix is then moved up again by Signalsmith Stretch. One stretcher does for any number of voices.

/** Where the stretcher's module lies: inside a page that is one file, else beside this one. */
function address() {
  const inside = document.getElementById("stretcher");
  if (inside) return `data:text/javascript;base64,${btoa(inside.textContent)}`;
  return new URL("player/signalsmith-stretch.js", document.baseURI).href;
}

/** Stands between the mixer and the loudspeaker where speed is below 1, and aside where it is not. */
export class Slower {
  constructor(context, from, to) {
    Object.assign(this, { context, from, to });
    this.node = null;
    this.delay = 0;
    this.on = false;
  }

  /** s by which sound comes later than it is scheduled. */
  latency(speed) {
    return speed < 1 ? this.delay : 0;
  }

  async set(speed) {
    const on = speed < 1;
    if (on && !this.node) {
      const module = address();
      const { default: stretcher } = await import(module);
      stretcher.moduleUrl = module; // the worklet's code is the same module
      this.node = await stretcher(this.context);
      this.delay = await this.node.latency();
    }
    if (on) {
      // The tonal limit would keep what lies above it where it is.
      const semitones = -12 * Math.log2(speed);
      await this.node.schedule({ active: true, semitones, tonalityHz: this.context.sampleRate });
    }
    if (on === this.on) return;
    this.from.disconnect();
    if (on) {
      this.from.connect(this.node);
      this.node.connect(this.to);
    } else {
      this.node.disconnect();
      this.from.connect(this.to);
    }
    this.on = on;
  }
}
