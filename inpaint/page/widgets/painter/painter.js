// The mask painter's script: the body of a function that Gradio calls once per mount with
// (element, trigger, props, server, upload, watch).
//
// The mask is `hole`, one byte per pixel of the preview. The mask canvas only shows it and is never read back:
// browsers that guard against fingerprinting falsify what a canvas gives back, and a mask must not depend on that.
const root = element.querySelector('.mp');
const $ = selector => root.querySelector(selector);
const stage = $('.mp-stage'), pair = $('.mp-pair'), mask = $('.mp-mask'), ring = $('.mp-ring');
const picker = $('.mp-file'), sizer = $('.mp-size'), opacity = $('.mp-opacity'), video = $('video');
const ink = mask.getContext('2d'), paper = $('.mp-photo').getContext('2d');
const UNDO = 60;                            // entries; each holds at most one bit per pixel
const {noun, says} = root.dataset, fixed = 'fixed' in root.dataset;   // fixed: the visitor opens no photo here
const COLOR = root.dataset.color.slice(1).match(/../g).map(h => parseInt(h, 16));
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

let W = 0, H = 0, hole = new Uint8Array(0), painted = 0, photo = null, n = 0, messages = 0;
let tool = 'brush', past = [], future = [];
let view = {x: 0, y: 0, s: 1}, fitted = true, room = [0, 0];     // s: screen pixels per preview pixel
let doing = null, space = false, pointer = null;                 // doing: the gesture under way
const fingers = new Map();

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

// ---- to and from Python --------------------------------------------------------------------------------
function emit() {
  show();
  tell();
  props.value = {n, mask: painted ? png() : null, share: painted / (W * H)};
  trigger('input');
}

// a PNG of one bit per pixel, each row as its difference to the row above, runs packed with deflate's fixed codes
function png() {
  const row = W + 7 >> 3, packed = new Uint8Array(row * H), raw = new Uint8Array(row * H + H);
  for (let y = 0, i = 0; y < H; y++) for (let x = 0; x < W; x++, i++) {
    if (hole[i]) packed[y * row + (x >> 3)] |= 128 >> (x & 7);
  }
  for (let y = 0, k = 0, to = 0; y < H; y++) {
    raw[to++] = 2;                          // filter 2: minus the byte above
    for (const end = k + row; k < end; k++) raw[to++] = packed[k] - (y ? packed[k - row] : 0);
  }
  const word = v => [v >>> 24, v >>> 16 & 255, v >>> 8 & 255, v & 255];
  const chunk = (name, body) => {
    const all = [...[...name].map(c => c.charCodeAt(0)), ...body];
    return [...word(body.length), ...all, ...word(crc(all))];
  };
  let [a, b] = [1, 0];
  for (const v of raw) { a = (a + v) % 65521; b = (b + a) % 65521; }
  const bytes = [137, 80, 78, 71, 13, 10, 26, 10, ...chunk('IHDR', [...word(W), ...word(H), 1, 0, 0, 0, 0]),
    ...chunk('IDAT', [120, 1, ...deflate(raw), ...word((b << 16 | a) >>> 0)]), ...chunk('IEND', [])];
  let text = '';
  for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.slice(k, k + 8192));
  return 'data:image/png;base64,' + btoa(text);
}

function crc(bytes) {
  let c = -1;
  for (const v of bytes) {
    c ^= v;
    for (let k = 0; k < 8; k++) c = c >>> 1 ^ (c & 1 ? 0xedb88320 : 0);
  }
  return ~c >>> 0;
}

function deflate(raw) {
  const out = [];
  let held = 0, count = 0;
  const bits = (v, size) => {
    held |= v << count;
    for (count += size; count > 7; count -= 8, held >>>= 8) out.push(held & 255);
  };
  const code = (v, size) => { while (size--) bits(v >> size & 1, 1); };     // Huffman codes go in high bit first
  bits(3, 3);                                                               // last block, fixed codes
  for (let k = 0; k < raw.length;) {
    let run = 0;
    while (k && run < 258 && raw[k + run] === raw[k - 1]) run++;
    if (run < 3) {
      const v = raw[k++];
      if (v < 144) code(48 + v, 8); else code(256 + v, 9);
      continue;
    }
    const l = run - 3, extra = Math.max(29 - Math.clz32(l), 0);
    const symbol = run === 258 ? 285 : 257 + 4 * extra + (l >> extra);
    if (symbol < 280) code(symbol - 256, 7); else code(symbol - 88, 8);
    if (run < 258) bits(l & (1 << extra) - 1, extra);
    code(0, 5);                                                             // distance 1
    k += run;
  }
  code(0, 7);
  bits(0, 7);
  return out;
}

