// Playing: all voices on one clock, chunk after chunk, sample by sample; slower without another pitch.

import { Slower } from "./slower.js";

const LEAD = 0.06; // s between asking for sound and the first sample
const AHEAD = 4; // s that are scheduled before they are heard
const EVERY = 200; // ms between looks at what is to be scheduled
const KEPT = 10; // s of each voice that stay decoded

/**
 * Plays a source through a mixer. Fires "state" and, at its end, "ended".
 *
 * source: EmbeddedSource or HttpSource; voices: how many it has. extra: further sounds of the same
 * interface, such as a tone, each heard as one more voice: {load(chunk) -> [Float32Array]} or null.
 */
export class Transport extends EventTarget {
  constructor(source, mixer, { voices }) {
    super();
    Object.assign(this, { mixer, voices });
    this.use(source);
    this.playing = false;
    this.speed = 1;
    this.loop = null; // [first sample, last sample)
    this.extra = null;
    this.context = null;
    this.held = 0; // position in samples while nothing is played
    this.turn = 0; // counts starts: what was asked for before the last one is dropped
    this.pieces = [];
    this.nodes = new Set();
  }

  use(source) {
    this.source = source;
    this.kept = Math.max(3, Math.ceil((KEPT * source.sampleRate) / source.chunkSamples));
    this.cache = new Map();
  }

  /** Position in s. */
  get time() {
    return this.place() / this.source.sampleRate;
  }

  place() {
    if (!this.playing || !this.pieces.length) return this.held;
    const latency = (this.slower ? this.slower.latency(this.speed) : 0) + (this.context.outputLatency || 0);
    const now = this.context.currentTime - latency;
    const rate = this.source.sampleRate;
    while (this.pieces.length > 1 && this.pieces[1].at <= now) this.pieces.shift();
    const piece = this.pieces[0];
    const passed = Math.max(0, (now - piece.at) * rate * this.speed);
    return Math.min(piece.first + Math.min(passed, piece.count), this.source.samples);
  }

  /** Begin to have sound; `context` is another than that of the loudspeaker. */
  async open(context = null) {
    if (this.context) return;
    this.context = context ?? new AudioContext({ sampleRate: this.source.sampleRate });
    this.gate = this.context.createGain();
    this.gate.connect(this.context.destination);
    this.sum = this.mixer.attach(this.context);
    this.sum.connect(this.gate);
    this.slower = new Slower(this.context, this.sum, this.gate);
  }

  async play() {
    await this.open();
    await this.context.resume();
    if (this.held >= this.source.samples - 1) this.held = 0;
    this.playing = true;
    this.dispatchEvent(new Event("state"));
    await this.begin(this.held);
  }

