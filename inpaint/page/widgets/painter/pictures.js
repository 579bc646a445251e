// ---- pictures: photos that were opened, and fills of them --------------------------------------------------
//
// A fill is a patch on another picture, its `base`. A scene is what the stage shows: a picture by its number, the
// hole that is painted on it, and, after a fill, the hole that was `spent` on it. Going from one to another is one
// step of undo.
const pictures = new Map();                 // number → {number, base, name, width, height, image | patch, at, mask, …}
let at = 0, spent = null;                   // spent: {number: what was filled, mask: packed, again}
let before = false;                         // whether the photo as it was is shown, for a while

const rootOf = number => {
  let one = pictures.get(number);
  while (one?.base && pictures.has(one.base)) one = pictures.get(one.base);
  return one;
};
// what a picture was made of, though it has another size: an extended photo, a blend
const familyOf = number => {
  let one = rootOf(number);
  while (one?.of && pictures.has(one.of)) one = rootOf(one.of);
  return one;
};
const chain = number => {
  const all = [];
  for (let one = pictures.get(number); one; one = pictures.get(one.base)) all.unshift(one);
  return all;
};
const scene = () => ({at, hole: packed(), spent});

// draws a picture of the preview's size, or thumbnail's
function compose(g, number, w, h) {
  for (const one of chain(number)) {
    if (one.image) g.drawImage(one.image, 0, 0, w, h);
    else if (one.patch) g.drawImage(one.patch, one.at[0] * w, one.at[1] * h, one.at[2] * w, one.at[3] * h);
  }
}

function draw() {
  const number = before ? rootOf(at)?.number : at;
  compose(paper, number, paper.canvas.width, paper.canvas.height);
  wantDetail(number);
}

function go(to, says = true) {
  const one = pictures.get(to.at), root = rootOf(to.at);
  if (!one) { say('That picture is not kept any more.'); return false; }
  stop();
  const same = at && rootOf(at) === root;
  at = to.at; spent = to.spent;
  if (!same) lay(root);
  hole = unpacked(to.hole);
  painted = to.hole ? counted(hole) : 0;
  live(null); draw(); redraw(); ghost(null);
  if (says) emit(); else film();
  if (one.base) keepsake(one.number);
  return true;
}

function jump(to, from = scene()) {
  if (!go(to)) return;
  if (from.at) remember({from, to});
  tell();
}

// the stage takes a photo's shape
function lay(root) {
  [W, H] = root ? gridOf(root.width, root.height) : [0, 0];
  const canvas = paper.canvas, {naturalWidth: w = 0, naturalHeight: h = 0} = root?.image || {};
  const scale = Math.min(1, PREVIEW / Math.max(w, h, 1));
  canvas.width = Math.max(1, Math.round(w * scale)); canvas.height = Math.max(1, Math.round(h * scale));
  canvas.style.width = `${W}px`; canvas.style.height = `${H}px`;
  hole = new Uint8Array(W * H); painted = 0;
  stage.style.setProperty('--mp-ratio', W ? `${W} / ${H}` : '');
  stage.classList.toggle('mp-full', W > 0);
  pair.hidden = !W; $('.mp-hint').hidden = fixed || W > 0;
  fitted = true;
  wantDetail(0);
  place();
}

// ---- what Python tells -----------------------------------------------------------------------------------------
// a picture comes on the stage; where the same photo was shown from its file meanwhile, what was painted stays
function opened(v, image, holes) {
  const waiting = at === PENDING ? pictures.get(PENDING) : null, left = waiting ? waiting.from : at ? scene() : null;
  v.number ||= 1;                           // of a painter that is fixed
  const one = {number: v.number, base: 0, name: v.name, width: v.width, height: v.height, image, url: v.image,
    example: v.example || '', of: v.of || 0, title: v.title || ''};
  const painting = !holes && waiting?.width === v.width && waiting.height === v.height ? packed() : null;
  const strokes = painting ? past : [];
  if (waiting) past = waiting.past;
  if (files.has(PENDING) && !v.example) files.set(v.number, files.get(PENDING));
  files.delete(PENDING); pictures.delete(PENDING);
  if (fixed) pictures.clear();
  pictures.set(v.number, one);
  at = 0;
  go({at: v.number, hole: null, spent: null}, false);
  if (holes && !v.fill) replace(bitsOf(holes));
  if (fixed || !left) { past = []; future = []; } else remember({from: left, to: scene()});
  if (painting) { past = [...past, ...strokes].slice(-UNDO); replace(unpacked(painting)); }
  if (v.fill) filled(v.fill).then(() => holes && edit(() => replace(bitsOf(holes))));     // painted on the fill
  emit();
}

// a photo is seen, and can be painted on, while it is on its way to the server; what it takes the place of waits
function pend(file, image) {
  const {from, past: former} = pictures.get(PENDING) || {from: at ? scene() : null, past};
  pictures.set(PENDING, {number: PENDING, base: 0, name: file.name, width: image.naturalWidth, height: image.naturalHeight, image, from, past: former});
  past = []; future = [];
  at = 0;
  go({at: PENDING, hole: null, spent: null}, false);
}

