// On a phone the line of a run is above or below what the visitor looks at: it is brought into view once when the run
// starts or fails, and so is the result once there is one. Gradio calls this once, with the line as `element`.
const phone = matchMedia('(max-width: 720px)');
let state = 'rests', due = false;

const find = id => document.getElementById(id);

function bring(node) {
  const box = node?.getBoundingClientRect();
  if (!phone.matches || !box?.height || (box.top > -1 && box.bottom < innerHeight + 1)) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  node.scrollIntoView({block: box.height < innerHeight ? 'nearest' : 'start', behavior: calm ? 'auto' : 'smooth'});
}

new MutationObserver(() => {
  const was = state;
  state = element.querySelector('.failed') ? 'failed' : element.querySelector('.bar') ? 'runs' : 'rests';
  if (state === was) return;
  due = was === 'runs' && state === 'rests';
  if (due) bring(find('result'));
  else if (state !== 'rests') bring(element);
}).observe(element, {childList: true, subtree: true, characterData: true});

// its pictures come after the line, and it has no height until then; what the visitor does meanwhile counts for more
document.addEventListener('load', e => due && e.target.closest?.('#result') && bring(find('result')), true);
for (const own of ['pointerdown', 'wheel', 'keydown'])
  document.addEventListener(own, () => { due = false; }, {passive: true});
