// The stage: its state, what it says to Python and hears, keys and buttons.
//
// Of the files beside this one, mask.js has the bits of the hole and how they are drawn, pictures.js the photos and
// fills and the way back, view.js zoom and detail, gestures.js pointer and pen, keep.js what outlives a reload,
// opening.js the ways in, png.js the format of the mask.
const stage = $('.mp-stage'), pair = $('.mp-pair'), ring = $('.mp-ring');
const picker = $('.mp-file'), sizer = $('.mp-size'), opacity = $('.mp-opacity'), video = $('video');
const ink = $('.mp-mask').getContext('2d'), shade = $('.mp-ghost').getContext('2d'), paper = $('.mp-photo').getContext('2d');
const UNDO = 60, PREVIEW = 1280, PENDING = -1;   // entries; pixels of a preview; the number of a photo on its way
const GRID = 16777216;                      // pixels of a mask, as in Python
const BUSY = 'Filling… wait for it, or press Stop.';
const {noun, says} = root.dataset, fixed = 'fixed' in root.dataset;   // fixed: the picture comes from Python alone
const COLOR = root.dataset.color.slice(1).match(/../g).map(h => parseInt(h, 16));

let W = 0, H = 0, hole = new Uint8Array(0), painted = 0, n = 0, messages = 0;    // W, H: of the mask's grid
let tool = 'brush', past = [], future = [];
let view = {x: 0, y: 0, s: 1}, fitted = true, room = [0, 0];     // s: screen pixels per pixel of the grid
let doing = null, space = false, pointer = null, busy = false;   // doing: the gesture under way; busy: a fill is
let unsaid = 0, back = null;                // unsaid: the timer of what Python does not know yet
const fingers = new Map();

// ---- to and from Python --------------------------------------------------------------------------------
// a mask of millions of pixels is packed once nothing more is painted, or something is pressed
function emit() {
  redraw();
  tell();
  flushSoon();
  film();
}

// not amid a stroke: it may yet be dropped, and must not falter
function flushSoon() {
  clearTimeout(unsaid);
  unsaid = setTimeout(() => doing ? flushSoon() : flush(), 250);
}

function flush() {
  clearTimeout(unsaid);
  unsaid = 0;
  answer();
  trigger('input');
}

function answer() {
  const old = spent && !painted, mask = painted ? png(hole, W, H) : old ? png(unpacked(spent.mask), W, H) : null;
  props.value = {n, number: old ? spent.number : at, mask, share: painted / Math.max(W * H, 1), again: old ? spent.again : 0,
    ...back ? {back} : {}};
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
  g.imageSmoothingEnabled = image.naturalWidth > W;
  g.drawImage(image, 0, 0, W, H);
  const data = g.getImageData(0, 0, W, H).data, bits = new Uint8Array(W * H);
  for (let i = 0, k = 0; i < bits.length; i++, k += 4) bits[i] = data[k] > 127 && data[k + 3] > 127 ? 1 : 0;
  return bits;
}

let heard = 0;                              // the message that came last: at the end of an event Gradio says it again

async function take(v) {
  if (v && !('image' in v) && !('news' in v)) return;              // our own answer
  if (v && v.n === heard) return answer();
  heard = v?.n || 0;
  if (v?.news) { hear(v); return answer(); }                          // what is painted stays what is said
  const mine = ++messages;
  try {
    const [image, holes] = await Promise.all([v?.image, v?.mask].map(url => url ? decode(url) : null));
    if (mine !== messages || (v && !image && !W)) return;        // overtaken, or a mask without a photo
    say('');
    stop(image && at === PENDING ? 'end' : 'cancel');            // a stroke on the photo that has come stays
    if (v) n = v.n;
    if (back && image) givenBack(v.number);
    back = null;
    if (!v) { pictures.clear(); past = []; future = []; at = 0; lay(null); tell(); }
    else if (image) opened(v, image, holes);
    else {
      if (v.number && v.number !== at && pictures.has(v.number)) jump({at: v.number, hole: null, spent: null});
      if (!edit(() => replace(holes ? bitsOf(holes) : new Uint8Array(W * H)))) emit();
    }
  } catch (error) {
    console.error(error);
    if (mine === messages) say('This photo could not be shown.');
  }
}

let news = Promise.resolve();               // one after the other, as they come

