// The viewer: what Python sends, the layout, zoom, gestures, keys.
//
// Places are relative to the picture, 0..1. What is shown of it is written once, as CSS variables of the root, so
// cells of any size show the same region.
const bar = $('.vw-bar'), grid = $('.vw-grid'), chooser = $('select'), slider = $('.vw-wipe'), help = $('.vw-help');
const SAFE = /^(gradio_api\/file=|data:image\/)/;
const HOLD = 220, SLIP = 5;                 // ms until a press shows the reference; px it may move meanwhile
const CRISP = 3, CLOSEST = 40;              // screen pixels per picture pixel: squares from here on; no closer
const GAP = 14;                             // between columns, as in the style sheet
const NARROW = 860;                         // px: a window where all stands below each other, as in page.css
const safe = src => SAFE.test(src) ? src : '';

let key = null, ratio = 0, against = '';    // against: what was chosen, also while it is not to be had
let view = {x: 0, y: 0, s: 1};              // left and top edge in frame widths and heights; s: 1 = whole pictures
let doing = null;                           // the gesture under way
const cells = new Map(), fingers = new Map();
let choices = new Map();                    // what can be compared with: id -> {title, src}

// ---- from Python ---------------------------------------------------------------------------------------
function take(value) {
  const fresh = value && value.key !== key;
  if (!value || fresh) reset();
  key = value ? value.key : null;
  const tiles = value?.tiles || [], times = new Map(), ids = [];
  for (const tile of tiles) {
    const time = (times.get(tile.title) || 0) + 1, id = `cell ${time} ${tile.title}`;
    times.set(tile.title, time);
    ids.push(id);
    if (!cells.has(id)) cells.set(id, makeCell(id));
    update(cells.get(id), tile);
  }
  for (const [id, cell] of cells) if (!ids.includes(id)) { cell.node.remove(); cells.delete(id); }
  ids.forEach((id, k) => {                  // only what is out of place moves: moving takes the focus away
    const node = cells.get(id).node;
    if (grid.children[k] !== node) grid.insertBefore(node, grid.children[k] || null);
  });
  offer(value?.references || []);
  tell(tiles);
  arrange();
  if (fresh && root.dataset.calls && innerWidth <= NARROW) root.scrollIntoView({behavior: 'smooth'});
}

function reset() {
  stop();
  fingers.clear();
  cells.clear();
  grid.replaceChildren();
  ratio = 0; against = ''; view = {x: 0, y: 0, s: 1};
  setWipe(0);
  peek(false);
}

function offer(references) {
  const fixed = references.map(([title, src]) => [`reference ${title}`, {title, src: safe(src)}]);
  const done = [...cells.values()].filter(({tile}) => tile.state === 'done' && !tile.map)
    .map(({id, tile}) => [id, {title: tile.title, src: safe(tile.src)}]);
  const groups = [['References', fixed], ['Cells', done]]
    .map(([label, all]) => [label, all.filter(([, choice]) => choice.src)]).filter(([, all]) => all.length);
  const ids = groups.flatMap(([, all]) => all.map(([id]) => id));
  if (ids.join('\n') !== [...choices.keys()].join('\n')) {       // an open list would close
    chooser.replaceChildren(...groups.map(([label, all]) => {
      const group = document.createElement('optgroup');
      group.label = label;
      group.append(...all.map(([id, {title}]) => new Option(title, id)));
      return group;
    }));
  }
  choices = new Map(groups.flatMap(([, all]) => all));
  chooser.disabled = slider.disabled = !choices.size;
  compare();
}

function compare() {
  chooser.value = choices.has(against) ? against : choices.keys().next().value || '';
  root.classList.toggle('vw-given', chooser.value.startsWith('reference '));
  const {title = '', src = ''} = choices.get(chooser.value) || {};
  for (const cell of cells.values()) {
    cell.part('.vw-tag').textContent = title;
    show(cell.reference, cell.id === chooser.value ? '' : src);
    dress(cell);
  }
}

let announced = '';

function tell(tiles) {
  const fills = tiles.filter(tile => !tile.map), count = state => fills.filter(tile => tile.state === state).length;
  const said = [`${count('done')} of ${fills.length} done`];
  for (const state of ['failed', 'stopped']) if (count(state)) said.push(`${count(state)} ${state}`);
  const text = tiles.length ? said.join(', ') : '';
  if (announced !== text) $('.vw-said').textContent = announced = text;         // said once, not twice a second
  bar.hidden = !tiles.length;
  $('.vw-hint').hidden = tiles.length > 0 || !root.dataset.hint;
}

