import { Sha256 } from '../src/sha256.js';
import { equal, test } from './harness.js';

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function subtle(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {number} length */
function random(length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 65_536) crypto.getRandomValues(bytes.subarray(i, i + 65_536));
  return bytes;
}

test('the published examples', () => {
  const hex = (/** @type {string} */ text) => new Sha256().update(new TextEncoder().encode(text)).hex();
  equal(hex(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  equal(hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('every length around the block and padding borders, as crypto.subtle', async () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = random(length);
    equal(new Sha256().update(bytes).hex(), await subtle(bytes), `length ${length}`);
  }
});

test('any division into pieces gives the same', async () => {
  const bytes = random(1_000_003);
  const expected = await subtle(bytes);
  for (const step of [1_000_003, 65_536, 1000, 64, 63, 65, 17]) {
    const hash = new Sha256();
    for (let i = 0; i < bytes.length; i += step) hash.update(bytes.subarray(i, i + step));
    equal(hash.hex(), expected, `pieces of ${step}`);
  }
});

test('a view into a larger buffer', async () => {
  const bytes = random(500).subarray(3, 333);
  equal(new Sha256().update(bytes).hex(), await subtle(bytes.slice()));
});
