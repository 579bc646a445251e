// In front of every widget's own scripts, which together are the body of a function that Gradio calls once per mount
// with (element, trigger, props, server, upload, watch).
const root = element.querySelector('.wg');
const $ = selector => root.querySelector(selector);
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

const typing = node => Boolean(node?.closest?.('textarea, select, [contenteditable=true], ' +
  'input:not([type=range], [type=checkbox], [type=radio], [type=button], [type=submit], [type=file])'));

// with several on the page, the one in use gets the keys, else the one under the pointer, else the main one
function inUse(main = false) {
  const widget = document.activeElement?.closest('.mp, .vw');
  if (widget) return widget === root;
  const under = document.querySelector('.mp:hover, .vw:hover');
  return under ? under === root : main;
}

// a toolbar is one stop of the Tab key; the arrow keys go from one of its buttons to the next
function roving(bar) {
  const all = () => [...bar.querySelectorAll('button')].filter(b => !b.disabled && !b.hidden && b.offsetParent);
  const only = one => bar.querySelectorAll('button').forEach(b => { b.tabIndex = b === one ? 0 : -1; });
  only(bar.querySelector('button:not([hidden])'));
  bar.addEventListener('focusin', e => only(e.target.closest('button')));
  bar.addEventListener('keydown', e => {
    const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key], buttons = all();
    if (!by || !buttons.length) return;
    e.preventDefault(); e.stopPropagation();
    buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length].focus();
  });
}

// of a wheel, in pixels, within what one turn may do
const turned = (e, by = e.deltaY) => clamp(by * (e.deltaMode ? 30 : 1), -50, 50);

function capture(node, e) {
  try { node.setPointerCapture(e.pointerId); } catch { /* a pointer that is gone already */ }
}

function openHelp(button, panel, open) {
  panel.hidden = !open;
  button.setAttribute('aria-expanded', open);
}

// what listens outside the component lives as long as it is in the page
const life = new AbortController();
const alive = act => e => element.isConnected ? act(e) : life.abort();

function listen(target, names, act) {
  for (const name of names) target.addEventListener(name, alive(act), {signal: life.signal});
}

function onResize(node, act) {
  const sizes = new ResizeObserver(alive(act));
  sizes.observe(node);
  life.signal.addEventListener('abort', () => sizes.disconnect());
}

