// The placer: a cut-out moved, scaled and turned.
//
// `at` is where the cut-out lies: x and y of its middle and its width `scale` in parts of the photo's sides, `angle` in
// degrees clockwise. It is drawn with CSS transforms alone; Python hears of it when a gesture ends.
const stage = $('.pl-stage'), photo = $('.pl-photo'), back = $('.pl-back'), cut = $('.pl-cut'), frame = $('.pl-frame');
const LEAST = .01, MOST = 4;                // of the scale, as in Python
const SETTLE = 400;                         // ms after the last key or turn of the wheel until Python hears of it

let n = 0, at = null, first = null, ratio = 1, messages = 0;     // ratio: the cut-out's height by its width
let doing = null, settling = 0, arriving = null; // doing: the gesture under way; arriving: pictures that are being decoded
const fingers = new Map();

// ---- to and from Python --------------------------------------------------------------------------------
function emit() {
  clearTimeout(settling);
  settling = 0;
  props.value = {n, ...at};
  trigger('input');
}

function soon() {
  clearTimeout(settling);
  settling = setTimeout(emit, SETTLE);
}

// how the cut-out looks blended in, until it is moved
async function blended(v) {
  const here = () => at && !doing && !settling && ['x', 'y', 'scale', 'angle'].every(k => Math.abs(v[k] - at[k]) < 1e-9);
  if (at && !here()) props.value = {n, ...at};         // where it lies by now
  if (!v.blended) return unblend();
  if (!here()) return;                      // of where it lay before: what is shown stays
  const next = new Image();
  next.src = v.blended;
  await next.decode().catch(() => 0);
  if (!here()) return;
  const [x, y, w, h] = v.at.map(part => `${100 * part}%`);
  $('.pl-blend').src = next.src;
  Object.assign($('.pl-blend').style, {left: x, top: y, width: w, height: h});
  $('.pl-blend').hidden = false;
  photo.classList.add('pl-blended');
}

function unblend() {
  $('.pl-blend').hidden = true;
  photo.classList.remove('pl-blended');
}

async function take(v) {
  if (v && 'blended' in v) {
    await arriving;                         // what it is blended on comes first
    return blended(v);
  }
  if (v && !('background' in v)) return;    // our own answer
  const mine = ++messages;
  stop(false);
  clearTimeout(settling);
  if (!v) return show(null);
  try {
    if (v.background) back.src = v.background;
    cut.src = v.cutout;
    arriving = Promise.allSettled([back.decode(), cut.decode()]);
    const broken = (await arriving).find(one => one.reason);
    if (broken) throw broken.reason;
    if (mine !== messages) return;          // overtaken
    n = v.n;
    ratio = cut.naturalHeight / cut.naturalWidth;
    const placement = {x: v.x, y: v.y, scale: v.scale, angle: v.angle};
    if (v.background) first = placement;    // what Reset goes back to
    photo.style.setProperty('--pl-ratio', back.naturalWidth / back.naturalHeight);
    show({...placement});
  } catch (error) {
    console.error(error);
    if (mine === messages) show(null, 'These pictures could not be shown.');
  }
}

// ---- drawing -------------------------------------------------------------------------------------------
function show(placement, said = root.dataset.hint) {
  unblend();
  at = placement;
  photo.hidden = !at;
  $('.pl-hint').hidden = Boolean(at);
  $('.pl-hint').textContent = said;
  root.querySelectorAll('button').forEach(button => { button.disabled = !at; });
  draw();
}

function draw() {
  const percent = v => `${(100 * v).toFixed(1)} %`;
  $('.pl-info').textContent = at
    ? `middle ${percent(at.x)}, ${percent(at.y)} · width ${percent(at.scale)} · ${at.angle.toFixed(1)}°` : '';
  if (!at) return;
  const [W, H] = [photo.clientWidth, photo.clientHeight], w = at.scale * W, h = w * ratio;
  for (const part of [cut, frame]) {
    part.style.width = `${w}px`; part.style.height = `${h}px`;
    part.style.transform =
      `translate(${at.x * W}px, ${at.y * H}px) rotate(${at.angle}deg) translate(${-w / 2}px, ${-h / 2}px)`;
  }
}

// the middle stays on the photo, so that the cut-out can always be had again
function put(change) {
  unblend();
  Object.assign(at, change);
  at.x = clamp(at.x, 0, 1); at.y = clamp(at.y, 0, 1);
  at.scale = clamp(at.scale, LEAST, MOST);
  at.angle = (at.angle % 360 + 540) % 360 - 180;
  draw();
}

// ---- gestures: each is a function from the pointer to what changes ---------------------------------------
function onPhoto(e) {
  const box = photo.getBoundingClientRect();
  return [e.clientX - box.left, e.clientY - box.top];
}

