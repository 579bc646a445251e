// The drop zone: its file is handed to the page's hidden gr.UploadButton.
const zone = $('.dz-zone'), thumb = $('.dz-thumb'), icon = $('svg'), named = $('.dz-name');
const picker = root.querySelector('input'), {title, into} = root.dataset, main = 'main' in root.dataset;
const EMPTY = 'Click, drop or paste a picture';

function show(v) {
  thumb.hidden = !v;
  icon.style.display = v ? 'none' : '';
  if (v) thumb.src = v.thumb;
  named.textContent = v ? v.name : EMPTY;
}

function give(file) {
  if (file.type && !file.type.startsWith('image/')) { named.textContent = `${file.name} is not a picture.`; return; }
  const inputs = document.getElementById(into)?.parentElement.querySelectorAll('input[type=file]');
  const input = [...inputs || []].find(other => !root.contains(other));
  if (!input) return;
  const carrier = new DataTransfer();
  carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
  named.textContent = `Opening ${file.name}…`;
}

// whether what comes to the page is for this zone
function ours(over) {
  return root.clientWidth > 0 && (over ? over === root : main);
}

listen(document, ['paste'], e => {
  const file = [...e.clipboardData?.files || []].find(f => f.type.startsWith('image/'));
  if (!file || typing(e.target) || !ours(document.querySelector('.dz:hover, .dz:focus-within'))) return;
  e.preventDefault();
  give(file);
});
listen(document, ['dragover', 'drop', 'dragleave'], e => {
  const take = !(e.type === 'dragleave') && e.dataTransfer?.types.includes('Files') && ours(e.target.closest?.('.dz'));
  root.classList.toggle('dz-over', Boolean(take) && e.type === 'dragover');
  if (!take) return;
  e.preventDefault();
  if (e.type === 'drop' && e.dataTransfer.files.length) give(e.dataTransfer.files[0]);
});
zone.addEventListener('click', () => { picker.value = ''; picker.click(); });
picker.addEventListener('change', () => picker.files[0] && give(picker.files[0]));

$('.dz-title').textContent = title;
let seen = false, soon = 0;
onResize(root, () => {
  const now = root.clientWidth > 0;
  if (now && !seen) trigger('entered');
  seen = now;
});
// a photo that comes while the zone is in sight, as when the page is opened here
listen(document, ['stage:film'], () => {
  clearTimeout(soon);
  soon = setTimeout(() => seen && trigger('entered'), 500);
});
show(props.value);
watch('value', () => show(props.value));
