import { FileInterrupted, FileMismatch, FileRefusedByPeer } from '../src/index.js';
import { bareName } from '../src/file-format.js';
import { Sha256 } from '../src/sha256.js';
import { equal, next, ok, test, throws } from './harness.js';
import { connectedPair } from './pair.js';

/** @typedef {import('../src/index.js').FileEvent} FileEvent */

const HEADER = { type: 'file', name: 'a.bin', size: 4, mime: 'application/octet-stream' };

/** @param {number} length */
function content(length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
}

/** @param {Blob} blob */
async function hashOf(blob) {
  return new Sha256().update(new Uint8Array(await blob.arrayBuffer())).hex();
}

/** The next file that `connection` is sent, accepted. @param {import('../src/index.js').Connection} connection */
function accepted(connection) {
  return new Promise((resolve) => {
    connection.on('file', ({ file }) => resolve(file.accept().then((result) => ({ ...result, name: file.name }))), {
      once: true,
    });
  });
}

test('files of sizes around the frame and read borders arrive with equal hashes', async () => {
  const { ab, ba, close } = await connectedPair();
  for (const size of [0, 1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 20_000_000]) {
    const file = new File([content(size)], `${size}.bin`, { type: 'image/png' });
    const arriving = accepted(ba);
    const receipt = await ab.sendFile(file);
    const got = await arriving;
    equal(got.name, `${size}.bin`);
    equal(got.blob.size, size, 'size');
    equal(got.blob.type, 'image/png');
    equal(receipt.sha256, got.sha256, `hash of ${size}`);
    equal(await hashOf(got.blob), await hashOf(file), `content of ${size}`);
  }
  close();
});

test('a file in folders says so, without a way out of them', async () => {
  const { ab, ba, close } = await connectedPair();
  const announced = new Promise((resolve) => {
    ba.on('file', ({ file }) => void file.accept().then(() => resolve([file.folder, file.name])), { once: true });
  });
  await ab.sendFile(new File(['abc'], 'a.txt'), { folder: ['photos', '../2026'] });
  equal(await announced, [['photos', '2026'], 'a.txt']);
  close();
});

test('both sides send at once, and progress grows to the whole', async () => {
  const { ab, ba, close } = await connectedPair();
  const size = 16_000_000;
  /** @type {number[]} */
  const seen = [];
  const results = await Promise.all([
    accepted(ab),
    accepted(ba),
    ab.sendFile(new Blob([content(size)]), { name: 'one', onProgress: (sent) => seen.push(sent) }),
    ba.sendFile(new Blob([content(size)]), { name: 'two' }),
  ]);
  equal(new Set(results.map(({ sha256 }) => sha256)).size, 1, 'one hash');
  ok(seen.length > 10 && seen.every((sent, i) => sent <= size && sent >= (seen[i - 1] ?? 0)), 'progress grows');
  close();
});

test('a file that nobody wants is refused, with a code', async () => {
  const { ab, close } = await connectedPair();
  const error = await throws(ab.sendFile(new Blob(['abc'])), FileRefusedByPeer);
  equal(error.code, 'NOT_WANTED');
  close();
});

test('a refusal reaches a sender in the middle of a big file', async () => {
  const { ab, ba, close } = await connectedPair();
  ba.on('file', ({ file }) => void file.accept({ maxBytes: 1000 }).catch(() => {}));
  const error = await throws(ab.sendFile(new Blob([content(30_000_000)])), FileRefusedByPeer);
  equal(error.code, 'TOO_BIG');
  close();
});

test('a sender that gives up, and a connection that ends, interrupt the receiver', async () => {
  const { ab, ba, close } = await connectedPair();
  const abort = new AbortController();
  const arriving = throws(accepted(ba), FileInterrupted);
  const onProgress = () => abort.abort(new RangeError('changed my mind'));
  await throws(ab.sendFile(new Blob([content(30_000_000)]), { onProgress, signal: abort.signal }), RangeError);
  await arriving;
  const again = throws(accepted(ba), FileInterrupted);
  const sending = ab.sendFile(new Blob([content(30_000_000)]), { onProgress: () => ab.close() });
  await throws(sending, FileInterrupted);
  await again;
  close();
});

const EMPTY = new Sha256().hex();
const START = { type: 'checkpoint', offset: 0, sha256: EMPTY };

