// The thumb's bar: the stage and the method panel do the work.
const ask = detail => document.dispatchEvent(new CustomEvent('stage:do', {detail}));
const eraser = $('[data-do=tool]');

root.addEventListener('click', e => {
  const name = e.target.closest('button')?.dataset.do;
  if (name === 'undo') ask({do: 'undo'});
  if (name === 'method') {
    const panel = [...document.querySelectorAll('#method, #chosen')].find(one => one.offsetParent);
    panel?.scrollIntoView({behavior: 'smooth', block: 'start'});
  }
  if (name !== 'tool') return;
  const on = eraser.getAttribute('aria-pressed') !== 'true';
  eraser.setAttribute('aria-pressed', on);
  ask({do: 'tool', tool: on ? 'erase' : 'brush'});
});
