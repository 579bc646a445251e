// The mask painter: its state, what it says to Python, zoom, gestures, keys.
//
// The mask is `hole`, one byte per pixel of the preview. The mask canvas only shows it and is never read back:
// browsers that guard against fingerprinting falsify what a canvas gives back, and a mask must not depend on that.
const stage = $('.mp-stage'), pair = $('.mp-pair'), mask = $('.mp-mask'), ring = $('.mp-ring');
const picker = $('.mp-file'), sizer = $('.mp-size'), opacity = $('.mp-opacity'), video = $('video');
const ink = mask.getContext('2d'), paper = $('.mp-photo').getContext('2d');
const UNDO = 60;                            // entries; each holds at most one bit per pixel
const {noun, says} = root.dataset, fixed = 'fixed' in root.dataset;   // fixed: the visitor opens no photo here
const COLOR = root.dataset.color.slice(1).match(/../g).map(h => parseInt(h, 16));

let W = 0, H = 0, hole = new Uint8Array(0), painted = 0, photo = null, n = 0, messages = 0;
let tool = 'brush', past = [], future = [];
let view = {x: 0, y: 0, s: 1}, fitted = true, room = [0, 0];     // s: screen pixels per preview pixel
let doing = null, space = false, pointer = null;                 // doing: the gesture under way
const fingers = new Map();

// ---- to and from Python --------------------------------------------------------------------------------
function emit() {
  show();
  tell();
  props.value = {n, mask: painted ? png(hole, W, H) : null, share: painted / (W * H)};
  trigger('input');
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
    if (!doing) zoomTo(view.s * Math.exp(-turned(e) * .006), at.x, at.y);
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
  capture(stage, e);
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

// ---- buttons and keys ----------------------------------------------------------------------------------
const actions = {
  open() { picker.value = ''; picker.click(); },
  camera: openCamera, shoot, cancel: closeCamera,
  undo: () => step(past, future), redo: () => step(future, past),
  clear: () => edit(() => replace(new Uint8Array(W * H))),
  invert: () => edit(() => replace(hole.map(v => 1 - v))),
  smaller: () => zoomTo(view.s / 1.4), larger: () => zoomTo(view.s * 1.4),
  fit() { fitted = true; place(); },
  help: (open = $('.mp-help').hidden) => openHelp($('.mp-bar [data-do=help]'), $('.mp-help'), open),
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
  if (e.defaultPrevented || typing(e.target) || !stage.clientWidth || !inUse()) return;
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

onResize(stage, place);
life.signal.addEventListener('abort', closeCamera);
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
  $('.mp-bar .wg-group').hidden = true;
}
if (says) stage.setAttribute('aria-label', says);
setSize(root.dataset.size);
watch('value', () => take(props.value));
take(props.value);