// ---- layout, zoom and pan ------------------------------------------------------------------------------
// as few rows as readable pictures allow, at most four columns, and no row much shorter than the others
function arrange() {
  const n = cells.size, width = grid.clientWidth;
  if (!n || !width) return;
  const least = (width < 560 ? 150 : 280) * Math.sqrt(ratio || 1.5);
  const most = clamp(Math.floor((width + GAP) / (least + GAP)), 1, Math.min(4, n));
  const columns = Math.ceil(n / Math.ceil(n / most));
  root.style.setProperty('--vw-columns', columns);
  root.style.setProperty('--vw-ratio', ratio || 1.5);
  root.classList.toggle('vw-single', columns === 1);
  place();
}

function place() {
  view.x = clamp(view.x, 1 - view.s, 0);
  view.y = clamp(view.y, 1 - view.s, 0);
  for (const name in view) root.style.setProperty(`--vw-${name}`, view[name]);
  root.classList.toggle('vw-zoomed', view.s > 1);
  for (const {frame, picture: {image}} of cells.values()) {
    frame.classList.toggle('vw-crisp', image && frame.clientWidth * view.s >= CRISP * image.naturalWidth);
  }
  $('.vw-zoom').textContent = `${view.s.toFixed(view.s < 9.95 ? 1 : 0)}×`;
  $('[data-do=smaller]').disabled = $('[data-do=fit]').disabled = view.s === 1;
  $('[data-do=larger]').disabled = view.s >= closest();
}

function closest() {
  const drawn = [...cells.values()].filter(({picture, frame}) => picture.image && frame.clientWidth);
  return Math.max(1, ...drawn.map(({picture, frame}) => CLOSEST * picture.image.naturalWidth / frame.clientWidth));
}

// u, v: the place in the frame that stays where it is
function zoomTo(s, u = .5, v = .5) {
  s = clamp(s, 1, closest());
  if (s < 1.01) s = 1;
  view = {s, x: u - (u - view.x) * s / view.s, y: v - (v - view.y) * s / view.s};
  place();
}

function pan(dx, dy) {
  view.x += dx; view.y += dy;
  place();
}

function setWipe(percent) {
  const value = Math.round(clamp(percent, 0, 100));
  slider.value = value;
  $('.vw-slider output').textContent = value ? `${value} %` : 'off';
  root.style.setProperty('--vw-wipe', `${clamp(percent, 0, 100)}%`);
  root.classList.toggle('vw-wiping', value > 0);
}

function peek(on) {
  root.classList.toggle('vw-peek', on);
}

// the cell at full width, or back again; null: back in any case
function enlarge(cell) {
  const large = cell?.node.classList.contains('vw-large') ? null : cell;
  for (const each of cells.values()) {
    each.node.classList.toggle('vw-large', each === large);
    dress(each);
  }
  place();
  (large || cell)?.node.scrollIntoView({block: 'nearest'});
}

// ---- gestures: each is {move, end} ---------------------------------------------------------------------
function within(frame, e) {
  const box = frame.getBoundingClientRect();
  return {u: (e.clientX - box.left) / box.width, v: (e.clientY - box.top) / box.height, width: box.width};
}

function onEdge({node, frame, reference}, e) {
  if (!root.classList.contains('vw-wiping') || node.classList.contains('vw-map') || !reference.image) return false;
  const {u, width} = within(frame, e);
  return Math.abs(u - slider.value / 100) * width < (e.pointerType === 'touch' ? 22 : 9);
}

function pressing({frame}, e) {
  const held = setTimeout(() => frame.classList.add('vw-held'), HOLD);
  const end = () => { clearTimeout(held); frame.classList.remove('vw-held'); };
  return {
    end,
    move(now) {
      if (Math.hypot(now.clientX - e.clientX, now.clientY - e.clientY) <= SLIP) return;
      end();
      if (view.s > 1) Object.assign(doing, panning(frame, e));
    },
  };
}

function panning(frame, e) {
  let last = within(frame, e);
  return {
    end() {},
    move(e) { const now = within(frame, e); pan(now.u - last.u, now.v - last.v); last = now; },
  };
}

function wiping(frame) {
  return {end() {}, move: e => setWipe(100 * within(frame, e).u)};
}

function pinching(frame) {
  const state = () => {
    const [a, b] = [...fingers.values()];
    const at = within(frame, {clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2});
    return {...at, d: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1};
  };
  let last = state();
  return {
    pinch: true, end() {},
    move() {
      const now = state();
      view.x += now.u - last.u; view.y += now.v - last.v;
      zoomTo(view.s * now.d / last.d, now.u, now.v);
      last = now;
    },
  };
}

function stop() {
  doing?.end();
  doing = null;
}