async function decode(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

// any size; white is hole
function bitsOf(image) {
  const sheet = document.createElement('canvas');
  sheet.width = W; sheet.height = H;
  const g = sheet.getContext('2d', {willReadFrequently: true});
  g.drawImage(image, 0, 0, W, H);
  const data = g.getImageData(0, 0, W, H).data;
  return Uint8Array.from({length: W * H}, (_, i) => data[4 * i] > 127 && data[4 * i + 3] > 127 ? 1 : 0);
}

async function take(v) {
  if (v && !('image' in v)) return;         // our own answer
  const mine = ++messages;
  say('');
  try {
    const [image, holes] = await Promise.all([v?.image, v?.mask].map(url => url ? decode(url) : null));
    if (mine !== messages || (v && !image && !W)) return;        // overtaken, or a mask without a photo
    stop();
    if (v) n = v.n;
    if (!v) setPhoto(null, null);
    else if (image) { setPhoto(image, v); if (holes) replace(bitsOf(holes)); emit(); }
    else if (!edit(() => replace(holes ? bitsOf(holes) : new Uint8Array(W * H)))) emit();
  } catch (error) {
    console.error(error);
    if (mine === messages) say('This photo could not be shown.');
  }
}

function setPhoto(image, about) {
  photo = about;
  W = image ? image.naturalWidth : 0; H = image ? image.naturalHeight : 0;
  for (const g of [paper, ink]) { g.canvas.width = W; g.canvas.height = H; }
  hole = new Uint8Array(W * H); painted = 0; past = []; future = []; dirty = null;
  if (image) paper.drawImage(image, 0, 0);
  stage.style.setProperty('--mp-ratio', W ? `${W} / ${H}` : '');
  stage.classList.toggle('mp-full', W > 0);
  pair.hidden = !W; $('.mp-hint').hidden = fixed || W > 0;
  fitted = true;
  place();
  tell();
}

// ---- what the page says --------------------------------------------------------------------------------
let saying = 0;

function say(text, seconds = 6) {
  const box = $('.mp-say');
  box.textContent = text; box.hidden = !text;
  clearTimeout(saying);
  saying = text ? setTimeout(say, seconds * 1000, '') : 0;
}

function tell() {
  const able = {undo: past.length, redo: future.length, clear: painted, invert: W, smaller: W, larger: W, fit: W};
  for (const name in able) $(`[data-do=${name}]`).disabled = !able[name];
  const share = W ? 100 * painted / (W * H) : 0;
  $('.mp-name').textContent = photo?.name || '';
  $('.mp-name').title = photo?.name || '';
  $('.mp-dims').textContent = photo ? `${photo.width} × ${photo.height}` : '';
  $('.mp-share').textContent = W ? `${noun} ${share && share < .1 ? '< 0.1' : share.toFixed(1)} %` : '';
  $('.mp-zoom').textContent = W ? `${Math.round(100 * view.s * W / photo.width)} %` : '–';
}

function showRing(centre) {
  const d = Number(sizer.value), at = centre || pointer, away = tool === 'erase' || pointer?.away;
  ring.hidden = !W || !at || space || doing?.moves || (!centre && !['brush', 'erase'].includes(tool));
  if (ring.hidden) return;
  ring.classList.toggle('mp-away', Boolean(away));
  ring.style.width = ring.style.height = `${d}px`;
  ring.style.transform = `translate(${at.x - d / 2}px, ${at.y - d / 2}px)`;
}

let preview = 0;

function setSize(value) {
  sizer.value = value;
  $('.mp-slider output').textContent = sizer.value;
  showRing(pointer || {x: room[0] / 2, y: room[1] / 2});
  clearTimeout(preview);
  preview = setTimeout(showRing, 700);
}

function setTool(name) {
  tool = root.dataset.tool = name;
  root.querySelectorAll('button[data-tool]').forEach(b => b.setAttribute('aria-pressed', b.dataset.tool === name));
  showRing();
}

// ---- zoom and pan --------------------------------------------------------------------------------------
const fitScale = () => Math.max(Math.min((room[0] - 24) / W, (room[1] - 24) / H), .01);

function place() {
  const [w, h] = [stage.clientWidth, stage.clientHeight];
  if (!w || !h) return;
  if (room[0] && !fitted) { view.x += (w - room[0]) / 2; view.y += (h - room[1]) / 2; }
  room = [w, h];
  if (!W) return;
  if (fitted) view.s = fitScale();
  const inside = (v, size, all) => size <= all ? (all - size) / 2 : clamp(v, all - size - 40, 40);
  view.x = inside(view.x, W * view.s, w); view.y = inside(view.y, H * view.s, h);
  const snap = v => Math.round(v * devicePixelRatio) / devicePixelRatio;
  pair.style.transform = `translate(${snap(view.x)}px, ${snap(view.y)}px) scale(${view.s})`;
  pair.classList.toggle('mp-crisp', view.s >= 3);
  tell();
}

function zoomTo(s, x = room[0] / 2, y = room[1] / 2) {
  if (!W) return;
  s = clamp(s, fitScale() / 2, Math.max(40, fitScale()));
  fitted = Math.abs(s / fitScale() - 1) < .01;
  view = {s, x: x - (x - view.x) * s / view.s, y: y - (y - view.y) * s / view.s};
  place();
}

function pan(dx, dy) {
  const {x, y} = view;
  view.x += dx; view.y += dy;
  place();
  return Math.abs(view.x - x) + Math.abs(view.y - y) > .5;
}

function onWheel(e) {
  if (!W || e.target.closest('.mp-over')) return;
  const unit = e.deltaMode ? 30 : 1, at = onStage(e);
  if (e.ctrlKey || e.metaKey || e.altKey) {
    e.preventDefault();
    if (!doing) zoomTo(view.s * Math.exp(-clamp(e.deltaY * unit, -50, 50) * .006), at.x, at.y);
  } else if (!doing && !fitted && pan(-e.deltaX * unit, -e.deltaY * unit)) e.preventDefault();
  // else the page scrolls
}

// ---- gestures: each is {move, end, cancel} -------------------------------------------------------------
function onStage(e) {
  const box = stage.getBoundingClientRect();
  return {x: e.clientX - box.left, y: e.clientY - box.top};
}

// picture coordinates and scale from the canvas' place on the screen: right under any zoom or CSS transform
const perPixel = () => mask.getBoundingClientRect().width / W;

function at(e) {
  const box = mask.getBoundingClientRect();
  return [(e.clientX - box.left) * W / box.width, (e.clientY - box.top) * H / box.height];
}

const adds = e => tool === 'erase' || e.shiftKey || e.button === 2 || e.button === 5 ? 0 : 1;   // 5: a pen's eraser

function brushing(e) {
  const before = hole.slice(), was = painted, on = adds(e), r = Math.max(sizer.value / 2 / perPixel(), .5);
  let last = at(e);
  line(last, last, r, on);
  return {
    move(e) {
      const events = e.getCoalescedEvents?.() || [];
      for (const c of events.length ? events : [e]) { const p = at(c); line(last, p, r, on); last = p; }
    },
    end: () => commit(before),
    cancel() { hole = before; painted = was; touch(0, 0, W, H); },
  };
}

function outlining(e) {
  const on = adds(e), shape = $('.mp-shape'), points = [at(e)], box = tool === 'rectangle';
  const corners = () => {
    const [a, b] = [points[0], points[points.length - 1]];
    return box ? [a, [b[0], a[1]], b, [a[0], b[1]]] : points;
  };
  const hide = () => { shape.toggleAttribute('hidden', true); };
  return {
    move(e) {
      points.push(at(e));
      const text = corners().map(p => `${p[0] * view.s + view.x},${p[1] * view.s + view.y}`).join(' ');
      shape.querySelectorAll('polygon').forEach(p => p.setAttribute('points', text));
      shape.toggleAttribute('hidden', false);
    },
    end() { hide(); const before = hole.slice(); fill(corners(), on); commit(before); },
    cancel: hide,
  };
}

function panning(e) {
  let last = onStage(e);
  return {
    moves: true, end() {}, cancel() {},
    move(e) { const p = onStage(e); pan(p.x - last.x, p.y - last.y); last = p; },
  };
}

function pinching() {
  const state = () => {
    const [a, b] = [...fingers.values()].map(onStage);
    return {x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, d: Math.hypot(a.x - b.x, a.y - b.y) || 1};
  };
  let last = state();
  return {
    moves: true, pinch: true, end() {}, cancel() {},
    move() {
      const now = state();
      view.x += now.x - last.x; view.y += now.y - last.y;
      zoomTo(view.s * now.d / last.d, now.x, now.y);
      last = now;
    },
  };
}

function begin(gesture, e) {
  doing = {...gesture, id: e.pointerId, since: e.timeStamp};
  try { stage.setPointerCapture(e.pointerId); } catch { /* a pointer that is gone already */ }
}

function stop(how = 'cancel') {
  const gesture = doing;
  doing = null;
  gesture?.[how]();
}

function onDown(e) {
  if (!W || e.target.closest('.mp-over')) return;
  e.preventDefault();
  stage.focus({preventScroll: true});
  if (e.pointerType === 'touch') fingers.set(e.pointerId, e);
  if (fingers.size === 2) {
    stop(e.timeStamp - doing?.since > 600 ? 'end' : 'cancel');   // a long stroke is not an accident
    begin(pinching(), e);
  }
  if (doing || fingers.size > 1) return;
  if (e.button === 1 || space) begin(panning(e), e);
  else if ([0, 2, 5].includes(e.button)) begin(['brush', 'erase'].includes(tool) ? brushing(e) : outlining(e), e);
  onMove(e);
}

function onMove(e) {
  pointer = e.pointerType === 'touch' ? null : {...onStage(e), away: e.shiftKey || e.buttons & 34};
  if (fingers.has(e.pointerId)) fingers.set(e.pointerId, e);
  if (doing && (doing.pinch ? fingers.size > 1 : doing.id === e.pointerId) && e.type === 'pointermove') doing.move(e);
  showRing();
}

function onUp(e) {
  fingers.delete(e.pointerId);
  if (doing && (doing.pinch || doing.id === e.pointerId)) stop('end');
}

// ---- opening a photo: the file goes, untouched, to the page's hidden gr.UploadButton --------------------
function give(file) {
  if (file.type && !file.type.startsWith('image/')) return say(`${file.name} is not a picture.`);
  const inputs = document.getElementById('photo-file')?.parentElement.querySelectorAll('input[type=file]');
  const input = [...inputs || []].find(other => !root.contains(other));
  if (!input) return say('This page takes no photos.');
  const carrier = new DataTransfer();
  carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
  sayOpening(file.name);
}

// until the photo comes, or Gradio says in a toast why it does not
function sayOpening(name) {
  const toasts = () => [...document.querySelectorAll('.toast-body.error')].map(t => t.textContent).join();
  const before = toasts(), mine = messages;
  say(`Opening ${name}…`, 60);
  const wait = setInterval(() => {
    const failed = toasts() && toasts() !== before;
    if (failed && mine === messages) say('');
    if (failed || mine !== messages || !saying || !element.isConnected) clearInterval(wait);
  }, 300);
}

const typing = node => Boolean(node?.closest?.('textarea, select, [contenteditable=true], ' +
  'input:not([type=range], [type=checkbox], [type=radio], [type=button], [type=submit], [type=file])'));

function onPaste(e) {
  const file = [...e.clipboardData?.files || []].find(f => f.type.startsWith('image/'));
  if (!file || typing(e.target) || !stage.clientWidth) return;
  e.preventDefault();
  give(file);
}

// the whole page takes a photo, so that one dropped beside the stage does not replace the page; other drop zones
// go first
function onDrag(e) {
  if (e.type === 'dragleave' && e.relatedTarget) return;       // only from one part of the page to another
  const ours = !e.defaultPrevented && stage.clientWidth > 0 && Boolean(e.dataTransfer?.types.includes('Files'));
  if (ours) e.preventDefault();
  stage.classList.toggle('mp-drop', ours && e.type === 'dragover');
  if (ours && e.type === 'drop' && e.dataTransfer.files.length) give(e.dataTransfer.files[0]);
}

async function openCamera() {
  try {
    const wish = {facingMode: 'environment', width: {ideal: 1920}};
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: wish});
    $('.mp-camera').hidden = false;
    await video.play();
  } catch (error) {
    closeCamera();
    say(error.name === 'NotAllowedError' ? 'The browser refuses the camera: allow it for this page and try again.'
      : 'No camera can be used here.');
  }
}