function hear(v) {
  if (v.news === 'live') return live(v);
  news = news.then(() => {
    if (v.news === 'filled') return filled(v);
    if (v.news === 'over') { live(null); grow(false); }
    if (v.news === 'hello') return hello(v);
  }).catch(error => console.error(error));
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
  const able = {undo: past.length, redo: future.length, clear: painted, invert: W, smaller: W, larger: W, fit: W, pixels: W, mask: W};
  for (const name in able) root.querySelectorAll(`[data-do=${name}]`).forEach(b => { b.disabled = !able[name]; });
  const share = W ? 100 * painted / (W * H) : 0, one = pictures.get(at);
  $('.mp-name').textContent = one?.name || '';
  $('.mp-name').title = one?.name || '';
  $('.mp-dims').textContent = one ? `${one.width} × ${one.height}` : '';
  $('.mp-share').textContent = W ? `${noun} ${share && share < .1 ? '< 0.1' : share.toFixed(1)} %` : '';
  $('.mp-zoom').textContent = W ? `${Math.round(100 * view.s * W / one.width)} %` : '–';
}

function showRing(centre) {
  const d = Number(sizer.value), here = centre || pen || pointer, away = tool === 'erase' || pointer?.away;
  ring.hidden = !W || !here || space || mode || before || doing?.moves || (stage.dataset.side && !pen) || (!centre && !pen && !['brush', 'erase'].includes(tool));
  if (ring.hidden) return;
  ring.classList.toggle('mp-away', Boolean(away));
  ring.style.width = ring.style.height = `${d}px`;
  ring.style.transform = `translate(${here.x - d / 2}px, ${here.y - d / 2}px)`;
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

// ---- buttons and keys ----------------------------------------------------------------------------------
// the page's own buttons, with all that is painted told before
function press(id) {
  if (doing?.pen) stop('end');
  if (unsaid) flush();
  setTimeout(() => document.getElementById(id)?.click(), 30);
}

// what Ctrl+Enter presses, by the tab
function onward() {
  const room = document.querySelector('#house')?.dataset.room;
  return ['extend', 'compare'].includes(room) ? room : 'run';
}

function rerun() {
  if (busy) return say(BUSY);
  if (!spent || painted) return say(painted ? 'Ctrl+Enter fills what is painted.' : 'There is no fill to make again yet.');
  spent = {...spent, again: spent.again + 1};
  flush();
  press('run');
}

const actions = {
  open() { picker.value = ''; picker.click(); },
  camera: openCamera, shoot, cancel: closeCamera,
  undo: () => step(past, future), redo: () => step(future, past),
  clear: () => edit(() => replace(new Uint8Array(W * H))),
  invert: () => edit(() => replace(inverted(hole))),
  smaller: () => zoomTo(view.s / 1.4), larger: () => zoomTo(view.s * 1.4),
  fit() { fitted = true; place(); }, pixels: zoomToPixels,
  help: (open = $('.mp-help').hidden) => openHelp($('.mp-rail [data-do=help]'), $('.mp-help'), open),
  mask: (open = $('.mp-menu').hidden) => openHelp($('.mp-rail [data-do=mask]'), $('.mp-menu'), open),
  grow: () => grown(1), shrink: () => grown(-1),
  upload: () => document.querySelector('#mask-file')?.click(),
  save: saveMask, again: rerun, reopen, forget, unview: () => look(null),
};
const keys = {
  b: () => setTool('brush'), e: () => setTool('erase'), m: () => setTool('rectangle'), l: () => setTool('lasso'),
  '[': () => setSize(Math.floor(sizer.value / 1.15)), ']': () => setSize(Math.ceil(sizer.value * 1.15)),
  i: actions.invert, delete: actions.clear, backspace: actions.clear, r: rerun,
  '+': actions.larger, '=': actions.larger, '-': actions.smaller, '0': actions.fit, '1': zoomToPixels, '?': () => actions.help(),
  '\\': () => hold(true),
  escape() {
    if (busy && !doing) return press('stop');
    stop(); pen = null; showRing(); actions.help(false); actions.mask(false); closeCamera(); look(null); if (mode) setMode(mode);
  },
};
const arrows = {arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1]};
const ours = ['r', '\\', 'm'];               // not of a painter that is fixed
if (fixed) for (const key of ours.slice(0, 2)) delete keys[key];

function grown(sign) {
  const by = Number($('.mp-by').value);
  if (by > 0) { flush(); trigger('grown', {by: sign * by}); }
}

function saveMask() {
  const bits = painted ? hole : spent ? unpacked(spent.mask) : hole, link = document.createElement('a');
  link.href = png(bits, W, H);
  link.download = `${(pictures.get(at)?.name || 'photo').replace(/\.[^.]*$/, '')}-mask.png`;
  link.click();
}