// as seen from the cut-out's middle: distance in pixels, direction in degrees
function seen(e) {
  const [x, y] = onPhoto(e), dx = x - at.x * photo.clientWidth, dy = y - at.y * photo.clientHeight;
  return {r: Math.max(Math.hypot(dx, dy), 1), a: Math.atan2(dy, dx) * 180 / Math.PI};
}

function moving(e) {
  const [x0, y0] = onPhoto(e), was = {...at};
  return e => {
    const [x, y] = onPhoto(e);
    put({x: was.x + (x - x0) / photo.clientWidth, y: was.y + (y - y0) / photo.clientHeight});
  };
}

function scaling(e) {
  const was = at.scale, {r} = seen(e);
  return e => put({scale: was * seen(e).r / r});
}

// Shift: in steps of 15 degrees
function turning(e) {
  const was = at.angle, {a} = seen(e);
  return e => {
    const angle = was + seen(e).a - a;
    put({angle: e.shiftKey ? 15 * Math.round(angle / 15) : angle});
  };
}

function pinching() {
  const state = () => {
    const [[ax, ay], [bx, by]] = [...fingers.values()].map(onPhoto);
    return {x: (ax + bx) / 2, y: (ay + by) / 2, d: Math.hypot(ax - bx, ay - by) || 1,
      a: Math.atan2(by - ay, bx - ax) * 180 / Math.PI};
  };
  const was = {...at}, from = state();
  return () => {
    const to = state();
    put({x: was.x + (to.x - from.x) / photo.clientWidth, y: was.y + (to.y - from.y) / photo.clientHeight,
      scale: was.scale * to.d / from.d, angle: was.angle + to.a - from.a});
  };
}

function begin(change, e, pinch = false) {
  doing = {change, pinch, id: e.pointerId, before: doing?.before || {...at}, changed: Boolean(doing?.changed)};
  capture(stage, e);
}

// keep: what the gesture did stays, and Python hears of it
function stop(keep) {
  const gesture = doing;
  doing = null;
  if (!gesture) return;
  if (!keep) put(gesture.before);
  else if (gesture.changed) emit();
}

function onDown(e) {
  if (!at || e.button) return;
  if (e.pointerType === 'touch') fingers.set(e.pointerId, e);
  if (fingers.size === 2) return begin(pinching(), e, true);       // takes over from the first finger's move
  const on = e.target.closest('.pl-frame');
  if (doing || !on) return;
  e.preventDefault();
  stage.focus({preventScroll: true});
  const how = e.target.closest('.pl-corner') ? scaling : e.target.closest('.pl-turn') ? turning : moving;
  begin(how(e), e);
}

function onMove(e) {
  if (fingers.has(e.pointerId)) fingers.set(e.pointerId, e);
  if (!doing || !(doing.pinch ? fingers.size > 1 : doing.id === e.pointerId)) return;
  doing.changed = true;
  doing.change(e);
}

function onUp(e) {
  fingers.delete(e.pointerId);
  if (doing && (doing.pinch || doing.id === e.pointerId)) stop(true);
}

function onWheel(e) {
  if (!at || doing || !(e.ctrlKey || e.metaKey || e.shiftKey)) return;      // else the page scrolls
  e.preventDefault();
  const by = turned(e, e.deltaY || e.deltaX);             // Shift makes some wheels go sideways
  put(e.shiftKey ? {angle: at.angle + by * .06} : {scale: at.scale * Math.exp(-by * .003)});
  soon();
}

// ---- buttons and keys ----------------------------------------------------------------------------------
const actions = {
  smaller: () => put({scale: at.scale / 1.05}), larger: () => put({scale: at.scale * 1.05}),
  left: () => put({angle: at.angle - 3}), right: () => put({angle: at.angle + 3}),
  reset: () => put(first),
};
const keys = {'+': 'larger', '=': 'larger', '-': 'smaller', ',': 'left', '.': 'right'};
const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

// an arrow moves by a pixel of the screen, with Shift by ten
function onKey(e) {
  if (!at || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'Escape') return stop(false);
  const arrow = arrows[e.key], step = e.shiftKey ? 10 : 1;
  if (arrow) {
    put({x: at.x + arrow[0] * step / photo.clientWidth, y: at.y + arrow[1] * step / photo.clientHeight});
  } else if (Object.hasOwn(keys, e.key)) actions[keys[e.key]](); else return;
  e.preventDefault();
  soon();
}

root.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (!button || !at) return;
  actions[button.dataset.do]();
  emit();
});
stage.addEventListener('keydown', onKey);
stage.addEventListener('pointerdown', onDown);
stage.addEventListener('pointermove', onMove);
stage.addEventListener('pointerup', onUp);
stage.addEventListener('pointercancel', onUp);
stage.addEventListener('wheel', onWheel, {passive: false});

onResize(photo, draw);

show(null);
let news = Promise.resolve();               // one after the other, as they come
const hear = v => { news = news.then(() => take(v)); };
watch('value', () => hear(props.value));
hear(props.value);
