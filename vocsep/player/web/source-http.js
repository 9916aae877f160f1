// Stems that the studio's server gives, passage by passage, as integers of 16 bits.

const CHUNK = 2; // s: the first sound waits for one of each voice

/**
 * The same interface as EmbeddedSource: `load(voice, chunk)` gives Float32Arrays, one for each channel.
 *
 * base: address of the API; sounds: what the server calls each voice, such as "mix" or 0;
 * revision: of the stems, so that the browser's cache never gives an old one.
 */
export class HttpSource {
  constructor(base, { sampleRate, channels, seconds, sounds, revision = 0 }) {
    Object.assign(this, { base, sampleRate, channels, seconds, sounds, revision });
    this.samples = Math.round(seconds * sampleRate);
    this.chunkSamples = CHUNK * sampleRate;
  }

  async load(voice, chunk) {
    const start = chunk * CHUNK;
    const end = Math.min(start + CHUNK, this.seconds);
    const address = `${this.base}audio/${this.sounds[voice]}?start=${start}&end=${end}&r=${this.revision}`;
    const answer = await fetch(address);
    if (!answer.ok) throw new Error((await answer.json()).error || `no sound: ${answer.status}`);
    const channels = Number(answer.headers.get("X-Channels"));
    const gain = Number(answer.headers.get("X-Gain")) / 32768;
    const integers = new Int16Array(await answer.arrayBuffer());
    const out = [];
    for (let channel = 0; channel < channels; channel++) {
      const samples = new Float32Array(integers.length / channels);
      for (let n = 0; n < samples.length; n++) samples[n] = integers[n * channels + channel] * gain;
      out.push(samples);
    }
    return out;
  }
}
