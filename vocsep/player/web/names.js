// Names of notes and times, as people read them, and what the page needs of the DOM.

const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** Name of the note nearest to a MIDI number, as A4. */
export function noteName(midi) {
  const note = Math.round(midi);
  return `${NOTES[((note % 12) + 12) % 12]}${Math.floor(note / 12) - 1}`;
}

/** MIDI number of a frequency in Hz. */
export function midiOf(hertz) {
  return 69 + 12 * Math.log2(hertz / 440);
}

/** Frequency in Hz of a MIDI number. */
export function hertzOf(midi) {
  return 440 * 2 ** ((midi - 69) / 12);
}

/** A time in seconds as 1:05, with tenths as 1:05.3; never rounded up to what has not come yet. */
export function clock(seconds, tenths = false) {
  const scale = tenths ? 10 : 1;
  const whole = Math.floor(Math.max(seconds, 0) * scale + 1e-6);
  const minutes = Math.floor(whole / (60 * scale));
  const rest = (whole - minutes * 60 * scale) / scale;
  const shown = tenths ? rest.toFixed(1).padStart(4, "0") : String(rest).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${shown}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${shown}`;
}

/** Bytes of a base64 text. */
export function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let n = 0; n < bytes.length; n++) bytes[n] = binary.charCodeAt(n);
  return bytes;
}

/** An element with properties, attributes (those with a dash, or role) and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name === "style") made.style.cssText = value;
    else if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

const PATHS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4.2v15H6zM13.8 4.5H18v15h-4.2z",
  start: "M5 5h2.6v14H5zM20 5v14L9 12z",
  back: "M11.5 5v14L2 12zM21.5 5v14L12 12z",
  forward: "M12.5 5v14L22 12zM2.5 5v14L12 12z",
  loop: "M17 2l4 4-4 4V7H7a3 3 0 0 0-3 3v1H2v-1a5 5 0 0 1 5-5h10zM7 22l-4-4 4-4v3h10a3 3 0 0 0 3-3v-1h2v1a5 5 0 0 1-5 5H7z",
  star: "M12 2.5l2.9 6.2 6.6.8-4.9 4.6 1.3 6.7L12 17.4l-5.9 3.4 1.3-6.7L2.500 9.500l6.600-.8z",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18v-2a7 7 0 0 0 0-14z",
  undo: "M9 4v4h5a6 6 0 0 1 0 12H8v-2.500h6a3.500 3.500 0 0 0 0-7H9v4L3 9.200z",
  redo: "M15 4v4h-5a6 6 0 0 0 0 12h6v-2.500h-6a3.500 3.500 0 0 1 0-7h5v4l6-5.300z",
  pen: "M3 17.200V21h3.800L18 9.800 14.200 6zM20.700 7.100a1 1 0 0 0 0-1.400l-2.400-2.400a1 1 0 0 0-1.400 0L15 5.200 18.800 9z",
  arrow: "M5 3l14 8.500-6.300 1.300 3.800 6.700-2.600 1.500-3.800-6.700L5.800 19z",
  plus: "M10.700 5h2.600v5.700H19v2.600h-5.700V19h-2.600v-5.700H5v-2.600h5.700z",
  minus: "M5 10.700h14v2.600H5z",
  follow: "M11 2h2v3h-2zM11 19h2v3h-2zM2 11h3v2H2zM19 11h3v2h-3zM12 7a5 5 0 1 1 0 10 5 5 0 0 1 0-10z",
};

/** A small picture for a button, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button with an icon, a text or both; its name, which holds the text, is for screen readers and a hint. */
export function button(name, { image = null, text = "", kind = "", press = null } = {}) {
  const spoken = name.toLowerCase().includes(text.toLowerCase()) ? name : `${text}: ${name}`;
  const made = element("button", { type: "button", class: kind, title: name, "aria-label": spoken });
  if (image) made.append(icon(image));
  if (text) made.append(element("span", {}, text));
  if (press) made.addEventListener("click", press);
  return made;
}
