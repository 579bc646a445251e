// ---- the mask: its bits, how they are drawn, what an action changed ---------------------------------------
//
// `hole` has one byte per pixel of the grid, which is the photo's own, or a smaller one of at most GRID pixels. The
// canvas over the stage is as large as the stage and shows what is in sight; it is never read back: browsers that
// guard against fingerprinting falsify what a canvas gives back, and a mask must not depend on that.
let stale = false;                          // whether the canvas does not show the mask yet
let reach = null;                           // [x0, y0, x1, y1) that was touched since it was last set to null

function gridOf(width, height) {
  const scale = Math.min(1, Math.sqrt(GRID / (width * height)));
  return scale === 1 ? [width, height] : [Math.max(1, Math.floor(width * scale)), Math.max(1, Math.floor(height * scale))];
}

function touch(x0, y0, x1, y1) {
  const d = reach || [W, H, 0, 0];
  reach = [Math.min(d[0], x0), Math.min(d[1], y0), Math.max(d[2], x1), Math.max(d[3], y1)];
  redraw();
}

function redraw() {
  if (!stale) requestAnimationFrame(show);
  stale = true;
}

// of row y, the pixels x0 up to x1
function span(y, x0, x1, on) {
  const bits = hole, end = y * W + x1;
  let changed = 0;
  for (let i = y * W + x0; i < end; i++) if (bits[i] !== on) { bits[i] = on; changed++; }
  painted += on ? changed : -changed;
}

// every pixel whose centre lies within r of the line a–b: no half-covered pixels, so nothing to threshold. Of a row
// they are one span: what the discs around a and b, and the band between them, have of it
function line(a, b, r, on) {
  const within = (v, all) => clamp(Math.floor(v), 0, all);
  const y0 = within(Math.min(a[1], b[1]) - r, H), y1 = within(Math.max(a[1], b[1]) + r + 1, H);
  const dx = b[0] - a[0], dy = b[1] - a[1], length = Math.hypot(dx, dy), left = within(Math.min(a[0], b[0]) - r, W);
  for (let y = y0; y < y1; y++) {
    const py = y + .5 - a[1];
    let low = Infinity, high = -Infinity;
    for (const [x, d] of [[0, py], [dx, py - dy]]) if (Math.abs(d) <= r) {
      const half = Math.sqrt(r * r - d * d);
      low = Math.min(low, x - half); high = Math.max(high, x + half);
    }
    const [from, to] = length ? band(py, dx, dy, r * length) : [1, 0];
    if (from <= to) { low = Math.min(low, from); high = Math.max(high, to); }
    if (low > high) continue;
    span(y, within(Math.ceil(a[0] + low - .5), W), within(Math.floor(a[0] + high - .5) + 1, W), on);
  }
  touch(left, y0, within(Math.max(a[0], b[0]) + r + 1, W), y1);
}

// [low, high] of x where (x, y) lies beside the way from the origin to (dx, dy), and x * dy − y * dx within ± wide
function band(y, dx, dy, wide) {
  const along = dx ? [-y * dy / dx, dx + (dy - y) * dy / dx].sort((p, q) => p - q)
    : y / dy >= 0 && y / dy <= 1 ? [-Infinity, Infinity] : [1, 0];
  const across = dy ? [(y * dx - wide) / dy, (y * dx + wide) / dy].sort((p, q) => p - q)
    : Math.abs(y * dx) <= wide ? [-Infinity, Infinity] : [1, 0];
  return [Math.max(along[0], across[0]), Math.min(along[1], across[1])];
}

// the inside of a closed line, where it winds at least once (a lasso may cross itself)
function fill(points, on) {
  const ys = points.map(p => p[1]);
  const top = clamp(Math.floor(Math.min(...ys)), 0, H), bottom = clamp(Math.ceil(Math.max(...ys)) + 1, 0, H);
  for (let y = top; y < bottom; y++) {
    const cuts = [];
    points.forEach((p, k) => {
      const q = points[(k + 1) % points.length], c = y + .5;
      if (p[1] <= c === q[1] <= c) return;
      cuts.push([p[0] + (c - p[1]) * (q[0] - p[0]) / (q[1] - p[1]), p[1] < q[1] ? 1 : -1]);
    });
    cuts.sort((a, b) => a[0] - b[0]);
    for (let k = 0, winds = 0; k + 1 < cuts.length; k++) {
      winds += cuts[k][1];
      if (winds) span(y, clamp(Math.ceil(cuts[k][0] - .5), 0, W), clamp(Math.ceil(cuts[k + 1][0] - .5), 0, W), on);
    }
  }
  touch(0, top, W, bottom);
}

// bits: one byte per pixel, 0 or 1, kept as they are
function replace(bits) {
  hole = bits;
  painted = counted(bits);
  touch(0, 0, W, H);
}

function counted(bits) {
  let sum = 0;
  for (let i = 0; i < bits.length; i++) sum += bits[i];
  return sum;
}

function inverted(bits) {
  const out = new Uint8Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = 1 - bits[i];
  return out;
}

// ---- drawing: the outline opaque, the inside translucent and striped: readable on a photo of any colour -------
function show() {
  stale = false;
  if (!W || !room[0]) return;
  tell();
  paintOver(ink, hole, stage.classList.contains('mp-growing') ? 0 : Math.round(opacity.value * 2.55));
}

