import { FileInterrupted, FileRefusedByPeer, FileUnwritable } from '../src/index.js';
import { DiskFile } from '../src/disk.js';
import { MEMORY_BYTES } from '../src/kept-files.js';
import { equal, ok, test, throws } from './harness.js';
import { connectedPair } from './pair.js';

/** @typedef {Parameters<import('../src/index.js').IncomingFile['accept']>[0]} AcceptOptions */

const FOLDER = 'heliograph-scratch';

/** Bytes that do not repeat within some chunks. @param {number} length @param {number} [seed] */
function content(length, seed = 31) {
  return new Uint8Array(Uint32Array.from({ length: Math.ceil(length / 4) }, (_, i) => i * seed).buffer, 0, length);
}

/** @param {Blob} blob */
async function hashOf(blob) {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The names of the files that the SDK has on disk for this origin. */
async function scratch() {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(FOLDER, { create: true });
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  return names.filter((name) => !name.endsWith('.crswap')); // what Chrome writes to before a file is closed
}

/** A file that somebody might have chosen. @param {string} name */
async function chosen(name) {
  const root = await navigator.storage.getDirectory();
  return root.getFileHandle(name, { create: true });
}

/** @param {import('../src/index.js').Connection} connection @param {AcceptOptions} options
 * @returns {Promise<import('../src/incoming-file.js').ReceivedFile>} the next file that it is sent */
function accepted(connection, options) {
  return new Promise((resolve) => connection.on('file', ({ file }) => resolve(file.accept(options)), { once: true }));
}

/** Sends a file over a connection of its own. @param {File} file @param {AcceptOptions} options @param {number} [enough] */
async function sent(file, options, enough = Infinity) {
  const { ab, ba, close } = await connectedPair();
  const arriving = accepted(ba, options);
  const onProgress = (/** @type {number} */ verified) => void (verified > enough && ba.close());
  const [receipt, received] = await Promise.allSettled([ab.sendFile(file, { onProgress }), arriving]);
  close();
  if (received.status === 'rejected') throw received.reason;
  if (receipt.status === 'rejected') throw receipt.reason;
  equal(receipt.value.sha256, received.value.sha256, 'one hash');
  return received.value;
}

test('a big file is on disk, a small one in memory', async () => {
  const small = await sent(new File([content(MEMORY_BYTES)], 'small.bin'), {});
  equal([small.blob.size, (await scratch()).length], [MEMORY_BYTES, 0]);
  const file = new File([content(MEMORY_BYTES + 1)], 'big.png', { type: 'image/png' });
  const big = await sent(file, {});
  equal([big.blob.size, big.blob.type, (await scratch()).length], [file.size, 'image/png', 1]);
  equal(await hashOf(big.blob), await hashOf(file), 'content');
});

test('what a page that is gone has left on disk is removed, and that of another page is not', async () => {
  const [mine] = await scratch();
  const root = await navigator.storage.getDirectory();
  await (await root.getDirectoryHandle(FOLDER)).getFileHandle('1-2.3', { create: true });
  const { DiskFile: ofAnotherPage } = /** @type {typeof import('../src/disk.js')} */ (
    await import(/** @type {string} */ ('../src/disk.js?another'))
  );
  const other = await ofAnotherPage.scratch();
  const names = await scratch();
  ok(mine !== undefined && names.includes(mine) && names.length === 2, `left are ${names}`);
  await other?.discard();
  equal(await scratch(), [mine]);
});

test('a file is written where it is to go', async () => {
  const to = await chosen('to.bin');
  const file = new File([content(3_000_000)], 'any.bin');
  const { blob, sha256, resumedAt } = await sent(file, { to });
  equal([resumedAt, sha256, await hashOf(await to.getFile()), await hashOf(blob)], [0, ...Array(3).fill(await hashOf(file))]);
});

test('what is there of an interrupted file is not sent again, without anything that a page remembers', async () => {
  const to = await chosen('resumed.bin');
  const file = new File([content(13_000_000)], 'long.bin');
  await throws(sent(file, { to }, 2_000_000), FileInterrupted);
  const there = (await to.getFile()).size;
  ok(there > 2_000_000 && there < file.size, `${there} are there`);
  const { resumedAt } = await sent(file, { to });
  equal([resumedAt, await hashOf(await to.getFile())], [there, await hashOf(file)]);
  equal((await sent(file, { to })).resumedAt, file.size, 'all is there');
});

test('a file with other content is written over, and shortened', async () => {
  const to = await chosen('other.bin');
  const writable = await to.createWritable();
  await writable.write(content(4_000_000, 7));
  await writable.close();
  const file = new File([content(2_500_000)], 'shorter.bin');
  const { resumedAt } = await sent(file, { to });
  equal([resumedAt, (await to.getFile()).size, await hashOf(await to.getFile())], [0, file.size, await hashOf(file)]);
});

test('an interrupted big file goes on from what is on disk, within the page', async () => {
  const file = new File([content(14_000_000)], 'kept.bin');
  await throws(sent(file, {}, 3_000_000), FileInterrupted);
  const { resumedAt, blob } = await sent(file, {});
  ok(resumedAt > 3_000_000, `resumed at ${resumedAt}`);
  equal(await hashOf(blob), await hashOf(file));
});

for (const [name, code] of /** @type {const} */ ([['QuotaExceededError', 'NO_SPACE'], ['NotAllowedError', 'CANNOT_WRITE']])) {
  test(`a disk that takes no more (${name}) is said to both sides as ${code}`, async () => {
    const handle = await chosen(`${code}.bin`);
    const file = new File([content(3_000_000)], 'any.bin');
    const { ab, ba, close } = await connectedPair();
    /** The operating system's word at the second chunk, which a test cannot bring about. */
    const createWritable = async () => {
      const writable = await handle.createWritable();
      const write = writable.write.bind(writable);
      writable.write = async (data) => {
        if (/** @type {any} */ (data).position > 0) throw new DOMException('not today', name);
        return write(data);
      };
      return writable;
    };
    const to = /** @type {FileSystemFileHandle} */ ({ getFile: () => handle.getFile(), createWritable });
    const refusal = throws(ab.sendFile(file), FileRefusedByPeer);
    equal((await throws(accepted(ba, { to }), FileUnwritable)).code, code);
    equal((await refusal).code, code);
    equal((await handle.getFile()).size, 1_048_576, 'what was written stays');
    close();
  });
}

test('a file that cannot be opened for writing is said so', async () => {
  const root = await navigator.storage.getDirectory();
  const to = await chosen('removed.bin');
  await root.removeEntry('removed.bin');
  const error = await throws(sent(new File(['abc'], 'a.txt'), { to }), FileUnwritable);
  equal(error.code, 'CANNOT_WRITE');
});

test('a received file that is discarded takes up nothing any more; one that was chosen stays', async () => {
  const before = await scratch();
  const file = new File([content(MEMORY_BYTES + 1)], 'gone.bin');
  const received = await sent(file, {});
  equal((await scratch()).length, before.length + 1);
  await received.discard();
  equal(await scratch(), before);
  await throws(received.blob.arrayBuffer(), DOMException);
  const to = await chosen('stays.bin');
  await (await sent(file, { to })).discard();
  equal(await hashOf(await to.getFile()), await hashOf(file));
});

test('what is discarded is not on disk', async () => {
  const before = await scratch();
  const file = await DiskFile.scratch();
  equal((await scratch()).length, before.length + 1);
  await file?.write(0, [content(10)]);
  await file?.discard();
  equal(await scratch(), before);
});
