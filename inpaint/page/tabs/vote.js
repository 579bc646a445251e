// A vote by a click on a picture, or by a key: both press the button that says the same, if it may be pressed.
//
// A press that is held, or that moves, belongs to the viewer: it shows the hole, or pans.
const HOLD = 220, SLIP = 5;                 // ms and px, as in the viewer
const keys = {1: 'a', 2: 'b', 0: 'tie'};
const life = new AbortController();
let down = null;

function vote(choice) {
  const button = document.querySelector(`#vote-${choice}`);
  if (!button || button.disabled || !button.offsetParent) return false;
  button.click();
  return true;
}

function frameOf(e) {
  return e.target.closest?.('#vote-viewer .vw-frame');
}

function onClick(e) {
  const frame = frameOf(e);
  if (!frame || e.detail > 1 || !down || e.timeStamp - down.timeStamp > HOLD) return;
  if (Math.hypot(e.clientX - down.clientX, e.clientY - down.clientY) > SLIP) return;
  vote('ab'[[...document.querySelectorAll('#vote-viewer .vw-frame')].indexOf(frame)]);
}

function onKey(e) {
  if (e.repeat || e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.('input, textarea, select')) return;
  if (Object.hasOwn(keys, e.key) && vote(keys[e.key])) {
    e.preventDefault();
    e.stopPropagation();
  }
}

const acts = {
  pointerdown: e => { down = frameOf(e) ? e : null; },
  click: onClick,
  dblclick: e => { if (frameOf(e)) e.stopPropagation(); },      // the first click was a vote: nothing is enlarged
  keydown: onKey,
};
for (const [name, act] of Object.entries(acts)) {
  document.addEventListener(name, e => element.isConnected ? act(e) : life.abort(), {capture: true, signal: life.signal});
}