// alpha: of the inside, 0..255; 0 draws the outline alone
function paintOver(g, bits, alpha) {
  const dpr = density(), [w, h] = [g.canvas.width, g.canvas.height], s = view.s * dpr;
  const data = g.createImageData(w, h), out = new Uint32Array(data.data.buffer);
  const rgba = (mix, a) => (COLOR.reduceRight((v, c) => v << 8 | c + (255 - c) * mix, a) >>> 0);
  const edge = rgba(0, 255), dark = rgba(0, alpha), light = rgba(.5, alpha), stripe = Math.max(4, Math.round(7 * dpr));
  const x0 = clamp(Math.floor(view.x * dpr), 0, w), x1 = clamp(Math.ceil((view.x + W * view.s) * dpr), 0, w);
  const y0 = clamp(Math.floor(view.y * dpr), 0, h), y1 = clamp(Math.ceil((view.y + H * view.s) * dpr), 0, h);
  const columns = new Int32Array(w + 2).fill(-1), width = w + 2;
  for (let x = x0; x < x1; x++) columns[x + 1] = Math.min(W - 1, Math.max(0, Math.floor((x + .5 - view.x * dpr) / s)));
  const sample = y => {
    const row = new Uint8Array(width), from = Math.floor((y + .5 - view.y * dpr) / s) * W;
    if (y >= y0 && y < y1 && from >= 0 && from < W * H) for (let x = x0 + 1; x <= x1; x++) row[x] = bits[from + columns[x]];
    return row;
  };
  let above = sample(y0 - 1), here = sample(y0), below;
  // the picture's own border is no outline: beyond it counts as it does at it
  for (let y = y0; y < y1; y++) {
    below = y + 1 < y1 ? sample(y + 1) : here;
    if (y === y0) above = here;
    here[x0] = here[x0 + 1]; here[x1 + 1] = here[x1];
    for (let x = x0, k = y * w + x0; x < x1; x++, k++) {
      if (!here[x + 1]) continue;
      const inside = here[x] && here[x + 2] && above[x + 1] && below[x + 1];
      out[k] = !inside ? edge : !alpha ? 0 : (x + y) % (2 * stripe) < stripe ? dark : light;
    }
    above = here; here = below;
  }
  g.putImageData(data, 0, 0);
}

// ---- history: what an action changed, one bit per pixel of its box; flipping it twice changes nothing ---------
function difference(before, box = reach) {
  const now = hole, was = before || new Uint8Array(W * H), wide = W;
  let [x0, y0, x1, y1] = box || [0, 0, 0, 0];
  const differs = (y, from, to) => {         // the first x of row y at which they differ, -1 where none does
    for (let i = y * wide + from, end = y * wide + to; i < end; i++) if (now[i] !== was[i]) return i - y * wide;
    return -1;
  };
  while (y0 < y1 && differs(y0, x0, x1) < 0) y0++;
  while (y0 < y1 && differs(y1 - 1, x0, x1) < 0) y1--;
  if (y0 === y1) return null;
  let left = x1, right = x0;
  for (let y = y0; y < y1; y++) {
    const x = differs(y, x0, left), start = y * wide;
    if (x >= 0) left = x;
    let i = start + x1 - 1;
    while (i >= start + right && now[i] === was[i]) i--;
    right = Math.max(right, i - start + 1);
  }
  const w = right - left, h = y1 - y0, bits = new Uint8Array(w * h + 7 >> 3);
  for (let y = y0, k = 0; y < y1; y++) for (let i = y * wide + left, end = i + w; i < end; i++, k++) {
    if (now[i] !== was[i]) bits[k >> 3] |= 1 << (k & 7);
  }
  return {x0: left, y0, w, h, bits};
}

// the whole mask, as what would have to be changed on an empty one; null where it is empty
const packed = () => painted ? difference(null, [0, 0, W, H]) : null;

function unpacked(change) {
  const out = new Uint8Array(W * H);
  if (change) turn(out, change);
  return out;
}

// turns round the pixels of a change; how many more are set then
function turn(out, {x0, y0, w, h, bits}) {
  let more = 0;
  for (let y = y0, k = 0, wide = W; y < y0 + h; y++) for (let i = y * wide + x0, end = i + w; i < end; i++, k++) {
    if (bits[k >> 3] >> (k & 7) & 1) { out[i] ^= 1; more += out[i] ? 1 : -1; }
  }
  return more;
}

function flip(change) {
  const {x0, y0, w, h} = change;
  painted += turn(hole, change);
  touch(x0, y0, x0 + w, y0 + h);
}

function commit(before) {
  const change = difference(before);
  if (!change) return false;
  remember({change});
  emit();
  return true;
}

function remember(entry) {
  past.push(entry);
  if (past.length > UNDO) past.shift();
  future = [];
}

function edit(act) {
  if (!W || doing || busy) return false;
  const before = hole;                      // act puts another in its place
  reach = null;
  act();
  return commit(before);
}

function step(from, to) {
  if (!from.length || doing) return;
  if (busy) return say(BUSY);
  const entry = from.pop(), back = from === past;
  to.push(entry);
  if (entry.change) { flip(entry.change); emit(); }
  else go(back ? entry.from : entry.to);
}
