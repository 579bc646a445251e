// The film strip: what the stage tells is drawn; what is pressed goes to the stage, or to Python.
const list = $('.fm-list'), tries = $('.fm-try'), acts = $('.fm-acts'), formats = $('.fm-formats'), inside = $('.fm-inside');
let now = {entries: [], at: 0}, format = 'PNG', working = false;

const ask = detail => document.dispatchEvent(new CustomEvent('stage:do', {detail}));
const say = (text, seconds = 5) => ask({do: 'say', text, seconds});
const token = () => sessionStorage.getItem('inpaint-token') || '';
const measured = one => `${100 * one.share < .1 ? '< 0.1' : (100 * one.share).toFixed(1)} %${one.seconds ? ` · ${one.seconds.toFixed(1)} s` : ''}`;
const caption = one => one.share === undefined ? one.title : `${one.title} · ${measured(one)}`;

// ---- drawing ---------------------------------------------------------------------------------------------------
function draw(told) {
  now = told;
  const fills = now.entries.length > 1;
  list.hidden = !fills;
  tries.hidden = fills || !tries.children.length;
  acts.hidden = !now.there;
  list.replaceChildren(...now.entries.map((one, k) => {
    const button = document.createElement('button'), words = document.createElement('span');
    button.type = 'button';
    button.dataset.number = one.number;
    button.setAttribute('aria-pressed', one.number === now.at);
    words.textContent = one.share === undefined ? one.title : `${k} ${one.title}`;
    button.title = caption(one);
    button.append(one.thumb, words);
    if (one.share !== undefined) {
      const figures = document.createElement('small');
      figures.textContent = measured(one);
      button.append(figures);
    }
    return button;
  }));
  list.querySelector('[aria-pressed=true]')?.scrollIntoView({block: 'nearest', inline: 'nearest'});
  const able = {before: now.filled, again: now.again && !now.painted, variations: now.again || now.painted,
    inside: now.filled && (now.views.length || now.traced || now.edged), download: now.there, formats: now.there, copy: now.there, share: now.filled};
  for (const name in able) $(`.fm-acts > [data-do=${name}]`).disabled = !able[name];
  unfold(inside, false);
}

function lookInside() {
  const button = (words, act, image) => {
    const one = document.createElement('button'), said = document.createElement('span');
    one.type = 'button'; said.textContent = words;
    if (image) one.append(image);
    one.append(said);
    one.addEventListener('click', () => { unfold(inside, false); act(); });
    return one;
  };
  const parts = [], views = document.createElement('div');
  if (now.traced) parts.push(button('Where was it copied from? Point at the fill', () => ask({do: 'mode', mode: 'from'})));
  if (now.edged) parts.push(button('Draw and erase its edges', () => document.dispatchEvent(new CustomEvent('stage:edges'))));
  views.className = 'fm-views';
  for (const [title, src, wide] of now.views) {
    const image = new Image();
    image.src = src; image.alt = '';
    views.append(button(title, () => ask({do: 'view', title, src, wide}), image));
  }
  inside.replaceChildren(...parts, views);
}

function unfold(panel, open = panel.hidden) {
  if (open && panel === inside) lookInside();
  panel.hidden = !open;
  const name = panel === inside ? 'inside' : 'formats';
  $(`.fm-acts > [data-do=${name}]`).setAttribute('aria-expanded', open);
  if (open) unfold(panel === inside ? formats : inside, false);
}

// ---- taking it away --------------------------------------------------------------------------------------------
async function fetched(kind) {
  const got = await server.saved({token: token(), number: now.at, format: kind});
  if (!got?.url) throw new Error(got?.said || 'The picture could not be written.');
  return got;
}

function give(href, name) {
  const link = document.createElement('a');
  link.href = href; link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

async function once(act, words) {
  if (working || !now.there) return;
  working = true;
  if (words) say(words, 60);
  try { await act(); } catch (error) { console.warn(error); say(`${error.message || error}`, 8); }
  working = false;
}

const download = kind => once(async () => {
  const {url, name} = await fetched(kind);
  give(url, name);
  say('');
  ask({do: 'saved'});
}, 'Writing the picture…');

// the clipboard takes PNG alone, and wants to be asked at once
const copy = () => once(async () => {
  if (!window.ClipboardItem) throw new Error('This browser does not let a page copy pictures.');
  const data = fetched('PNG').then(async ({url}) => new Blob([await (await fetch(url)).arrayBuffer()], {type: 'image/png'}));
  await navigator.clipboard.write([new ClipboardItem({'image/png': data})]);
  say('Copied.', 2);
}, 'Copying…');

// before and after side by side, as pictures are shown to others
async function card() {
  const got = await server.card({token: token(), number: now.at});
  if (!got?.url) throw new Error(got?.said || 'The card could not be made.');
  return got;
}

const share = () => once(async () => {
  const {url, name} = await card(), blob = await (await fetch(url)).blob(), file = new File([blob], name, {type: 'image/png'});
  say('');
  if (navigator.canShare?.({files: [file]})) await navigator.share({files: [file]}).catch(() => 0);
  else give(url, name);
}, 'Making the card…');

// ---- presses -----------------------------------------------------------------------------------------------------
const actions = {
  download: () => download(format), copy, share, formats: () => unfold(formats), inside: () => unfold(inside),
  again: () => ask({do: 'again'}), mask: () => ask({do: 'mask'}),
  variations: () => document.getElementById('variations')?.click(),
  card: () => once(async () => { const {url, name} = await card(); give(url, name); say(''); }, 'Making the card…'),
};

root.addEventListener('click', e => {
  const button = e.target.closest('button');
  if (!button) return;
  if (button.dataset.number) return ask({do: 'show', number: Number(button.dataset.number)});
  if (button.dataset.example) return trigger('opened', {index: Number(button.dataset.example)});
  if (button.dataset.format) { unfold(formats, false); return download(button.dataset.format); }
  actions[button.dataset.do]?.();
  if (['mask', 'card'].includes(button.dataset.do)) unfold(formats, false);
});
const eye = $('[data-do=before]');
const look = on => { eye.classList.toggle('fm-on', on); ask({do: 'before', on}); };
eye.addEventListener('pointerdown', () => look(true));
for (const name of ['pointerup', 'pointercancel', 'pointerleave', 'blur']) eye.addEventListener(name, () => look(false));
eye.addEventListener('keydown', e => { if ([' ', 'Enter'].includes(e.key)) { e.preventDefault(); look(true); } });
eye.addEventListener('keyup', () => look(false));
eye.addEventListener('contextmenu', e => e.preventDefault());

listen(document, ['stage:film'], e => draw(e.detail));
listen(document, ['film:do'], e => actions[e.detail.do]?.());
listen(document, ['pointerdown'], e => { if (!acts.contains(e.target)) { unfold(formats, false); unfold(inside, false); } });
listen(document, ['keydown'], e => { if (e.key === 'Escape') { unfold(formats, false); unfold(inside, false); } });

function offer(value) {
  tries.replaceChildren(...(value?.examples || []).map(([words, src], k) => {
    const button = document.createElement('button'), image = new Image(), said = document.createElement('span');
    button.type = 'button'; button.dataset.example = k; button.title = words;
    image.src = src; image.alt = ''; said.textContent = words;
    button.append(image, said);
    return button;
  }));
  tries.hidden = now.entries.length > 1 || !tries.children.length;
}

watch('value', () => offer(props.value));
offer(props.value);
