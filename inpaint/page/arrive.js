// What a page says when it is opened: which tab of the browser it is, and whether that has kept something to go on
// with. The token is made here; `widgets/painter/keep.js` reads it.
() => {
  try {
    let token = sessionStorage.getItem('inpaint-token');
    if (!/^[0-9a-f]{32}$/.test(token || '')) {
      token = [...crypto.getRandomValues(new Uint8Array(16))].map(v => v.toString(16).padStart(2, '0')).join('');
      sessionStorage.setItem('inpaint-token', token);
    }
    return [token, sessionStorage.getItem('inpaint-kept') || ''];
  } catch { return ['', '']; }
}