function onKey(e) {
  const active = document.activeElement, free = !active || active === document.body || active === stage;
  if (e.type === 'keyup') {
    if (e.key === ' ') setSpace(false);
    if (e.key === '\\' && !fixed) hold(false);
    return;
  }
  if (e.defaultPrevented || typing(e.target) || !stage.clientWidth || (fixed ? !inUse() : !inUse(true))) return;
  const graph = e.getModifierState('AltGraph'), ctrl = (e.ctrlKey || e.metaKey) && !graph, key = e.key.toLowerCase();
  let act = null;
  if (ctrl) {
    act = {z: e.shiftKey ? actions.redo : actions.undo, y: actions.redo}[key];
    if (!fixed && !act) act = {enter: () => press(onward()), s: () => filmDo('download'), c: window.getSelection()?.toString() ? null : () => filmDo('copy')}[key];
    if (!fixed && act && key !== 'z' && key !== 'y' && !W) act = null;
  } else if (key === ' ' && free && W) act = () => setSpace(true);  // a focused button keeps its Space
  else if (active === stage && arrows[key] && W) act = () => movePen(...arrows[key], e.shiftKey);
  else if (active === stage && key === 'enter' && W) act = pressPen;
  else if (!e.altKey || graph) act = Object.hasOwn(keys, key) ? keys[key] : null;
  if (!act) return;
  e.preventDefault();
  if (!(e.repeat && [' ', '\\', 'enter', 'r'].includes(key))) act();
}

const filmDo = name => document.dispatchEvent(new CustomEvent('film:do', {detail: {do: name}}));

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
  if (button.dataset.tool) setTool(button.dataset.tool); else actions[button.dataset.do]?.();
  if (W && !['camera', 'mask', 'help'].includes(button.dataset.do)) backToStage(e);
});
root.querySelectorAll('input[type=range]').forEach(input => input.addEventListener('pointerup', backToStage));
sizer.addEventListener('input', () => setSize(sizer.value));
opacity.addEventListener('input', redraw);
picker.addEventListener('change', () => picker.files[0] && give(picker.files[0]));
picker.addEventListener('cancel', e => e.stopPropagation());
stage.addEventListener('pointerdown', onDown);
stage.addEventListener('pointermove', onMove);
stage.addEventListener('pointerup', onUp);
stage.addEventListener('pointercancel', onUp);
stage.addEventListener('pointerleave', () => { pointer = null; showRing(); });
stage.addEventListener('blur', () => { if (doing?.pen) stop('end'); pen = null; showRing(); });
stage.addEventListener('mousedown', e => { if (W && e.button === 1) e.preventDefault(); });    // no auto-scroll
stage.addEventListener('contextmenu', e => { if (W && !e.target.closest('.mp-over')) e.preventDefault(); });
stage.addEventListener('wheel', onWheel, {passive: false});
roving($('.mp-rail'));

onResize(stage, place);
life.signal.addEventListener('abort', closeCamera);
listen(document, ['keydown', 'keyup'], onKey);
listen(window, ['blur'], () => { setSpace(false); hold(false); });
// Python is told before anything else on the page is pressed
for (const name of ['pointerdown', 'keydown']) {
  document.addEventListener(name, e => {
    if (stage.contains(e.target)) return;
    if (doing?.pen) stop('end');
    if (unsaid) flush();
  }, {capture: true, signal: life.signal});
}

// ---- what only the stage does, not a painter that is fixed ---------------------------------------------------
const asked = {
  show: d => choose(d.number), again: rerun, reopen, before: d => hold(d.on), mode: d => setMode(d.mode), view: look, undo: actions.undo,
  tool: d => setTool(d.tool), forget, saved: () => { dirtyWork = false; }, mask: saveMask, tell: film, say: d => say(d.text, d.seconds),
};
if (!fixed) {
  listen(document, ['paste'], onPaste);
  listen(document, ['dragover', 'drop', 'dragleave'], onDrag);
  listen(document, ['stage:frame'], e => setFrame(e.detail));
  listen(document, ['stage:do'], e => asked[e.detail.do]?.(e.detail));
  listen(document, ['stage:busy'], e => {
    busy = e.detail.on;
    stage.classList.toggle('mp-busy', busy);
    if (!busy) { live(null); grow(false); }
  });
  listen(window, ['beforeunload'], onLeave);
  listen(window, ['pagehide'], () => { if (saving) saveNow().catch(() => 0); });
  restored = restore();
} else {
  delete keys.i;
  for (const button of root.querySelectorAll('[data-do=open], [data-do=invert], [data-do=mask]')) button.hidden = true;
  $('.mp-opening').hidden = true;
}
$('[data-do=camera]').hidden = fixed || !navigator.mediaDevices?.getUserMedia;
if (says) stage.setAttribute('aria-label', says);
setSize(root.dataset.size);
watch('value', () => take(props.value));
take(props.value);
