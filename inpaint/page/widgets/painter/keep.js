// ---- nothing lost: what the stage holds is kept in the visitor's own browser, and comes back after a reload ---------
//
// IndexedDB `inpaint`, one record to a tab of the browser, known by TOKEN: the photo's file, its fills as patches, the
// hole, and of the fill that is shown a patch at full size, so that a server that was started anew can be given it all
// back. Records older than WEEK, or more than RECORDS of them, are swept away.
const TOKEN = tokenOf(), WEEK = 7 * 24 * 3600e3, RECORDS = 4, MOST = 80e6;       // bytes of a photo that is kept
const files = new Map();                    // number → the File it came from
const patches = new Map();                  // number → {url, mask}: a fill at full size
let saving = 0, restored = Promise.resolve(false), dirtyWork = false, forgotten = false;

// as `arrive.js` has it: of this tab, also after a reload
function tokenOf() {
  try {
    const known = sessionStorage.getItem('inpaint-token');
    if (/^[0-9a-f]{32}$/.test(known || '')) return known;
    const made = [...crypto.getRandomValues(new Uint8Array(16))].map(v => v.toString(16).padStart(2, '0')).join('');
    sessionStorage.setItem('inpaint-token', made);
    return made;
  } catch { return ''; }
}

const wish = request => new Promise((done, failed) => { request.onsuccess = () => done(request.result); request.onerror = () => failed(request.error); });

async function store(how, act) {
  const open = indexedDB.open('inpaint', 1);
  open.onupgradeneeded = () => open.result.createObjectStore('stages', {keyPath: 'token'});
  const base = await wish(open);
  try { return await act(base.transaction('stages', how).objectStore('stages')); } finally { base.close(); }
}

function save() {
  if (fixed || !TOKEN) return;
  clearTimeout(saving);
  saving = setTimeout(() => doing ? save() : saveNow().catch(error => console.warn('not kept:', error)), 400);
}

async function saveNow() {
  if (!W || at === PENDING || forgotten) return;
  const root = rootOf(at), file = files.get(root.number);
  const all = [...pictures.values()].filter(one => one.number !== PENDING && familyOf(one.number) === familyOf(at))
    .map(({image, patch, thumb, ...one}) => one);
  const record = {token: TOKEN, when: Date.now(), pictures: all, at, hole: packed(), spent, patch: patches.get(at) || null,
    file: file && file.size <= MOST ? file : null};
  await store('readwrite', async shelf => {
    await wish(shelf.put(record));
    const others = (await wish(shelf.getAll())).sort((a, b) => b.when - a.when);
    for (const [k, old] of others.entries()) if (k >= RECORDS || Date.now() - old.when > WEEK) shelf.delete(old.token);
  });
  sessionStorage.setItem('inpaint-kept', '1');
  stage.dataset.kept = `${Date.now()}`;
}

async function restore() {
  if (fixed || !TOKEN || !sessionStorage.getItem('inpaint-kept')) return false;
  const record = await store('readonly', shelf => wish(shelf.get(TOKEN)));
  if (!record || W) return false;
  for (const one of record.pictures) {
    const image = await decode(one.url);
    pictures.set(one.number, one.base ? {...one, patch: image} : {...one, image});
  }
  if (record.file) files.set(rootOf(record.at).number, record.file);
  if (record.patch) patches.set(record.at, record.patch);
  return go({at: record.at, hole: record.hole, spent: record.spent});
}

// Python says which pictures it still has: where the photo is not among them, it is given back
async function hello(v) {
  const there = new Set(v.numbers), had = await restored.catch(() => false);
  if (!had || !W) return;
  const root = rootOf(at);
  if (there.has(root.number) && there.has(at)) {
    for (const number of [...pictures.keys()]) if (!there.has(number)) pictures.delete(number);
    return film();
  }
  const file = files.get(root.number);
  if (!file && !root.example) return say('The server has started anew, and this photo is not here any more: open it again.', 20);
  giveBack(root, file);
}

function giveBack(root, file) {
  const fill = patches.get(at);
  const hidden = fill && !painted ? null : packed();
  back = {name: root.name, example: root.example || '', hole: hidden && at ? png(unpacked(hidden), W, H) : null,
    patch: fill?.url || null, mask: fill?.mask || null, title: pictures.get(at)?.title || ''};
  const whole = spent && !painted && !fill ? png(unpacked(spent.mask), W, H) : null;
  if (whole) back.hole = whole;
  say('The server has started anew: giving it your picture back…', 60);
  flush();
  if (file) hand(file); else press('restore');
}

// the server has numbers of its own for what it was given back
function givenBack(number) {
  const file = files.get(rootOf(at)?.number);
  pictures.clear(); files.clear(); patches.clear(); past = []; future = []; at = 0;
  if (file) files.set(number, file);
}

// the fill that is shown, at full size: fetched once nothing else is going on
async function keepsake(number) {
  if (!server?.keepsake || patches.has(number)) return;
  do await new Promise(done => setTimeout(done, 1500)); while (at === number && busy);
  if (at !== number || patches.has(number)) return;
  try {
    const got = await server.keepsake({token: TOKEN, number});
    if (got?.url) { patches.set(number, {url: got.url, mask: got.mask}); save(); }
  } catch (error) { console.warn(error); }
}

async function forget() {
  forgotten = true;
  clearTimeout(saving);
  await store('readwrite', shelf => wish(shelf.delete(TOKEN))).catch(() => 0);
  sessionStorage.removeItem('inpaint-kept');
  sessionStorage.removeItem('inpaint-token');
  dirtyWork = false;
  await server?.forget?.({token: TOKEN});
  location.reload();
}

function onLeave(e) {
  const lost = document.querySelector('.toast-wrap')?.textContent.toLowerCase().includes('connection');
  if (dirtyWork && !lost) e.preventDefault();           // the browser asks; not where the page loads itself again
}
