// ---- opening a photo: the file goes, untouched, to the page's hidden gr.UploadButton --------------------
async function give(file) {
  if (file.type && !file.type.startsWith('image/')) return say(`${file.name} is not a picture.`);
  if (busy) return say(BUSY);
  back = null;
  const mine = ++messages, url = URL.createObjectURL(file);
  files.set(PENDING, file);
  hand(file);
  try {                                     // seen at once from the visitor's own file, where the browser can read it
    const image = await decode(url);
    if (mine === messages && image.naturalWidth * image.naturalHeight <= 1e8) pend(file, image);
  } catch { /* a kind that the server alone can read, or none at all */ }
  URL.revokeObjectURL(url);
}

function hand(file) {
  const input = document.getElementById('photo-file')?.previousElementSibling;     // Gradio's own, before its button
  if (!input?.matches('input[type=file]')) return say('This page takes no photos.');
  const carrier = new DataTransfer();
  carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
  sayOpening(file.name);
}

// until the photo comes, or Gradio says in a toast why it does not
function sayOpening(name) {
  const toasts = () => [...document.querySelectorAll('.toast-body.error')].map(t => t.textContent).join();
  const before = toasts(), mine = messages;
  say(`Opening ${name}…`, 60);
  const wait = setInterval(() => {
    const failed = toasts() && toasts() !== before;
    if (failed && mine === messages) { say(''); dropPending(); }
    if (failed || mine !== messages || !saying || !element.isConnected) clearInterval(wait);
  }, 300);
}

function onPaste(e) {
  const file = [...e.clipboardData?.files || []].find(f => f.type.startsWith('image/'));
  if (!file || typing(e.target) || !stage.clientWidth) return;
  e.preventDefault();
  give(file);
}

// the whole page takes a photo, so that one dropped beside the stage does not replace the page; other drop zones
// go first
function onDrag(e) {
  if (e.type === 'dragleave' && e.relatedTarget) return;       // only from one part of the page to another
  const ours = !e.defaultPrevented && stage.clientWidth > 0 && Boolean(e.dataTransfer?.types.includes('Files'));
  if (ours) e.preventDefault();
  stage.classList.toggle('mp-drop', ours && e.type === 'dragover');
  if (ours && e.type === 'drop' && e.dataTransfer.files.length) give(e.dataTransfer.files[0]);
}

async function openCamera() {
  try {
    const wish = {facingMode: 'environment', width: {ideal: 1920}};
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: wish});
    $('.mp-camera').hidden = false;
    await video.play();
  } catch (error) {
    closeCamera();
    say(error.name === 'NotAllowedError' ? 'The browser refuses the camera: allow it for this page and try again.'
      : 'No camera can be used here.');
  }
}

function closeCamera() {
  video.srcObject?.getTracks().forEach(track => track.stop());
  video.srcObject = null;
  $('.mp-camera').hidden = true;
}

function shoot() {
  const sheet = document.createElement('canvas');
  sheet.width = video.videoWidth; sheet.height = video.videoHeight;
  if (!sheet.width) return;
  sheet.getContext('2d').drawImage(video, 0, 0);
  closeCamera();
  sheet.toBlob(blob => give(new File([blob], 'camera.jpg', {type: 'image/jpeg'})), 'image/jpeg', .95);
}

