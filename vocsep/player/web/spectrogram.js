// Tiles of a spectrogram: fetched when they come into view, tinted as the theme wants, few kept.

import { midiOf } from "./names.js";
import { GUTTER, RULER } from "./picture-view.js";

const KEPT = 60; // tiles, half a megabyte each
const AT_ONCE = 4; // that are fetched together

/** info: of the API's spectrogram/info; address(level, tile): of a tile; ready: called when one has come. */
export class Spectrogram {
  constructor(info, address, ready) {
    Object.assign(this, { info, address, ready });
    this.tiles = new Map();
    this.fetching = 0;
    this.tint = [255, 255, 255];
    this.top = midiOf(info.low_hz) + (info.bins - 0.5) / info.bins_per_semitone;
  }

  /** Colour of what is loud, as #rrggbb; what is quiet is transparent. */
  setTint(colour) {
    const value = parseInt(colour.slice(1), 16);
    const tint = [value >> 16, (value >> 8) & 255, value & 255];
    if (String(tint) === String(this.tint)) return;
    this.tint = tint;
    this.tiles.clear();
  }

  paint(ctx, view) {
    const { levels, tile_columns: columns, bins, bins_per_semitone: per } = this.info;
    const wanted = 1 / view.perSecond;
    let level = 0;
    while (level + 1 < levels.length && levels[level + 1].seconds_per_column <= wanted * 1.4) level++;
    const seconds = levels[level].seconds_per_column * columns;
    const tall = (bins / per) * view.perSemitone;
    ctx.save();
    ctx.beginPath();
    ctx.rect(GUTTER, RULER, view.width, view.height);
    ctx.clip();
    ctx.imageSmoothingEnabled = true;
    const last = Math.min(Math.floor(view.end / seconds), Math.ceil(levels[level].columns / columns) - 1);
    for (let tile = Math.floor(view.start / seconds); tile <= last; tile++) {
      const picture = this.tile(level, tile);
      const x = view.x(tile * seconds - 0.5 * levels[0].seconds_per_column);
      if (picture) ctx.drawImage(picture, x, view.y(this.top), seconds * view.perSecond, tall);
      else this.paintCoarser(ctx, view, level, tile);
    }
    ctx.restore();
  }

  /** Until a tile has come, the part of a coarser one that is there. */
  paintCoarser(ctx, view, level, tile) {
    const { levels, tile_columns: columns, bins, bins_per_semitone: per } = this.info;
    for (let up = 1; level + up < levels.length; up++) {
      const known = this.tiles.get(`${level + up}:${tile >> up}`)?.picture;
      if (!known) continue;
      const wide = columns / 2 ** up;
      const left = (tile % 2 ** up) * wide;
      const seconds = levels[level].seconds_per_column * columns;
      const tall = (bins / per) * view.perSemitone;
      const x = view.x(tile * seconds);
      ctx.drawImage(known, left, 0, wide, bins, x, view.y(this.top), seconds * view.perSecond, tall);
      return;
    }
  }

  tile(level, tile) {
    const key = `${level}:${tile}`;
    const known = this.tiles.get(key);
    if (known) {
      this.tiles.delete(key);
      this.tiles.set(key, known);
      return known.picture;
    }
    if (this.fetching >= AT_ONCE) return null; // asked for again with the next picture
    const entry = { picture: null };
    this.tiles.set(key, entry);
    for (const old of this.tiles.keys()) {
      if (this.tiles.size <= KEPT) break;
      this.tiles.delete(old);
    }
    this.fetching++;
    this.fetch(level, tile)
      .then((picture) => (entry.picture = picture))
      .catch(() => this.tiles.delete(key))
      .finally(() => {
        this.fetching--;
        this.ready();
      });
    return null;
  }

  async fetch(level, tile) {
    const answer = await fetch(this.address(level, tile));
    if (!answer.ok) throw new Error(`no tile: ${answer.status}`);
    const grey = await createImageBitmap(await answer.blob());
    const canvas = new OffscreenCanvas(grey.width, grey.height);
    const ctx = canvas.getContext("2d", { willReadFrequently: true });
    ctx.drawImage(grey, 0, 0);
    grey.close();
    const picture = ctx.getImageData(0, 0, canvas.width, canvas.height);
    const [red, green, blue] = this.tint;
    for (let n = 0; n < picture.data.length; n += 4) {
      const loud = picture.data[n] / 255;
      picture.data[n] = red;
      picture.data[n + 1] = green;
      picture.data[n + 2] = blue;
      picture.data[n + 3] = 200 * Math.max(0, (loud - 0.22) / 0.78) ** 1.5;
    }
    return createImageBitmap(picture);
  }
}