function onDown(e) {
  const cell = cellOf(e), frame = cell?.frame;
  if (e.button || !frame?.contains(e.target) || !cell.picture.image) return;
  fingers.set(e.pointerId, e);
  if (fingers.size === 1) doing = onEdge(cell, e) ? wiping(frame) : pressing(cell, e);
  else if (fingers.size === 2) { stop(); doing = pinching(frame); }
  capture(frame, e);
}

function onMove(e) {
  const cell = cellOf(e), frame = cell?.picture.image && cell.frame.contains(e.target) ? cell.frame : null;
  point(frame, e);
  frame?.classList.toggle('vw-edge', onEdge(cell, e));
  if (!fingers.has(e.pointerId)) return;
  fingers.set(e.pointerId, e);
  doing?.move(e);
}

// the same place in all other cells
function point(frame, e) {
  const {u, v} = frame ? within(frame, e) : {u: -1, v: -1}, inside = u >= 0 && u <= 1 && v >= 0 && v <= 1;
  root.classList.toggle('vw-pointing', inside);
  if (!inside) return;
  root.style.setProperty('--vw-u', u);
  root.style.setProperty('--vw-v', v);
  for (const each of cells.values()) each.frame.classList.toggle('vw-here', each.frame === frame);
}

function onUp(e) {
  if (e.pointerType === 'touch') point(null);
  if (fingers.delete(e.pointerId)) stop();
}

function onWheel(e) {
  const cell = cellOf(e);
  if (!(e.ctrlKey || e.metaKey) || !cell?.picture.image) return;        // the page scrolls
  if (!cell.frame.contains(e.target)) return;
  e.preventDefault();
  const {u, v} = within(cell.frame, e);
  if (!doing) zoomTo(view.s * Math.exp(-turned(e) * .006), u, v);
}

// ---- buttons and keys ----------------------------------------------------------------------------------
const actions = {
  smaller: () => zoomTo(view.s / 1.4), larger: () => zoomTo(view.s * 1.4), fit: () => zoomTo(1),
  enlarge: e => enlarge(cellOf(e)),
  use: e => trigger('used', {number: cellOf(e).tile.number}), take: e => download(cellOf(e).tile),
  help: (e, open = help.hidden) => openHelp($('.vw-ask'), help, open),
};
async function download({number}) {
  const got = await server.saved({token: sessionStorage.getItem('inpaint-token') || '', number, format: 'PNG'});
  if (!got?.url) { $('.vw-said').textContent = announced = got?.said || 'The picture could not be written.'; return; }
  const link = document.createElement('a');
  link.href = got.url; link.download = got.name;
  link.click();
}

const arrows = {arrowleft: [.1, 0], arrowright: [-.1, 0], arrowup: [0, .1], arrowdown: [0, -.1]};
const keys = {
  '+': actions.larger, '=': actions.larger, '-': actions.smaller, '0': actions.fit, '?': actions.help,
  b: () => peek(true),
  escape: e => help.hidden ? enlarge(null) : actions.help(e, false),
};

function onKey(e) {
  const key = e.key.toLowerCase(), active = document.activeElement, onFrame = active?.matches('.vw-frame');
  if (e.type === 'keyup') { if (key === 'b') peek(false); return; }
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || !grid.clientWidth) return;
  if (!cells.size || !inUse()) return;
  let act = Object.hasOwn(keys, key) ? keys[key] : null;
  if (onFrame && key === 'enter') act = actions.enlarge;
  if (onFrame && arrows[key] && view.s > 1) act = () => pan(...arrows[key]);
  if (!act) return;
  e.preventDefault();
  act(e);
}

root.addEventListener('click', e => actions[e.target.closest('button')?.dataset.do]?.(e));
grid.addEventListener('dblclick', e => { if (e.target.closest('.vw-frame')) actions.enlarge(e); });
grid.addEventListener('pointerdown', onDown);
grid.addEventListener('pointermove', onMove);
grid.addEventListener('pointerup', onUp);
grid.addEventListener('pointercancel', onUp);
grid.addEventListener('pointerleave', () => point(null));
grid.addEventListener('wheel', onWheel, {passive: false});
grid.addEventListener('touchmove', e => { if (e.touches.length > 1) e.preventDefault(); }, {passive: false});
grid.addEventListener('contextmenu', e => { if (fingers.size) e.preventDefault(); });      // of a finger that holds
slider.addEventListener('input', () => setWipe(Number(slider.value)));
chooser.addEventListener('change', () => { against = chooser.value; compare(); });

onResize(grid, arrange);
listen(document, ['keydown', 'keyup'], onKey);
listen(window, ['blur'], () => peek(false));

$('.vw-hint').textContent = root.dataset.hint;
watch('value', () => take(props.value));
take(props.value);
