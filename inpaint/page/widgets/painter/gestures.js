// ---- gestures: each is {move, end, cancel} --------------------------------------------------------------------------
function onStage(e) {
  const box = stage.getBoundingClientRect();
  return {x: e.clientX - box.left, y: e.clientY - box.top};
}

// picture coordinates and scale from the canvas' place on the screen: right under any zoom or CSS transform
const perPixel = () => paper.canvas.getBoundingClientRect().width / W;

function onGrid(e) {
  const box = paper.canvas.getBoundingClientRect();
  return [(e.clientX - box.left) * W / box.width, (e.clientY - box.top) * H / box.height];
}

const adds = e => tool === 'erase' || e.shiftKey || e.button === 2 || e.button === 5 ? 0 : 1;   // 5: a pen's eraser

function brushing(e) {
  const before = hole.slice(), was = painted, on = adds(e), r = Math.max(sizer.value / 2 / perPixel(), .5);
  let last = onGrid(e);
  reach = null;
  line(last, last, r, on);
  return {
    move(e) {
      const events = e.getCoalescedEvents?.() || [];
      for (const c of events.length ? events : [e]) { const p = onGrid(c); line(last, p, r, on); last = p; }
    },
    end: () => commit(before),
    cancel() { hole = before; painted = was; redraw(); },
  };
}

function outlining(e) {
  const on = adds(e), shape = $('.mp-shape'), points = [onGrid(e)], box = tool === 'rectangle';
  const corners = () => {
    const [a, b] = [points[0], points[points.length - 1]];
    return box ? [a, [b[0], a[1]], b, [a[0], b[1]]] : points;
  };
  const hide = () => { shape.toggleAttribute('hidden', true); };
  return {
    move(e) {
      points.push(onGrid(e));
      const text = corners().map(p => `${p[0] * view.s + view.x},${p[1] * view.s + view.y}`).join(' ');
      shape.querySelectorAll('polygon').forEach(p => p.setAttribute('points', text));
      shape.toggleAttribute('hidden', false);
    },
    end() { hide(); const before = hole.slice(); reach = null; fill(corners(), on); commit(before); },
    cancel: hide,
  };
}

function panning(e) {
  let last = onStage(e);
  return {
    moves: true, end: soonDetail, cancel: soonDetail,
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
    moves: true, pinch: true, end: soonDetail, cancel: soonDetail,
    move() {
      const now = state();
      view.x += now.x - last.x; view.y += now.y - last.y;
      zoomTo(view.s * now.d / last.d, now.x, now.y);
      last = now;
    },
  };
}

// which side of the border that will be added lies under the pointer, "" for none
function sideAt(e) {
  if (!frame || busy) return '';
  const {x, y} = onStage(e), all = extent(), near = e.pointerType === 'touch' ? 22 : 10;
  const left = x - view.x + all.x * view.s, top = y - view.y + all.y * view.s;
  const to = {left, right: left - all.w * view.s, top, bottom: top - all.h * view.s};
  if (to.left < -near || to.right > near || to.top < -near || to.bottom > near) return '';
  return Object.keys(to).find(side => Math.abs(to[side]) < near) || '';
}

function framing(e, side) {
  const from = onStage(e), was = frame[side], across = side === 'left' || side === 'right', s = view.s * (across ? W : H);
  let part = was;
  const say = done => document.dispatchEvent(new CustomEvent('stage:framed', {detail: {side, part, done}}));
  return {
    moves: true, frames: true,
    move(e) {
      const now = onStage(e), by = across ? now.x - from.x : now.y - from.y;
      part = Math.max(0, was + (side === 'left' || side === 'top' ? -by : by) / s);
      say(false);
    },
    end: () => say(true), cancel() { part = was; say(true); },
  };
}

function begin(gesture, e) {
  doing = {...gesture, id: e.pointerId, since: e.timeStamp};
  if (e.pointerId !== undefined) capture(stage, e);
}

function stop(how = 'cancel') {
  const gesture = doing;
  doing = null;
  gesture?.[how]();
}

const painting = e => (['brush', 'erase'].includes(tool) ? brushing(e) : outlining(e));

function onDown(e) {
  if (!W || e.target.closest('.mp-over')) return;
  e.preventDefault();
  stage.focus({preventScroll: true});
  liftPen();
  if (e.pointerType === 'touch') fingers.set(e.pointerId, e);
  if (fingers.size === 2 && (!doing || fingers.has(doing.id))) {      // not under the hand that holds a pen
    stop(e.timeStamp - doing?.since > 600 ? 'end' : 'cancel');   // a long stroke is not an accident
    begin(pinching(), e);
  }
  if (doing || fingers.size > 1) return;
  const side = sideAt(e);
  if (e.button === 1 || space) begin(panning(e), e);
  else if (side && !e.button) begin(framing(e, side), e);
  else if (mode === 'from') askFrom(e);
  else if (busy) say(BUSY);
  else if ([0, 2, 5].includes(e.button)) { ghost(null); begin(painting(e), e); }
  onMove(e);
}

