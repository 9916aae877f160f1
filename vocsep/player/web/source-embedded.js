// Stems that lie inside the page: pieces of mp3, each decoded by the browser when it is needed.

import { bytesOf } from "./names.js";

const ENCODER = 1105; // samples that mp3 puts before the sound: 576 of LAME, 529 of every decoder

/**
 * The same interface as HttpSource: `load(voice, chunk)` gives Float32Arrays, one for each channel.
 *
 * data: {sample_rate, samples, chunk_samples, margin, voices: [{pieces: [base64]}]}; a piece begins
 * `margin` samples before its chunk, except for the first one, and ends as many after it.
 */
export class EmbeddedSource {
  constructor(data) {
    this.sampleRate = data.sample_rate;
    this.samples = data.samples;
    this.seconds = data.samples / data.sample_rate;
    this.chunkSamples = data.chunk_samples;
    this.channels = 1;
    this.margin = data.margin;
    this.pieces = data.voices.map((voice) => voice.pieces);
    this.decoder = null;
  }

  async load(voice, chunk) {
    this.decoder ??= new OfflineAudioContext(1, 1, this.sampleRate);
    const decoded = await this.decoder.decodeAudioData(bytesOf(this.pieces[voice][chunk]).buffer);
    const before = chunk === 0 ? 0 : this.margin;
    const count = Math.min(this.chunkSamples, this.samples - chunk * this.chunkSamples);
    const after = Math.min(this.margin, this.samples - chunk * this.chunkSamples - count);
    // Some browsers cut off what the encoder put before the sound, some do not; the length tells.
    const surplus = decoded.length - (before + count + after);
    const first = before + (surplus >= ENCODER ? ENCODER : 0);
    const out = new Float32Array(count);
    out.set(decoded.getChannelData(0).subarray(first, first + count));
    return [out];
  }
}
