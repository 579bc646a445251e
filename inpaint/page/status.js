// What the line of a run means for the page: while one is under way Fill is Stop, and the stage waits. Gradio calls
// this once, with the line as `element`.
let busy = false;
const NARROW = matchMedia('(max-width: 860px)');        // as in page.css

// where all is one column the stage may be far up when Fill, which floats, is pressed
function lookAtTheStage() {
  const stage = document.querySelector('#painter .mp-stage'), box = stage.getBoundingClientRect();
  const elsewhere = ['compare', 'lab'].includes(document.querySelector('#house').dataset.room);
  if (NARROW.matches && !elsewhere && box.height && (box.top < 0 || box.bottom > innerHeight)) stage.scrollIntoView();
}

new MutationObserver(() => {
  const now = Boolean(element.querySelector('.bar'));
  if (now === busy) return;
  busy = now;
  document.querySelector('#house')?.classList.toggle('busy', busy);
  document.dispatchEvent(new CustomEvent('stage:busy', {detail: {on: busy}}));
  if (busy) lookAtTheStage();
}).observe(element, {childList: true, subtree: true, characterData: true});

document.addEventListener('stage:edges', () => document.querySelector('#house')?.classList.add('edging'));
// what is painted makes a stale complaint moot
document.addEventListener('stage:film', e => e.detail.painted && element.querySelector('.failed')?.replaceChildren());
