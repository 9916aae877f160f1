// The buttons that play, and the keys that do the same.

import { button, clock, element, icon } from "./names.js";

const STEP = 5; // s of the arrow keys
const TYPING = new Set(["INPUT", "SELECT", "TEXTAREA"]);

/** Buttons for a transport, with speed, loop, master level and zoom. `problem(line)` shows what went wrong. */
export class TransportBar {
  constructor(parent, transport, mixer, picture, problem) {
    Object.assign(this, { transport, mixer, picture, problem });
    const go = (seconds) => transport.seek(transport.time + seconds);
    this.play = button("Play, space bar", { image: "play", kind: "play", press: () => transport.toggle() });
    this.now = element("span", { class: "now", role: "timer", "aria-label": "Time" }, clock(0, true));
    this.whole = element("span", { class: "whole" }, ` / ${clock(transport.source.seconds)}`);
    this.loop = button("Repeat: drag over the times, or press L twice", { image: "loop", kind: "toggle", press: () => this.markLoop() });
    this.follow = button("Follow the sound", { image: "follow", kind: "toggle", press: () => this.setFollow(!picture.following) });
    this.speed = this.slider("Speed, at the same pitch", 50, 100, 5, 100, (value) => this.setSpeed(value));
    this.speedSaid = element("output", { class: "said-speed" }, "100 %");
    const master = this.slider("Volume of everything", 0, 1.2, 0.02, 1, (value) => mixer.setMaster(value * value));
    this.box = element(
      "div",
      { class: "transport", role: "toolbar", "aria-label": "Playing" },
      element("div", { class: "group" },
        button("To the beginning, Home", { image: "start", press: () => transport.seek(0) }),
        button("Back 5 seconds, left arrow", { image: "back", press: () => go(-STEP) }),
        this.play,
        button("Forward 5 seconds, right arrow", { image: "forward", press: () => go(STEP) }),
        this.loop),
      element("div", { class: "clock" }, this.now, this.whole),
      element("label", { class: "speed" }, element("span", {}, "Speed"), this.speed, this.speedSaid),
      element("label", { class: "master" }, element("span", {}, "Volume"), master),
      element("div", { class: "group zoom" },
        button("See less, closer: plus", { image: "plus", press: () => this.zoom(1.5) }),
        button("See more: minus", { image: "minus", press: () => this.zoom(1 / 1.5) }),
        this.follow),
    );
    parent.append(this.box);
    transport.addEventListener("state", () => this.show());
    transport.addEventListener("error", (event) => problem(event.detail.message));
    picture.addEventListener("seek", (event) => transport.seek(event.detail.time));
    picture.addEventListener("loop", (event) => transport.setLoop(event.detail.range));
    picture.addEventListener("moved", () => transport.playing && this.setFollow(false));
    mixer.addEventListener("change", () => this.showHeard());
    this.onKey = (event) => this.key(event);
    this.onClick = (event) => event.detail && document.activeElement?.tagName === "BUTTON" && document.activeElement.blur();
    document.addEventListener("keydown", this.onKey);
    document.addEventListener("click", this.onClick); // a click leaves no focus that would take the space bar
    this.setFollow(true);
    this.show();
    this.tick();
  }

  close() {
    this.closed = true;
    this.transport.pause();
    document.removeEventListener("keydown", this.onKey);
    document.removeEventListener("click", this.onClick);
  }

  slider(name, min, max, step, value, act) {
    const made = element("input", { type: "range", min, max, step, value, title: name });
    made.setAttribute("aria-label", name);
    made.addEventListener("input", () => act(Number(made.value)));
    return made;
  }

  zoom(factor) {
    const { view, time } = this.picture;
    view.zoom(factor, time >= view.start && time <= view.end ? time : view.start + view.shown / 2);
    this.picture.redraw();
  }

  setFollow(follow) {
    this.picture.following = follow;
    this.follow.setAttribute("aria-pressed", follow);
  }

  async setSpeed(percent) {
    this.speedSaid.value = `${percent} %`;
    try {
      await this.transport.setSpeed(percent / 100);
    } catch (error) {
      this.problem(`This browser cannot play slower at the same pitch (${error.message}).`);
      this.speed.value = 100;
      this.speedSaid.value = "100 %";
    }
  }

  /** Without a loop: from here, then to here; with one: none. */
  markLoop() {
    const { transport } = this;
    if (transport.loop) transport.setLoop(null);
    else if (this.from === undefined) this.from = transport.time;
    else {
      transport.setLoop([Math.min(this.from, transport.time), Math.max(this.from, transport.time)]);
      this.from = undefined;
    }
    this.show();
  }

  show() {
    const { transport } = this;
    this.play.replaceChildren(icon(transport.playing ? "pause" : "play"));
    this.play.setAttribute("aria-label", transport.playing ? "Pause, space bar" : "Play, space bar");
    this.play.title = this.play.getAttribute("aria-label");
    this.loop.setAttribute("aria-pressed", Boolean(transport.loop));
    this.loop.classList.toggle("half", this.from !== undefined);
    this.picture.loop = transport.loopSeconds;
    this.showTime();
    this.picture.redraw();
    if (transport.playing) this.tick();
  }

  showHeard() {
    const { picture, mixer } = this;
    picture.hidden = new Set(picture.voices.map((_, voice) => voice).filter((voice) => voice < mixer.strips.length && mixer.gain(voice) === 0));
    picture.redraw();
  }

  showTime() {
    const { time } = this.transport;
    const text = clock(time, true);
    if (this.now.textContent !== text) this.now.textContent = text;
    this.picture.setTime(time, this.transport.playing);
  }

  tick() {
    if (this.ticking) return;
    this.ticking = true;
    const step = () => {
      if (this.closed || !this.transport.playing) {
        this.ticking = false;
        return;
      }
      this.showTime();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  key(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (TYPING.has(target.tagName) && (target.type !== "range" || event.key.startsWith("Arrow"))) return;
    if (target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    if (event.defaultPrevented || !this.act(event)) return;
    event.preventDefault();
  }

  act({ key, shiftKey }) {
    const { transport, mixer } = this;
    const number = Number(key);
    if (key === " ") transport.toggle();
    else if (key === "ArrowLeft") transport.seek(transport.time - (shiftKey ? 1 : STEP));
    else if (key === "ArrowRight") transport.seek(transport.time + (shiftKey ? 1 : STEP));
    else if (key === "Home") transport.seek(0);
    else if (key === "End") transport.seek(transport.source.seconds);
    else if (key === "l" || key === "L") this.markLoop();
    else if (number >= 1 && number <= Math.min(8, mixer.strips.length)) mixer.solo(number - 1);
    else if (key === "0") mixer.strips.forEach((_, voice) => mixer.set(voice, { solo: false, mute: false }));
    else return false;
    return true;
  }
}
