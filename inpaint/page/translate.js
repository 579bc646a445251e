// The page in the visitor's language: English text in it is replaced, wherever it appears, by what the language's file
// says for it. LANGUAGES, put in front by Python, has the tags of the languages and the addresses of their files.
// A visitor who reads English, or nothing that is here, gets the page as it is.
//
// Gradio's own way is not used: it would translate values too, and a drop-down would send words nobody offered.

const NAMES = ['title', 'aria-label', 'placeholder', 'alt'];
const USERS = '.mp-name';                   // what the visitor brought: names of files
const LEFT = `${USERS}, script, style, textarea, code, kbd, [contenteditable=true]`;
const LETTERS = /\p{Script=Latin}{2}/u, LONG = 200;
const between = /( · | – )/;                // what the page puts between several things it says

// the first of the visitor's languages that is English or here: exactly, or as another kind of the same
function wanted() {
  const tags = Object.keys(LANGUAGES), kind = tag => tag.split('-')[0].toLowerCase();
  for (const tag of navigator.languages) {
    if (kind(tag) === 'en') return '';
    const found = tags.find(one => one.toLowerCase() === tag.toLowerCase()) || tags.find(one => kind(one) === kind(tag));
    if (found) return found;
  }
  return '';
}

// ---- from text to text -------------------------------------------------------------------------------------------------
let words = new Map(), patterns = [];

function learn(pairs) {
  const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const vague = ([key]) => key.startsWith('{}'), fixed = ([key]) => key.replaceAll('{}', '').length;
  words = new Map(pairs);
  patterns = pairs.filter(([key]) => key.includes('{}')).sort((a, b) => vague(a) - vague(b) || fixed(b) - fixed(a))
    .map(([key, text]) => [new RegExp(`^${key.split('{}').map(escaped).join('(.+?)')}$`), text.split('{}')]);
}

// what changes in a text may itself be something that is said
function said(text) {
  if (!LETTERS.test(text)) return text;
  if (words.has(text)) return words.get(text);
  const parts = text.split(between);
  if (parts.length > 1) return parts.map(said).join('');
  if (text.length > LONG) return text;
  for (const [shape, pieces] of patterns) {
    const found = shape.exec(text);
    if (found) return pieces.reduce((all, piece, k) => all + said(found[k]) + piece);
  }
  const at = text.indexOf(': ') + 2;        // a name, and what there is to say of it
  return at > 1 ? `${said(text.slice(0, at - 2))}: ${said(text.slice(at))}` : text;
}

// the same with the white space around it, or null where nothing is known of it
function other(text) {
  const bare = text.trim(), plain = bare.replace(/\s+/g, ' ');
  const told = LETTERS.test(bare) ? said(plain) : plain;
  return told === plain ? null : text.replace(bare, () => told);
}

// ---- into the page -----------------------------------------------------------------------------------------------------
const written = new WeakMap();              // a text's node, or an element, and what was written there last

function text(node) {
  if (written.get(node) === node.data || node.parentElement?.closest(LEFT)) return;
  const told = other(node.data);
  if (told === null) return;
  written.set(node, told);
  node.data = told;
}

function attribute(element, name) {
  const now = element.getAttribute(name), before = written.get(element) || {};
  if (!now || before[name] === now || element.closest(USERS)) return;
  const told = other(now);
  if (told === null) return;
  written.set(element, {...before, [name]: told});
  element.setAttribute(name, told);
}

function everything(node) {
  if (node.nodeType === Node.TEXT_NODE) return text(node);
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) text(texts.currentNode);
  const named = NAMES.map(name => `[${name}]`).join();
  for (const one of [node, ...node.querySelectorAll(named)]) for (const name of NAMES) attribute(one, name);
}

// a drop-down shows its value in a field, which goes on in English while the visitor types there
const fields = new WeakMap();               // [what the field holds, what it shows]

function show() {
  for (const field of document.querySelectorAll('input[role=combobox]')) {
    if (field === document.activeElement || fields.get(field)?.[1] === field.value) continue;
    const told = other(field.value);
    if (told === null) continue;
    fields.set(field, [field.value, told]);
    field.value = told;
  }
}

function typed({target}) {
  const [held, shown] = fields.get(target) || [];
  if (held && target.value === shown) target.value = held;
}

function changed(records) {
  requestAnimationFrame(show);
  for (const {type, target, attributeName, addedNodes} of records) {
    if (type === 'characterData') text(target);
    else if (type === 'attributes') attribute(target, attributeName);
    else addedNodes.forEach(everything);
  }
}

async function begin(tag) {
  const base = new URL(window.gradio_config?.root || '.', location.href);
  const answer = await fetch(`${base.pathname.replace(/\/$/, '')}/${LANGUAGES[tag]}`);
  if (!answer.ok) return;
  learn(Object.entries(await answer.json()));
  document.documentElement.lang = tag;
  const what = {subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: NAMES};
  new MutationObserver(changed).observe(document.body, what);
  everything(document.body);
  document.addEventListener('focusin', typed);
  document.addEventListener('focusout', () => requestAnimationFrame(show));
}

if (wanted()) begin(wanted()).catch(error => console.warn('not translated:', error));