function closeCamera() {
  video.srcObject?.getTracks().forEach(track => track.stop());
  video.srcObject = null;
  $('.mp-camera').hidden = true;
}

function shoot() {
  const sheet = document.createElement('canvas');
  sheet.width = video.videoWidth; sheet.height = video.videoHeight;
  if (!sheet.width) return;
  sheet.getContext('2d').drawImage(video, 0, 0);
  closeCamera();
  sheet.toBlob(blob => give(new File([blob], 'camera.jpg', {type: 'image/jpeg'})), 'image/jpeg', .95);
}

// ---- buttons and keys ----------------------------------------------------------------------------------
const actions = {
  open() { picker.value = ''; picker.click(); },
  camera: openCamera, shoot, cancel: closeCamera,
  undo: () => step(past, future), redo: () => step(future, past),
  clear: () => edit(() => replace(new Uint8Array(W * H))),
  invert: () => edit(() => replace(hole.map(v => 1 - v))),
  smaller: () => zoomTo(view.s / 1.4), larger: () => zoomTo(view.s * 1.4),
  fit() { fitted = true; place(); },
  help(open = $('.mp-help').hidden) {
    $('.mp-help').hidden = !open;
    $('.mp-bar [data-do=help]').setAttribute('aria-expanded', open);
  },
};
const keys = {
  b: () => setTool('brush'), e: () => setTool('erase'), r: () => setTool('rectangle'), l: () => setTool('lasso'),
  '[': () => setSize(Math.floor(sizer.value / 1.15)), ']': () => setSize(Math.ceil(sizer.value * 1.15)),
  i: actions.invert, delete: actions.clear, backspace: actions.clear,
  '+': actions.larger, '=': actions.larger, '-': actions.smaller, '0': actions.fit, '?': () => actions.help(),
  escape() { stop(); actions.help(false); closeCamera(); },
};

