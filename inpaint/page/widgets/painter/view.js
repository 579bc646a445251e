// ---- zoom and pan, and the photo's own pixels where the preview has too few -----------------------------------------
let frame = null;                           // the border to be added, beyond the photo: {left, top, right, bottom} in parts of its sides

// what has to be seen, in pixels of the grid: the photo, and the frame around it
function extent() {
  const {left = 0, top = 0, right = 0, bottom = 0} = frame || {};
  return {x: left * W, y: top * H, w: (1 + left + right) * W, h: (1 + top + bottom) * H};
}

const fitScale = () => {
  const {w, h} = extent();
  return Math.max(Math.min((room[0] - 16) / w, (room[1] - 16) / h), .001);
};
const closest = () => Math.max(40, 2 * fitScale());
const density = () => Math.min(devicePixelRatio || 1, 2);
const snap = v => Math.round(v * devicePixelRatio) / devicePixelRatio;

function place() {
  const [w, h] = [stage.clientWidth, stage.clientHeight];
  if (!w || !h) return;
  if (room[0] && !fitted) { view.x += (w - room[0]) / 2; view.y += (h - room[1]) / 2; }
  if (w !== room[0] || h !== room[1]) for (const g of [ink, shade]) {
    g.canvas.width = Math.round(w * density()); g.canvas.height = Math.round(h * density());
  }
  room = [w, h];
  if (!W) { ink.clearRect(0, 0, ink.canvas.width, ink.canvas.height); return tell(); }
  const still = doing?.frames;              // what is drawn out stays under the hand
  if (fitted && !still) view.s = fitScale();
  const inside = (v, size, all) => size <= all ? (all - size) / 2 : clamp(v, all - size - 40, 40);
  const all = extent(), x = all.x * view.s, y = all.y * view.s;
  if (!still) { view.x = snap(inside(view.x - x, all.w * view.s, w) + x); view.y = snap(inside(view.y - y, all.h * view.s, h) + y); }
  drawFrame(all);
  pair.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.s})`;
  pair.style.setProperty('--mp-unit', 1 / view.s);
  pair.classList.toggle('mp-crisp', view.s * W / paper.canvas.width >= 3);
  ghost(null);
  redraw();
  soonDetail();
}

function drawFrame({x, y, w, h}) {
  const box = $('.mp-frame');
  box.hidden = !frame;
  Object.assign(box.style, {left: `${-x}px`, top: `${-y}px`, width: `${w}px`, height: `${h}px`});
}

// null: there is none
function setFrame(sides) {
  if (!sides && !frame) return;
  frame = sides;
  fitted = true;
  place();
}

function zoomTo(s, x = room[0] / 2, y = room[1] / 2) {
  if (!W) return;
  s = clamp(s, Math.min(fitScale() / 2, 1), closest());
  fitted = Math.abs(s / fitScale() - 1) < .01;
  view = {s, x: x - (x - view.x) * s / view.s, y: y - (y - view.y) * s / view.s};
  place();
}

// one pixel of the photo for one of the screen
const zoomToPixels = () => W && zoomTo(pictures.get(at).width / W / devicePixelRatio);

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

// ---- detail: the region in sight at full size, over the preview ------------------------------------------------------
const detail = $('.mp-detail');
let region = null, asking = 0, waiting = 0;      // region: what the detail shows, {number, x, y, w, h}

function wantDetail(number) {
  if (region && region.number !== number) dropDetail();
  soonDetail();
}

function dropDetail() {
  asking++;
  region = null;
  detail.hidden = true;
}

function soonDetail() {
  clearTimeout(waiting);
  if (!fixed) waiting = setTimeout(askDetail, 120);
}

async function askDetail() {
  const number = before ? rootOf(at)?.number : at, one = pictures.get(number);
  if (!one || number === PENDING || doing?.moves || !server?.region) return;
  const perPhoto = W / one.width;
  if (view.s * devicePixelRatio * W / paper.canvas.width <= 1.02) return dropDetail();   // the preview has enough
  const x0 = clamp(Math.floor(-view.x / view.s / perPhoto), 0, one.width), y0 = clamp(Math.floor(-view.y / view.s / perPhoto), 0, one.height);
  const x1 = clamp(Math.ceil((room[0] - view.x) / view.s / perPhoto), 0, one.width);
  const y1 = clamp(Math.ceil((room[1] - view.y) / view.s / perPhoto), 0, one.height);
  if (x1 <= x0 || y1 <= y0) return;
  if (region && region.number === number && region.whole && region.x <= x0 && region.y <= y0 && region.x + region.w >= x1 && region.y + region.h >= y1) return;
  const mine = ++asking;
  try {
    const got = await server.region({token: TOKEN, number, x: x0, y: y0, w: x1 - x0, h: y1 - y0, side: Math.ceil(Math.max(...room) * devicePixelRatio)});
    if (mine !== asking || !got?.url) return;
    const image = await decode(got.url);
    if (mine !== asking) return;
    detail.src = image.src;
    Object.assign(detail.style, {left: `${x0 * perPhoto}px`, top: `${y0 * perPhoto}px`,
      width: `${(x1 - x0) * perPhoto}px`, height: `${(y1 - y0) * perPhoto}px`});
    detail.hidden = false;
    detail.classList.toggle('mp-crisp', view.s * devicePixelRatio * perPhoto >= 2);
    region = {number, x: x0, y: y0, w: x1 - x0, h: y1 - y0, whole: got.whole};
    stage.dataset.detail = `${number} ${x0} ${y0} ${x1 - x0} ${y1 - y0}`;
  } catch (error) { console.warn(error); }
}
