// The list of methods. `rows` are as Python told them last; what is chosen belongs to the page until Python chooses.
const list = $('.ms-list'), line = $('.ms-line'), said = $('.ms-said'), blank = $('template');
const group = `ms-${Math.random().toString(36).slice(2)}`;
const STALE = 2500;                         // ms without news of a row under way until the page asks for them itself
let rows = [], chosen = '', waiting = 0;
const followed = new Set();                 // rows whose progress Python was asked to tell

// ---- to and from Python --------------------------------------------------------------------------------
function emit(event, more) {
  props.value = {chosen, ...more};
  trigger(event);
}

function get(name) {
  said.textContent = '';
  followed.add(name);
  emit('submit', {get: name});
}

function take(value) {
  if (!value?.rows) return;
  rows = value.rows;
  if (rows.some(row => row.name === value.chosen)) chosen = value.chosen;
  if (value.said !== undefined) said.textContent = value.said;
  for (const row of rows) draw(row, nodeOf(row.name) || made(row.name));
  for (const node of [...list.children]) if (!rows.some(row => row.name === node.dataset.name)) node.remove();
  choose(chosen);
  if (value.chosen) show();
  props.value = {chosen};
  follow();
}

// a download that somebody else began: nobody tells this page how far it is
function follow() {
  clearTimeout(waiting);
  for (const row of rows) if (row.share === null) followed.delete(row.name);
  const lost = rows.find(row => row.share !== null && !followed.has(row.name));
  if (lost) waiting = setTimeout(alive(() => get(lost.name)), STALE);
}

// ---- drawing -------------------------------------------------------------------------------------------
const nodeOf = name => [...list.children].find(node => node.dataset.name === name);

function made(name) {
  const node = blank.content.firstElementChild.cloneNode(true), radio = node.querySelector('input');
  node.dataset.name = radio.value = name;
  radio.name = group;
  list.append(node);
  return node;
}

function draw(row, node) {
  const part = name => node.querySelector(`.ms-${name}`);
  part('title').textContent = row.title;
  part('small').textContent = row.small;
  part('badge').textContent = row.badge;
  part('badge').dataset.use = row.badge;
  const button = part('get'), busy = row.share !== null, percent = `${Math.floor(100 * row.share)} %`;
  if (!row.get && document.activeElement === button) node.querySelector('input').focus();
  button.hidden = !row.get;
  button.textContent = busy ? percent : row.get;
  button.setAttribute('aria-label', busy ? `Getting ${row.title}: ${percent}` : `Get ${row.title}: ${row.get}`);
  button.setAttribute('aria-disabled', busy);
  button.style.setProperty('--ms-share', busy ? percent.replace(' ', '') : '0%');
}

// one stop for Tab in the list, and one for the button of the chosen row
function choose(name) {
  chosen = name;
  for (const node of list.children) {
    const here = node.dataset.name === name;
    node.querySelector('input').checked = here;
    node.querySelector('.ms-get').tabIndex = here ? 0 : -1;
  }
  say();
}

// the list is not seen while something lies over it: then the line says what is chosen
function say() {
  const row = rows.find(row => row.name === chosen);
  line.textContent = row ? (root.dataset.open ? `${row.title}: ${row.line}` : row.line) : '';
}

// the chosen row, within the list: the page stays where it is
function show() {
  const node = nodeOf(chosen);
  if (!node) return;
  const top = node.offsetTop - list.offsetTop;
  if (top < list.scrollTop || top + node.offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = top - list.clientHeight / 2;
  }
}

// ---- what the visitor does -----------------------------------------------------------------------------
function open(what) {
  const was = root.dataset.open;
  root.dataset.open = was === what ? '' : what;
  for (const button of root.querySelectorAll('[data-open]')) {
    button.setAttribute('aria-expanded', button.dataset.open === root.dataset.open);
  }
  say();
  if (root.dataset.open === 'about') emit('input');       // what is here may have changed
}

list.addEventListener('change', e => {
  choose(e.target.value);
  said.textContent = '';
  emit('input');
});
root.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (button?.dataset.open) open(button.dataset.open);
  else if (button && button.getAttribute('aria-disabled') !== 'true') get(button.parentElement.dataset.name);
});

watch('value', () => take(props.value));
take(props.value);