function onKey(e) {
  const active = document.activeElement, free = !active || active === document.body || active === stage;
  if (e.type === 'keyup') { if (e.key === ' ') setSpace(false); return; }
  if (e.defaultPrevented || typing(e.target) || !stage.clientWidth) return;
  const painter = active?.closest('.mp');      // with several on the page, the one in use gets the keys
  if (painter ? painter !== root : !root.matches(':hover')) return;
  const graph = e.getModifierState('AltGraph'), ctrl = (e.ctrlKey || e.metaKey) && !graph, key = e.key.toLowerCase();
  let act = null;
  if (ctrl) act = {z: e.shiftKey ? actions.redo : actions.undo, y: actions.redo}[key];
  else if (key === ' ' && free && W) act = () => setSpace(true);  // a focused button keeps its Space
  else if (!e.altKey || graph) act = Object.hasOwn(keys, key) ? keys[key] : null;
  if (!act) return;
  e.preventDefault();
  if (!(e.repeat && key === ' ')) act();
}

function setSpace(on) {
  space = on;
  stage.classList.toggle('mp-pan', on);
  showRing();
}

// what a mouse or finger pressed in the toolbar hands the keys back to the stage; the keyboard keeps its place
function backToStage(e) {
  if (e.detail > 0 || e.type === 'pointerup') stage.focus({preventScroll: true});
}