// the photo could not be opened: what was there before is there again
function dropPending() {
  const waiting = pictures.get(PENDING);
  pictures.delete(PENDING); files.delete(PENDING);
  if (at !== PENDING) return;
  at = 0;
  past = waiting.past; future = [];
  if (waiting.from) go(waiting.from); else { lay(null); emit(); }
}

async function filled(v) {
  const [patch, holes] = await Promise.all([decode(v.patch), decode(v.mask)]);
  const base = pictures.get(v.base);
  live(null);
  if (!base) return;
  const mine = rootOf(v.base) === rootOf(at);
  const from = scene();
  if (!mine) { at = 0; go({at: v.base, hole: null, spent: null}, false); }
  const bits = bitsOf(holes), kept = [hole, painted];
  hole = bits; painted = 1;
  const mask = packed();
  [hole, painted] = kept;
  const again = from.spent && from.spent.number === v.base && !from.hole ? from.spent.again : 0;
  const {views, traced, edged, title, share, seconds} = v;
  pictures.set(v.number, {number: v.number, base: v.base, name: base.name, width: base.width, height: base.height,
    patch, url: v.patch, at: v.at, mask, again, views, traced, edged, title, share, seconds, taken: false});
  if (v.show === false) return film();
  jump({at: v.number, hole: null, spent: {number: v.base, mask, again}}, from.hole || from.at !== v.base ? from
    : {at: v.base, hole: mask, spent: null});
  ghost(bits);
  dirtyWork = true;
}

// ---- a fill on its way ---------------------------------------------------------------------------------------------
let frames = 0;

// while a fill grows the hole is an outline alone
function grow(on) {
  if (on === stage.classList.contains('mp-growing')) return;
  stage.classList.toggle('mp-growing', on);
  redraw();
}

async function live(v) {
  const image = $('.mp-live'), mine = ++frames;
  if (!v) { image.hidden = true; image.removeAttribute('src'); return; }
  try {
    const next = await decode(v.patch);
    if (mine !== frames || !W) return;
    image.src = next.src;
    const [x, y, w, h] = v.at;
    Object.assign(image.style, {left: `${x * W}px`, top: `${y * H}px`, width: `${w * W}px`, height: `${h * H}px`});
    image.hidden = false;
    grow(true);
  } catch { /* the next one comes soon */ }
}

// the outline of the hole that was filled, which fades
let fading = 0;

function ghost(bits) {
  const canvas = shade.canvas;
  clearTimeout(fading);
  canvas.classList.remove('mp-fade');
  grow(false);
  shade.clearRect(0, 0, canvas.width, canvas.height);
  if (!bits || !room[0]) return;
  paintOver(shade, bits, 0);
  requestAnimationFrame(() => requestAnimationFrame(() => canvas.classList.add('mp-fade')));
  fading = setTimeout(ghost, 4000, null);
}

// ---- hold to see before ----------------------------------------------------------------------------------------------
function hold(on) {
  if (on === before || !W || (on && !pictures.get(at)?.base)) return;
  before = on;
  stage.classList.toggle('mp-before', on);
  draw();
}

// ---- the film strip: what there is to go back to, drawn by the widget `film` ------------------------------------------
const SMALL = 132;                          // longest side of a thumbnail, in pixels

function thumbnail(one) {
  if (one.thumb) return one.thumb;
  const root = rootOf(one.number);
  const scale = SMALL / Math.max(root.width, root.height), sheet = document.createElement('canvas');
  sheet.width = Math.max(1, Math.round(root.width * scale)); sheet.height = Math.max(1, Math.round(root.height * scale));
  compose(sheet.getContext('2d'), one.number, sheet.width, sheet.height);
  one.thumb = sheet;
  return sheet;
}

function film() {
  if (fixed) return;
  const family = familyOf(at);
  const all = [...pictures.values()].filter(one => one.number !== PENDING && familyOf(one.number) === family);
  const entries = all.map(one => ({number: one.number, thumb: thumbnail(one), title: one.base || one.of ? one.title : 'Original',
    share: one.share, seconds: one.seconds}));
  const one = pictures.get(at);
  document.dispatchEvent(new CustomEvent('stage:film', {detail: {entries, at, filled: Boolean(one?.base),
    width: one?.width || 0, height: one?.height || 0,
    again: Boolean(spent), there: W > 0 && at !== PENDING, painted: painted > 0, views: one?.views || [], traced: Boolean(one?.traced),
    edged: Boolean(one?.edged)}}));
  save();
}

function choose(number) {
  const one = pictures.get(number);
  if (!one || number === at) return;
  if (busy) return say(BUSY);
  jump({at: number, hole: null, spent: one.base ? {number: one.base, mask: one.mask, again: one.again} : null});
  if (one.mask) ghost(unpacked(one.mask));
  trigger('chosen', {number});
}

// the hole of the fill that is shown, to be painted further
function reopen() {
  if (spent && !painted) jump({at: spent.number, hole: spent.mask, spent: null});
}
