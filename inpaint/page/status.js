// What the line of a run means for the page: while one is under way Fill is Stop, and the stage waits. Gradio calls
// this once, with the line as `element`.
let busy = false;

new MutationObserver(() => {
  const now = Boolean(element.querySelector('.bar'));
  if (now === busy) return;
  busy = now;
  document.querySelector('#house')?.classList.toggle('busy', busy);
  document.dispatchEvent(new CustomEvent('stage:busy', {detail: {on: busy}}));
}).observe(element, {childList: true, subtree: true, characterData: true});

document.addEventListener('stage:edges', () => document.querySelector('#house')?.classList.add('edging'));
// what is painted makes a stale complaint moot
document.addEventListener('stage:film', e => e.detail.painted && element.querySelector('.failed')?.replaceChildren());
