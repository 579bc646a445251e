// A mask as a PNG in a data URL: one bit per pixel, each row as its difference to the row above, runs packed with
// deflate's fixed codes. bytes: 0 or 1 per pixel.
function png(bytes, W, H) {
  const row = W + 7 >> 3, packed = new Uint8Array(row * H), raw = new Uint8Array(row * H + H);
  for (let y = 0, i = 0; y < H; y++) for (let x = 0, k = y * row; x < W; x++, i++) {
    if (bytes[i]) packed[k + (x >> 3)] |= 128 >> (x & 7);
  }
  for (let y = 0, k = 0, to = 0; y < H; y++) {
    raw[to++] = 2;                          // filter 2: minus the byte above
    for (const end = k + row; k < end; k++) raw[to++] = y ? packed[k] - packed[k - row] : packed[k];
  }
  const word = v => [v >>> 24, v >>> 16 & 255, v >>> 8 & 255, v & 255];
  const chunk = (name, ...parts) => {
    const all = joined([[...name].map(c => c.charCodeAt(0)), ...parts]);
    return [word(all.length - 4), all, word(crc(all))];
  };
  const file = joined([[137, 80, 78, 71, 13, 10, 26, 10], ...chunk('IHDR', [...word(W), ...word(H), 1, 0, 0, 0, 0]),
    ...chunk('IDAT', [120, 1], deflate(raw), word(adler(raw))), ...chunk('IEND')]);
  let text = '';
  for (let k = 0; k < file.length; k += 8192) text += String.fromCharCode(...file.subarray(k, k + 8192));
  return 'data:image/png;base64,' + btoa(text);
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return all;
}

function adler(bytes) {
  let a = 1, b = 0;
  for (let k = 0; k < bytes.length;) {
    for (const end = Math.min(k + 3800, bytes.length); k < end; k++) { a += bytes[k]; b += a; }   // less than 2 ** 32
    a %= 65521; b %= 65521;
  }
  return (b << 16 | a) >>> 0;
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

