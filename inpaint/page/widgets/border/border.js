// The border that will be added: how wide it is, as `inpaint.lab.extend` has it, drawn by the stage.
const house = document.querySelector('#house');
const SIDES = ['left', 'right', 'top', 'bottom'];
let shape = JSON.parse(root.dataset.shape), photo = null;

// in pixels of the photo: {left, right, top, bottom}, or null where nothing is added
function sides() {
  const {width: w, height: h} = photo, {ratio, anchor, shares} = shape;
  const part = k => Math.round((Number(shares[k]) || 0) / 100 * (k < 2 ? w : h));
  if (ratio === 'free') return {left: part(0), right: part(1), top: part(2), bottom: part(3)};
  const [a, b] = ratio.split(':').map(Number), dx = Math.max(0, Math.round(h * a / b) - w), dy = Math.max(0, Math.round(w * b / a) - h);
  const first = (all, [near, far]) => anchor === near ? 0 : anchor === far ? all : Math.floor(all / 2);
  const left = first(dx, ['left', 'right']), top = first(dy, ['top', 'bottom']);
  return {left, right: dx - left, top, bottom: dy - top};
}

// a side is drawn out by hand: from now on each goes its own way
function draw({side, part, done}) {
  const {width: w, height: h} = photo, added = sides();
  const shares = SIDES.map((name, k) => clamp(Math.round(100 * (name === side ? part : added[name] / (k < 2 ? w : h))), 0, 100));
  shape = {...shape, ratio: 'free', shares};
  show();
  if (!done) return;
  props.value = {shares};
  trigger('drawn');
}

function show() {
  const here = house?.dataset.room === 'extend' && photo?.width > 0, added = here && sides();
  const {width: w, height: h} = photo || {}, any = added && Object.values(added).some(n => n > 0);
  const detail = here ? {left: added.left / w, right: added.right / w, top: added.top / h, bottom: added.bottom / h} : null;
  document.dispatchEvent(new CustomEvent('stage:frame', {detail}));
  if (!here) return;
  $('.bo-said').textContent = any ? `${w} × ${h} → ${w + added.left + added.right} × ${h + added.top + added.bottom}`
    : shape.ratio === 'free' ? 'Drag a side of the frame, or say how much to add.' : `The photo is ${shape.ratio} already.`;
}

listen(document, ['border:shape'], e => { shape = e.detail; show(); });
listen(document, ['stage:framed'], e => { if (photo?.width > 0) draw(e.detail); });
listen(document, ['stage:film'], e => {
  const {width, height} = e.detail;
  if (width === photo?.width && height === photo?.height) return;
  photo = {width, height};
  show();
});
document.dispatchEvent(new CustomEvent('stage:do', {detail: {do: 'tell'}}));
if (house) {
  const rooms = new MutationObserver(alive(show));
  rooms.observe(house, {attributeFilter: ['data-room']});
  life.signal.addEventListener('abort', () => rooms.disconnect());
}
