// A mask as a PNG in a data URL: one bit per pixel, each row as its difference to the row above, runs packed with
// deflate's fixed codes. bytes: 0 or 1 per pixel.
function png(bytes, W, H) {
  const row = W + 7 >> 3, packed = new Uint8Array(row * H), raw = new Uint8Array(row * H + H);
  for (let y = 0, i = 0; y < H; y++) for (let x = 0; x < W; x++, i++) {
    if (bytes[i]) packed[y * row + (x >> 3)] |= 128 >> (x & 7);
  }
  for (let y = 0, k = 0, to = 0; y < H; y++) {
    raw[to++] = 2;                          // filter 2: minus the byte above
    for (const end = k + row; k < end; k++) raw[to++] = packed[k] - (y ? packed[k - row] : 0);
  }
  const word = v => [v >>> 24, v >>> 16 & 255, v >>> 8 & 255, v & 255];
  const chunk = (name, body) => {
    const all = [...[...name].map(c => c.charCodeAt(0)), ...body];
    return [...word(body.length), ...all, ...word(crc(all))];
  };
  let [a, b] = [1, 0];
  for (const v of raw) { a = (a + v) % 65521; b = (b + a) % 65521; }
  const file = [137, 80, 78, 71, 13, 10, 26, 10, ...chunk('IHDR', [...word(W), ...word(H), 1, 0, 0, 0, 0]),
    ...chunk('IDAT', [120, 1, ...deflate(raw), ...word((b << 16 | a) >>> 0)]), ...chunk('IEND', [])];
  let text = '';
  for (let k = 0; k < file.length; k += 8192) text += String.fromCharCode(...file.slice(k, k + 8192));
  return 'data:image/png;base64,' + btoa(text);
}

function crc(bytes) {
  let c = -1;
  for (const v of bytes) {
    c ^= v;
    for (let k = 0; k < 8; k++) c = c >>> 1 ^ (c & 1 ? 0xedb88320 : 0);
  }
  return ~c >>> 0;
}

function deflate(raw) {
  const out = [];
  let held = 0, count = 0;
  const bits = (v, size) => {
    held |= v << count;
    for (count += size; count > 7; count -= 8, held >>>= 8) out.push(held & 255);
  };
  const code = (v, size) => { while (size--) bits(v >> size & 1, 1); };     // Huffman codes go in high bit first
  bits(3, 3);                                                               // last block, fixed codes
  for (let k = 0; k < raw.length;) {
    let run = 0;
    while (k && run < 258 && raw[k + run] === raw[k - 1]) run++;
    if (run < 3) {
      const v = raw[k++];
      if (v < 144) code(48 + v, 8); else code(256 + v, 9);
      continue;
    }
    const l = run - 3, extra = Math.max(29 - Math.clz32(l), 0);
    const symbol = run === 258 ? 285 : 257 + 4 * extra + (l >> extra);
    if (symbol < 280) code(symbol - 256, 7); else code(symbol - 88, 8);
    if (run < 258) bits(l & (1 << extra) - 1, extra);
    code(0, 5);                                                             // distance 1
    k += run;
  }
  code(0, 7);
  bits(0, 7);
  return out;
}

