// The tabs have addresses: #compare opens the page there, Back goes to the tab before. `#run=…` is a run to repeat: it
// is opened once the page knows who it is (page:arrived), or when it is put in the address of a page that is there.
const tabs = id => [...document.querySelectorAll(`#${id} > .tab-wrapper [role=tab]`)], rooms = () => tabs('rooms');
const named = tab => (tab?.dataset.tabId || tab?.textContent || '').trim().toLowerCase();
let going = false;

const isRun = () => location.hash.startsWith('#run=');

function follow() {
  const name = isRun() ? 'lab' : location.hash.slice(1) || 'erase', tab = rooms().find(one => named(one) === name);
  if (!tab || tab.getAttribute('aria-selected') === 'true') return;
  going = true;
  tab.click();
  going = false;
}

function openRun() {
  if (!isRun()) return;
  document.getElementById('link-opened').click();
  const wait = setInterval(() => {
    const bench = tabs('benches').find(one => named(one) === 'again');
    if (bench) { clearInterval(wait); bench.click(); }
  }, 50);
}

addEventListener('hashchange', () => {
  if (document.querySelector('#link a')?.hash === location.hash) return;     // the page's own, to be copied
  follow();
  openRun();
});
document.addEventListener('page:arrived', () => {
  if (performance.getEntriesByType('navigation')[0]?.type !== 'reload') openRun();
});
document.addEventListener('click', e => {
  const tab = e.target.closest?.('#rooms > .tab-wrapper [role=tab]');
  if (!tab || going) return;
  history.pushState(null, '', named(tab) === 'erase' ? location.pathname + location.search : `#${named(tab)}`);
});
addEventListener('popstate', follow);
const wait = setInterval(() => {
  if (!rooms().length || !document.querySelector('#house')) return;
  clearInterval(wait);
  document.querySelector('#house').dataset.room ||= 'erase';
  follow();
}, 50);