root.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (!button) return;
  if (button.dataset.tool) setTool(button.dataset.tool); else actions[button.dataset.do]();
  if (W && button.dataset.do !== 'camera') backToStage(e);
});
root.querySelectorAll('input[type=range]').forEach(input => input.addEventListener('pointerup', backToStage));
sizer.addEventListener('input', () => setSize(sizer.value));
opacity.addEventListener('input', () => touch(0, 0, W, H));
picker.addEventListener('change', () => picker.files[0] && give(picker.files[0]));
picker.addEventListener('cancel', e => e.stopPropagation());
stage.addEventListener('pointerdown', onDown);
stage.addEventListener('pointermove', onMove);
stage.addEventListener('pointerup', onUp);
stage.addEventListener('pointercancel', onUp);
stage.addEventListener('pointerleave', () => { pointer = null; showRing(); });
stage.addEventListener('mousedown', e => { if (W && e.button === 1) e.preventDefault(); });    // no auto-scroll
stage.addEventListener('contextmenu', e => { if (W && !e.target.closest('.mp-over')) e.preventDefault(); });
stage.addEventListener('wheel', onWheel, {passive: false});

// listeners outside the component live as long as it is in the page
const life = new AbortController(), alive = act => e => element.isConnected ? act(e) : leave();
const leave = () => { life.abort(); closeCamera(); sizes.disconnect(); };
const listen = (target, names, act) => {
  for (const name of names) target.addEventListener(name, alive(act), {signal: life.signal});
};
const sizes = new ResizeObserver(alive(place));
sizes.observe(stage);
listen(document, ['keydown', 'keyup'], onKey);
if (!fixed) {
  listen(document, ['paste'], onPaste);
  listen(document, ['dragover', 'drop', 'dragleave'], onDrag);
}
listen(window, ['blur'], () => setSpace(false));

$('[data-do=camera]').hidden = fixed || !navigator.mediaDevices?.getUserMedia;
if (fixed) {
  delete keys.i;
  root.querySelectorAll('[data-do=open], [data-do=invert]').forEach(button => { button.hidden = true; });
  $('.mp-bar .mp-group').hidden = true;
}
if (says) stage.setAttribute('aria-label', says);
setSize(root.dataset.size);
watch('value', () => take(props.value));
take(props.value);
