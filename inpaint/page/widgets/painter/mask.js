// ---- the mask ------------------------------------------------------------------------------------------
let dirty = null;                           // [x0, y0, x1, y1) that the canvas does not show yet

function touch(x0, y0, x1, y1) {
  if (!dirty) requestAnimationFrame(show);
  const d = dirty || [W, H, 0, 0];
  dirty = [Math.min(d[0], x0), Math.min(d[1], y0), Math.max(d[2], x1), Math.max(d[3], y1)];
}

function put(i, on) {
  if (hole[i] !== on) { hole[i] = on; painted += on ? 1 : -1; }
}

// every pixel whose centre lies within r of the line a–b: no half-covered pixels, so nothing to threshold
function line(a, b, r, on) {
  const within = (v, all) => clamp(Math.floor(v), 0, all);
  const x0 = within(Math.min(a[0], b[0]) - r, W), x1 = within(Math.max(a[0], b[0]) + r + 1, W);
  const y0 = within(Math.min(a[1], b[1]) - r, H), y1 = within(Math.max(a[1], b[1]) + r + 1, H);
  const dx = b[0] - a[0], dy = b[1] - a[1], length2 = dx * dx + dy * dy || 1;
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) {
    const px = x + .5 - a[0], py = y + .5 - a[1], t = clamp((px * dx + py * dy) / length2, 0, 1);
    if ((px - t * dx) ** 2 + (py - t * dy) ** 2 <= r * r) put(y * W + x, on);
  }
  touch(x0, y0, x1, y1);
}

// the inside of a closed line, where it winds at least once (a lasso may cross itself)
function fill(points, on) {
  for (let y = 0; y < H; y++) {
    const cuts = [];
    points.forEach((p, k) => {
      const q = points[(k + 1) % points.length], c = y + .5;
      if (p[1] <= c === q[1] <= c) return;
      cuts.push([p[0] + (c - p[1]) * (q[0] - p[0]) / (q[1] - p[1]), p[1] < q[1] ? 1 : -1]);
    });
    cuts.sort((a, b) => a[0] - b[0]);
    for (let k = 0, winds = 0; k + 1 < cuts.length; k++) {
      winds += cuts[k][1];
      const end = winds ? Math.min(cuts[k + 1][0] - .5, W) : 0;
      for (let x = Math.max(Math.ceil(cuts[k][0] - .5), 0); x < end; x++) put(y * W + x, on);
    }
  }
  touch(0, 0, W, H);
}

// the outline opaque, the inside translucent and striped: readable on a photo of any colour
function show() {
  if (!dirty || !W) { dirty = null; return; }
  const x0 = Math.max(dirty[0] - 1, 0), y0 = Math.max(dirty[1] - 1, 0);     // a pixel more: an outline has neighbours
  const w = Math.min(dirty[2] + 1, W) - x0, h = Math.min(dirty[3] + 1, H) - y0;
  dirty = null;
  tell();
  if (w <= 0 || h <= 0) return;
  const data = ink.createImageData(w, h), out = new Uint32Array(data.data.buffer);
  const rgba = (mix, alpha) => (COLOR.reduceRight((v, c) => v << 8 | c + (255 - c) * mix, alpha) >>> 0);
  const a = Math.round(opacity.value * 2.55), edge = rgba(0, 255), dark = rgba(0, a), light = rgba(.5, a);
  const stripe = Math.ceil(Math.max(W, H) / 110);
  for (let y = y0, k = 0; y < y0 + h; y++) for (let x = x0, i = y * W + x0; x < x0 + w; x++, i++, k++) {
    if (!hole[i]) continue;
    const inside = x && x < W - 1 && hole[i - 1] && hole[i + 1] && hole[i - W] && hole[i + W];
    out[k] = !inside ? edge : (x + y) % (2 * stripe) < stripe ? dark : light;
  }
  ink.putImageData(data, x0, y0);
}

// ---- history: what an action changed, one bit per pixel of its box; flipping it twice changes nothing ---
function difference(before) {
  let x0 = W, y0 = H, x1 = -1, y1 = -1;
  for (let y = 0, i = 0; y < H; y++) for (let x = 0; x < W; x++, i++) if (hole[i] !== before[i]) {
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    y1 = y;
  }
  if (x1 < 0) return null;
  const w = x1 - x0 + 1, h = y1 - y0 + 1, bits = new Uint8Array(w * h + 7 >> 3);
  for (let y = y0, k = 0; y <= y1; y++) for (let i = y * W + x0; i <= y * W + x1; i++, k++) {
    if (hole[i] !== before[i]) bits[k >> 3] |= 1 << (k & 7);
  }
  return {x0, y0, w, h, bits};
}

function flip({x0, y0, w, h, bits}) {
  for (let y = y0, k = 0; y < y0 + h; y++) for (let i = y * W + x0; i < y * W + x0 + w; i++, k++) {
    if (bits[k >> 3] >> (k & 7) & 1) put(i, 1 - hole[i]);
  }
  touch(x0, y0, x0 + w, y0 + h);
}

function commit(before) {
  const change = difference(before);
  if (!change) return false;
  past.push(change);
  if (past.length > UNDO) past.shift();
  future = [];
  emit();
  return true;
}

function edit(act) {
  if (!W || doing) return false;
  const before = hole.slice();
  act();
  return commit(before);
}

function replace(bits) {
  for (let i = 0; i < bits.length; i++) put(i, bits[i]);
  touch(0, 0, W, H);
}

function step(from, to) {
  if (!from.length || doing) return;
  const change = from.pop();
  flip(change); to.push(change); emit();
}

