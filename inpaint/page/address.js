// The tabs have addresses: #compare opens the page there, Back goes to the tab before. `#run=…` is a run to repeat.
const rooms = () => [...document.querySelectorAll('#rooms > .tab-wrapper [role=tab]')];
const named = tab => (tab?.dataset.tabId || tab?.textContent || '').trim().toLowerCase();
let going = false;

function follow() {
  const name = location.hash.slice(1) || 'erase', tab = rooms().find(one => named(one) === name);
  if (!tab || tab.getAttribute('aria-selected') === 'true') return;
  going = true;
  tab.click();
  going = false;
}

addEventListener('hashchange', follow);
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
