// ---- pictures: the next one takes over once it can be drawn, so that nothing flickers -------------------
const slot = (holder, changed) => ({holder, changed, src: '', image: null, broken: false, asked: 0, shown: 0});

function show(slot, src) {
  if (slot.src === src) return;
  slot.src = src;
  const turn = ++slot.asked, image = src ? new Image() : null;
  const put = broken => {
    if (turn < slot.shown) return;          // overtaken by a later one
    slot.image?.remove();
    Object.assign(slot, {shown: turn, image: broken ? null : image, broken});
    if (slot.image) slot.holder.prepend(image);
    slot.changed();
  };
  if (!image) return put(false);
  image.alt = '';
  image.src = src;
  image.decode().then(() => put(false), () => put(true));
}

const shape = image => image.naturalWidth / image.naturalHeight;

// the first picture that comes tells the shape of those that are still to come
function shaped({image}) {
  if (image?.isConnected && !ratio) ratio = shape(image);
  arrange();
}

// ---- cells ---------------------------------------------------------------------------------------------
function makeCell(id) {
  const node = $('template').content.firstElementChild.cloneNode(true), part = name => node.querySelector(name);
  const cell = {id, node, part, frame: part('.vw-frame'), tile: null};
  cell.picture = slot(part('.vw-picture'), () => { dress(cell); shaped(cell.picture); });
  cell.reference = slot(part('.vw-reference'), () => shaped(cell.reference));
  return cell;
}

const cellOf = e => [...cells.values()].find(cell => cell.node.contains(e.target));

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

function update(cell, tile) {
  const {node, part} = cell;
  cell.tile = tile;
  node.dataset.state = tile.state;
  node.classList.toggle('vw-map', tile.map);
  write(part('.vw-title'), tile.title);
  write(part('.vw-note'), tile.note);
  part('.vw-note').title = tile.note;
  write(part('.vw-facts'), tile.facts.join(' · '));
  for (const name of ['use', 'take']) {
    const button = part(`[data-do=${name}]`);
    button.hidden = !tile.number;
    button.title = name === 'use' ? 'Take this fill to the stage' : 'Download full size, PNG';
    button.setAttribute('aria-label', `${button.textContent} ${tile.title}`);
  }
  const scores = JSON.stringify(tile.scores);
  if (cell.scores !== scores) part('.vw-scores').replaceChildren(...tile.scores.map(scoreRow));
  cell.scores = scores;
  show(cell.picture, safe(tile.src));
  dress(cell);
}

function scoreRow([name, value, best]) {
  const [row, dt, dd, star] = ['div', 'dt', 'dd', 'span'].map(tag => document.createElement(tag));
  dt.textContent = name;
  star.textContent = best ? '★' : '';
  dd.append(value, star);
  dd.classList.toggle('vw-best', best);
  if (best) dd.title = 'best of these';
  row.append(dt, dd);
  return row;
}

// what depends on the state, the picture and the choice of the reference
function dress({id, node, part, frame, tile, picture}) {
  const under = ['waiting', 'running'].includes(tile.state), share = clamp(Number(tile.progress) || 0, 0, 1);
  const percent = `${Math.round(100 * share)} %`, isReference = id === chooser.value;
  const state = {done: isReference ? 'reference' : '', running: percent}[tile.state] ?? tile.state;
  const missing = {waiting: 'waiting', running: 'under way'}[tile.state] || 'no picture';
  const progress = part('.vw-progress');
  write(part('.vw-state'), state);
  write(part('.vw-none'), picture.broken ? 'This picture could not be loaded.' : missing);
  progress.hidden = !under;
  progress.setAttribute('aria-valuenow', Math.round(100 * share));
  progress.setAttribute('aria-label', tile.title);
  progress.firstElementChild.style.width = `${100 * share}%`;
  frame.classList.toggle('vw-filled', Boolean(picture.image));
  frame.setAttribute('aria-label', [tile.title, state].filter(Boolean).join(', '));
  if (picture.image) frame.style.setProperty('--vw-ratio', shape(picture.image));
  const large = node.classList.contains('vw-large'), button = part('[data-do=enlarge]');
  button.setAttribute('aria-pressed', large);
  button.title = large ? 'Back to the others – Esc' : 'Full width – double click or Enter';
  button.setAttribute('aria-label', `${tile.title} at full width`);
}

