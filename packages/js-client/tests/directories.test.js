import { FileRefusedByPeer, HeliographError } from '../src/index.js';
import { equal, ok, test, throws } from './harness.js';
import { connectedPair } from './pair.js';

/** An empty folder. @param {string} name */
async function folder(name) {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(name, { recursive: true }).catch((error) => {
    if (error.name !== 'NotFoundError') throw error;
  });
  return root.getDirectoryHandle(name, { create: true });
}

/** @param {FileSystemDirectoryHandle} directory @param {string} path @param {BlobPart} content */
async function write(directory, path, content) {
  const names = path.split('/');
  const file = names.pop() ?? '';
  for (const name of names) directory = await directory.getDirectoryHandle(name, { create: true });
  const writable = await (await directory.getFileHandle(file, { create: true })).createWritable();
  await writable.write(/** @type {any} */ (content));
  await writable.close();
}

/** @param {FileSystemDirectoryHandle} directory @param {string} [at] @returns {Promise<Record<string, string>>} */
async function read(directory, at = '') {
  /** @type {Record<string, string>} */
  const found = {};
  for await (const handle of directory.values()) {
    if (handle.kind === 'directory') Object.assign(found, await read(handle, `${at}${handle.name}/`));
    else found[at + handle.name] = await (await handle.getFile()).text();
  }
  return found;
}

/** @param {Record<string, string>} files */
function sorted(files) {
  return Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
}

const FILES = { 'a.txt': 'A', 'deep/er/b.txt': 'B', 'deep/c.txt': '', 'z.bin': 'Z'.repeat(2_000_000) };

test('a directory arrives with its folders, in a directory', async () => {
  const { ab, ba, close } = await connectedPair();
  const [from, into] = [await folder('from'), await folder('into')];
  for (const [path, content] of Object.entries(FILES)) await write(from, path, content);
  const arrived = (async () => {
    const files = [];
    for await (const file of ba.receiveFiles({ into })) files.push([...file.folder, file.name].join('/'));
    return files;
  })();
  /** @type {number[]} */
  const done = [];
  const total = Object.values(FILES).join('').length;
  const sent = await ab.sendDirectory(from, { name: 'job', atOnce: 2, onProgress: (bytes, of) => done.push(bytes, of - total) });
  equal(sent.map((file) => [...file.folder, file.name].join('/')), ['job/a.txt', 'job/deep/c.txt', 'job/deep/er/b.txt', 'job/z.bin']);
  equal([done.at(-2), done.at(-1)], [total, 0], 'progress of all');
  equal(sorted(await read(into)), sorted(FILES).map(([path, content]) => [`job/${path}`, content]));
  ab.close();
  equal((await arrived).sort(), ['job/a.txt', 'job/deep/c.txt', 'job/deep/er/b.txt', 'job/z.bin']);
  close();
});

test('the files of an input have folders of their own', async () => {
  const { ab, ba, close } = await connectedPair();
  const files = ['top/a', 'top/in/b'].map((path) => {
    const file = new File(['x'], path.split('/').at(-1) ?? '');
    Object.defineProperty(file, 'webkitRelativePath', { value: path });
    return file;
  });
  const receiving = ba.receiveFiles();
  const sent = await ab.sendDirectory(files);
  equal(sent.map(({ folder }) => folder), [['top'], ['top', 'in']]);
  const got = [(await receiving.next()).value, (await receiving.next()).value];
  equal(got.map((file) => file?.folder.join('/')).sort(), ['top', 'top/in']);
  equal(await got[0]?.blob.text(), 'x');
  close();
});

test('the entries of a drop: folders are read to their end', async () => {
  const { ab, ba, close } = await connectedPair();
  const file = (/** @type {string} */ name) => ({ isFile: true, name, file: (/** @type {(file: File) => void} */ give) => give(new File(['x'], name)) });
  const directory = (/** @type {string} */ name, /** @type {object[][]} */ parts) => ({
    name,
    createReader: () => ({ readEntries: (/** @type {(some: object[]) => void} */ give) => give(parts.shift() ?? []) }),
  });
  const receiving = ba.receiveFiles();
  const top = directory('top', [[file('a'), directory('in', [[file('b')]])], [file('c')]]);
  const sent = await ab.sendDirectory(/** @type {any} */ (top));
  equal(sent.map((each) => [...each.folder, each.name].join('/')), ['top/a', 'top/c', 'top/in/b']);
  for (let count = 0; count < 3; count += 1) equal((await receiving.next()).value?.size, 1);
  close();
});

test('names that are taken, and files that are not wanted', async () => {
  const { ab, ba, close } = await connectedPair();
  const into = await folder('into');
  await write(into, 'a.txt', 'there');
  /** @type {string[]} */
  const errors = [];
  const stop = new AbortController();
  const renamed = ba.receiveFiles({
    into,
    maxBytes: 10,
    accept: async ({ name }) => name !== 'unwanted.txt',
    onError: (file) => errors.push(file.name),
    signal: stop.signal,
  });
  await ab.sendFile(new File(['new'], 'a.txt'));
  equal((await renamed.next()).value?.name, 'a (1).txt');
  equal((await throws(ab.sendFile(new File(['x'], 'unwanted.txt')), FileRefusedByPeer)).code, 'NOT_WANTED');
  equal((await throws(ab.sendFile(new File(['x'.repeat(11)], 'big.txt')), FileRefusedByPeer)).code, 'TOO_BIG');
  equal(errors, ['big.txt']);
  stop.abort();
  equal((await renamed.next()).done, true);
  const refusing = new AbortController();
  const none = ba.receiveFiles({ into, existing: 'refuse', signal: refusing.signal });
  equal((await throws(ab.sendFile(new File(['x'], 'a.txt')), FileRefusedByPeer)).code, 'EXISTS');
  refusing.abort();
  equal((await none.next()).done, true);
  const replaced = ba.receiveFiles({ into, existing: 'replace' });
  await ab.sendFile(new File(['other'], 'a.txt'));
  equal((await replaced.next()).value?.name, 'a.txt');
  const found = await read(into);
  equal([found['a.txt'], found['a (1).txt']], ['other', 'new']);
  close();
});

test('one that fails stops the others', async () => {
  const { ab, ba, close } = await connectedPair();
  let asked = 0;
  ba.receiveFiles({ accept: ({ name }) => (asked += 1) > 0 && name !== 'b' });
  const files = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => new File(['x'], name));
  await throws(ab.sendDirectory(files, { atOnce: 1 }), FileRefusedByPeer);
  equal(asked, 2);
  const deep = Object.defineProperty(new File(['x'], 'x'), 'webkitRelativePath', { value: `${'d/'.repeat(33)}x` });
  equal((await throws(ab.sendDirectory([deep]), HeliographError)).code, 'TOO_DEEP');
  const abort = AbortSignal.abort(new RangeError('no'));
  await throws(ab.sendDirectory(files, { signal: abort }), RangeError);
  ok(asked === 2, 'and nobody was asked');
  close();
});