function onMove(e) {
  pointer = e.pointerType === 'touch' ? null : {...onStage(e), away: e.shiftKey || e.buttons & 34};
  if (fingers.has(e.pointerId)) fingers.set(e.pointerId, e);
  if (doing && (doing.pinch ? fingers.size > 1 : doing.id === e.pointerId) && e.type === 'pointermove') doing.move(e);
  else if (mode === 'from' && e.type === 'pointermove' && !doing) soonFrom(e);
  if (!doing) stage.dataset.side = sideAt(e);
  showRing();
}

function onUp(e) {
  fingers.delete(e.pointerId);
  if (doing && (doing.pinch || doing.id === e.pointerId)) stop('end');
}

// ---- the pen of those who paint by keys: arrows move it, Enter sets it down and lifts it -----------------------------
let pen = null;                             // {x, y} on the stage

function penEvent() {
  const box = stage.getBoundingClientRect();
  return {clientX: box.left + pen.x, clientY: box.top + pen.y, button: 0, shiftKey: false, timeStamp: performance.now()};
}

function movePen(dx, dy, fine) {
  if (!W) return;
  pen ||= {x: clamp(view.x + W * view.s / 2, 0, room[0]), y: clamp(view.y + H * view.s / 2, 0, room[1])};
  const by = fine ? 1 : Math.max(4, Math.round(sizer.value / 3));
  pen.x = clamp(pen.x + dx * by, 0, room[0]); pen.y = clamp(pen.y + dy * by, 0, room[1]);
  if (doing?.pen) doing.move(penEvent());
  if (mode === 'from') askFrom(penEvent());
  showRing(pen);
}

function pressPen() {
  if (!W) return;
  if (busy) return say(BUSY);
  movePen(0, 0);
  if (mode) return;
  if (doing?.pen) { stop('end'); say('Lifted.', 2); return showRing(pen); }
  if (doing) return;
  ghost(null);
  begin(painting(penEvent()), {timeStamp: performance.now()});
  doing.pen = true;
  say('Down: the arrow keys paint, Enter lifts.', 4);
}

function liftPen() {
  if (doing?.pen) stop('end');
  pen = null;
}

// ---- where a pixel was copied from: an arrow on the stage ----------------------------------------------------------------
let mode = '', tracing = 0, lastTrace = 0;

function setMode(name) {
  mode = mode === name ? '' : name;
  stage.dataset.mode = mode;
  hideArrow();
  if (mode === 'from') say('Point at a filled place: an arrow shows where it was copied from.', 5);
  document.dispatchEvent(new CustomEvent('stage:mode', {detail: {mode}}));
  showRing();
}

// a picture of the inside of the method, over the photo
function look(view) {
  const figure = $('.mp-view');
  figure.hidden = !view;
  if (!view) return;
  const image = figure.querySelector('img');
  image.src = view.src; image.alt = view.title;
  figure.classList.toggle('mp-strip', Boolean(view.wide));
  figure.querySelector('figcaption').textContent = view.wide ? `${view.title} – scroll sideways` : view.title;
  figure.querySelector('.mp-film').setAttribute('aria-label', view.title);
  figure.querySelector('button').focus();
}

function hideArrow() { $('.mp-arrow').toggleAttribute('hidden', true); }

function soonFrom(e) {
  const now = performance.now();
  if (now - lastTrace > 90) { lastTrace = now; askFrom(e); }
}

async function askFrom(e) {
  const one = pictures.get(at);
  if (!one?.base || !server?.origin) return;
  const [x, y] = onGrid(e), mine = ++tracing, k = one.width / W;
  const found = await server.origin({token: TOKEN, number: at, x: Math.floor(x * k), y: Math.floor(y * k)});
  if (mine !== tracing || mode !== 'from') return;
  const arrow = $('.mp-arrow');
  arrow.toggleAttribute('hidden', !found?.to);
  if (!found?.to) { if (found?.said) say(found.said, 3); return; }
  const place = ([x, y]) => [x / k * view.s + view.x, y / k * view.s + view.y];
  const [ax, ay] = place(found.from), [bx, by] = place(found.to), side = Math.max(8, found.side / k * view.s);
  const [a, b] = arrow.querySelectorAll('rect');
  for (const [box, cx, cy, d] of [[a, ax, ay, side], [b, bx, by, 8]]) {
    for (const [name, value] of Object.entries({x: cx - d / 2, y: cy - d / 2, width: d, height: d})) box.setAttribute(name, value);
  }
  for (const rod of arrow.querySelectorAll('line')) for (const [name, value] of Object.entries({x1: ax, y1: ay, x2: bx, y2: by})) rod.setAttribute(name, value);
  stage.dataset.from = `${found.from}`;
}