  pause() {
    this.held = Math.round(this.place());
    this.playing = false;
    this.silence();
    this.dispatchEvent(new Event("state"));
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  async seek(seconds) {
    const samples = Math.round(seconds * this.source.sampleRate);
    this.held = Math.max(0, Math.min(samples, this.source.samples - 1));
    if (this.playing) await this.begin(this.held);
    this.dispatchEvent(new Event("state"));
  }

  /** Repeat from one time to another, in s; null ends it. */
  async setLoop(range) {
    const rate = this.source.sampleRate;
    this.loop = range && range.map((time) => Math.round(Math.max(0, Math.min(time, this.source.seconds)) * rate));
    if (this.loop && this.loop[1] - this.loop[0] < 0.1 * rate) this.loop = null;
    this.dispatchEvent(new Event("state"));
    if (this.playing) await this.begin(Math.round(this.place()));
  }

  get loopSeconds() {
    return this.loop && this.loop.map((sample) => sample / this.source.sampleRate);
  }

  /** Speed from 0.5 to 1, at the same pitch. Raises an error where this browser cannot. */
  async setSpeed(speed) {
    const place = Math.round(this.place());
    await this.open();
    await this.slower.set(speed);
    this.speed = speed;
    this.held = place;
    if (this.playing) await this.begin(place);
    this.dispatchEvent(new Event("state"));
  }

  /** Hear a further sound from here on: {load(chunk)}, or null. */
  async setExtra(extra) {
    this.extra = extra;
    if (this.playing) await this.begin(Math.round(this.place()));
  }

  /** Have the first sounds at hand before anyone asks for them. */
  prepare() {
    return this.buffers(0);
  }

  /** Hear stems that have changed, from where we are. */
  async renew(source) {
    const place = Math.round(this.place());
    this.use(source);
    if (this.playing) await this.begin(place);
  }

  silence() {
    this.turn++;
    clearInterval(this.timer);
    if (!this.context) return;
    const now = this.context.currentTime;
    this.gate.gain.setTargetAtTime(0, now, 0.004);
    for (const node of this.nodes) node.stop(now + 0.03);
    this.nodes.clear();
    this.pieces = [];
  }

  async begin(sample) {
    this.silence();
    this.held = sample;
    const turn = this.turn;
    const next = { sample, at: null };
    const look = async () => {
      if (next.busy || turn !== this.turn) return;
      next.busy = true;
      try {
        await this.fill(next, turn);
      } catch (error) {
        if (turn === this.turn) this.fail(error);
      }
      next.busy = false;
    };
    this.timer = setInterval(look, EVERY);
    await look();
  }

  fail(error) {
    this.pause();
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }

  /** Schedule what is heard within the next seconds. */
  async fill(next, turn) {
    const { source } = this;
    while (next.at === null || next.at < this.context.currentTime + AHEAD) {
      if (this.loop && next.sample >= this.loop[1]) next.sample = this.loop[0];
      if (next.sample >= source.samples) {
        if (this.context.currentTime > next.at + (this.slower?.latency(this.speed) || 0)) this.end();
        return;
      }
      const chunk = Math.floor(next.sample / source.chunkSamples);
      const buffers = await this.buffers(chunk);
      if (turn !== this.turn) return;
      const soonest = this.context.currentTime + LEAD;
      if (next.at === null || next.at < this.context.currentTime) {
        // On a whole sample of the clock: then no voice is interpolated.
        next.at = this.begun = Math.ceil(soonest * source.sampleRate) / source.sampleRate;
        this.gate.gain.cancelScheduledValues(0);
        this.gate.gain.setValueAtTime(1, Math.max(this.context.currentTime, next.at - 0.01));
      }
      this.schedule(buffers, chunk, next);
    }
  }

  schedule(buffers, chunk, next) {
    const { source, context } = this;
    const rate = source.sampleRate;
    const begin = chunk * source.chunkSamples;
    const last = Math.min(begin + source.chunkSamples, source.samples, this.loop ? this.loop[1] : Infinity);
    const count = last - next.sample;
    const started = [];
    buffers.forEach((buffer, voice) => {
      if (!buffer) return;
      const node = context.createBufferSource();
      node.buffer = buffer;
      node.playbackRate.value = this.speed;
      node.connect(this.mixer.input(voice));
      node.start(next.at, (next.sample - begin) / rate, count / rate);
      node.onended = () => this.nodes.delete(node);
      this.nodes.add(node);
      started.push(node);
    });
    this.pieces.push({ first: next.sample, count, at: next.at });
    next.at = Math.round((next.at + count / rate / this.speed) * rate) / rate;
    next.sample = last;
  }

  end() {
    this.pause();
    this.held = 0;
    this.dispatchEvent(new Event("ended"));
    this.dispatchEvent(new Event("state"));
  }

  /** AudioBuffers of a chunk, one for each voice and one for the further sound. */
  async buffers(chunk) {
    const voices = Array.from({ length: this.voices }, (_, voice) => voice);
    const wanted = voices.map((voice) => this.buffer(`${voice}:${chunk}`, () => this.source.load(voice, chunk)));
    if (this.extra) wanted.push(this.buffer(null, () => this.extra.load(chunk)));
    return Promise.all(wanted);
  }

  async buffer(key, load) {
    const known = key && this.cache.get(key);
    if (known) {
      this.cache.delete(key);
      this.cache.set(key, known);
      return known;
    }
    const { sampleRate } = this.source;
    const made = load().then((channels) => {
      const format = { numberOfChannels: channels.length, length: channels[0].length, sampleRate };
      const buffer = new AudioBuffer(format);
      channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
      return buffer;
    });
    if (key) {
      this.cache.set(key, made);
      made.catch(() => this.cache.delete(key));
      for (const old of this.cache.keys()) {
        if (this.cache.size <= this.kept * this.voices) break;
        this.cache.delete(old);
      }
    }
    return made;
  }
}