/** Frames that a sender puts on the channel, and the code of the refusal that it must get. @type {[string, any[], string][]} */
const BAD_SENDERS = [
  ['no header', [new Uint8Array(4)], 'BAD_MESSAGE'],
  ['a header of another type', [START], 'BAD_MESSAGE'],
  ['a negative size', [{ ...HEADER, size: -1 }], 'BAD_MESSAGE'],
  ['a name that is no text', [{ ...HEADER, name: 7 }], 'BAD_MESSAGE'],
  ['a folder that is none', [{ ...HEADER, folder: [7] }], 'BAD_MESSAGE'],
  ['content at once', [HEADER, new Uint8Array(4)], 'BAD_MESSAGE'],
  ['another beginning', [HEADER, { ...START, sha256: '0'.repeat(64) }, { ...START, sha256: '0' }], 'CHECKSUM_MISMATCH'],
  ['an empty frame', [HEADER, START, new Uint8Array(0)], 'SIZE_MISMATCH'],
  ['more than announced', [HEADER, START, new Uint8Array(5)], 'SIZE_MISMATCH'],
  ['less than announced', [HEADER, START, new Uint8Array(3), { ...START, offset: 3 }], 'SIZE_MISMATCH'],
  ['another hash', [HEADER, START, new Uint8Array(4), { ...START, offset: 4 }], 'CHECKSUM_MISMATCH'],
];

for (const [what, frames, code] of BAD_SENDERS) {
  test(`a sender with ${what} is refused with ${code}`, async () => {
    const { ab, ba, close } = await connectedPair();
    /** @type {Promise<unknown> | null} */
    let taking = null;
    ba.on('file', ({ file }) => (taking = throws(file.accept(), FileMismatch)));
    const channel = ab.openChannel('file');
    for (const frame of frames)
      await channel.send(ArrayBuffer.isView(frame) ? /** @type {any} */ (frame) : JSON.stringify(frame));
    let answer = JSON.parse(String(await channel.receive()));
    while (answer.type !== 'refused') answer = JSON.parse(String(await channel.receive()));
    equal(answer.code, code);
    await taking;
    equal(await channel.receive(), null, 'then the channel closes');
    close();
  });
}

/** Sends the file until the receiver has so much of it. @param {File} file @param {number} bytes */
async function interrupted(file, bytes) {
  const { ab, ba, close } = await connectedPair();
  const arriving = throws(accepted(ba), FileInterrupted);
  const onProgress = (/** @type {number} */ verified) => void (verified > bytes && ba.close());
  await Promise.all([throws(ab.sendFile(file, { onProgress }), FileInterrupted), arriving]);
  close();
}

test('a file that was interrupted goes on where it was, over another connection', async () => {
  const file = new File([content(20_000_000)], 'long.bin');
  await interrupted(file, 5_000_000);
  const { ab, ba, close } = await connectedPair();
  /** @type {number[]} */
  const seen = [];
  const [{ sha256 }, got] = await Promise.all([ab.sendFile(file, { onProgress: (sent) => seen.push(sent) }), accepted(ba)]);
  ok(got.resumedAt > 5_000_000 && got.resumedAt % 1_048_576 === 0, `resumed at ${got.resumedAt}`);
  ok(seen.every((sent) => sent > got.resumedAt), 'what was there is not sent again');
  equal(sha256, await hashOf(file));
  equal(await hashOf(got.blob), sha256, 'content');
  const other = new File([content(20_000_001).subarray(1)], 'long.bin', { lastModified: file.lastModified });
  const [again, from] = await Promise.all([ab.sendFile(other), accepted(ba)]);
  equal(from.resumedAt, 0, 'what is complete is not kept');
  equal(again.sha256, await hashOf(from.blob));
  close();
});

test('what looks like the same file and is not starts over', async () => {
  const file = new File([content(12_000_000)], 'twin.bin');
  const twin = new File([content(12_000_001).subarray(1)], 'twin.bin', { lastModified: file.lastModified });
  await interrupted(file, 3_000_000);
  const { ab, ba, close } = await connectedPair();
  const [{ sha256 }, got] = await Promise.all([ab.sendFile(twin), accepted(ba)]);
  equal(got.resumedAt, 0);
  equal(sha256, await hashOf(twin));
  equal(await hashOf(got.blob), sha256, 'content');
  close();
});

test('a receiver that confirms something else is found out', async () => {
  const { ab, ba, close } = await connectedPair();
  const other = next(ba, 'file');
  ba.on('file', ({ file }) => (file.decided = true));
  const sending = throws(ab.sendFile(new Blob(['abc'])), FileInterrupted);
  ok(/** @type {FileEvent} */ (await other).file, 'announced');
  ba.close();
  await sending;
  close();
});

test('names lose paths and characters that deceive', () => {
  equal(bareName('../../etc/passwd'), 'passwd');
  equal(bareName('C:\\Users\\me\\photo.jpg'), 'photo.jpg');
  equal(bareName('evil\u202Egpj.exe\u0000\n'), 'evilgpj.exe');
  equal(bareName('..'), 'file');
  equal(bareName(''), 'file');
  equal([...bareName('😀'.repeat(300))].length, 255);
});
