/** A file on disk that is written piece by piece (File System API), so that its content does not have to fit the memory. */

/** The folder of the page's own files. */
const FOLDER = 'heliograph-scratch';

export class DiskFile {
  #handle;
  #writable;
  #remove;

  /**
   * @param {FileSystemFileHandle} handle @param {FileSystemWritableFileStream} writable
   * @param {(() => Promise<void>) | null} [remove] null for a file that is not this page's own
   */
  constructor(handle, writable, remove = null) {
    this.#handle = handle;
    this.#writable = writable;
    this.#remove = remove;
  }

  /** A file that somebody chose; what is in it stays until it is written over. @param {FileSystemFileHandle} handle */
  static async chosen(handle) {
    return new DiskFile(handle, await handle.createWritable({ keepExistingData: true }));
  }

  /**
   * A file of this page's own, which goes when the page has gone and another one comes.
   * @returns {Promise<DiskFile | null>} null where the browser has no such files: older ones, private windows, plain HTTP
   */
  static async scratch() {
    if (!('locks' in navigator && globalThis.FileSystemFileHandle?.prototype.createWritable)) return null;
    try {
      const { folder, page } = await (own ??= openFolder());
      const name = `${page}.${(count += 1)}`;
      const handle = await folder.getFileHandle(name, { create: true });
      return new DiskFile(handle, await handle.createWritable(), () => folder.removeEntry(name));
    } catch (error) {
      own = null;
      if (error instanceof DOMException) return null;
      throw error;
    }
  }

  /** Whether it is kept for later as it is; what somebody chose is there for them. */
  get isOwn() {
    return this.#remove !== null;
  }

  /** @param {number} position @param {Uint8Array[]} frames */
  async write(position, frames) {
    const data = new Uint8Array(frames.reduce((bytes, frame) => bytes + frame.length, 0));
    let end = 0;
    for (const frame of frames) {
      data.set(frame, end);
      end += frame.length;
    }
    await this.#writable.write({ type: 'write', position, data });
  }

  clear() {
    return this.#writable.truncate(0);
  }

  /** Puts what was written where it is to be. @param {number} size @param {string} mime @returns {Promise<Blob>} */
  async finish(size, mime) {
    await this.#writable.truncate(size);
    await this.#writable.close();
    const file = await this.#handle.getFile();
    return file.slice(0, size, mime);
  }

  /** Nobody wants it any more. */
  async discard() {
    await this.#writable.abort();
    await this.#remove?.();
  }
}

/** @type {Promise<{ folder: FileSystemDirectoryHandle, page: string }> | null} */
let own = null;
let count = 0;

/** Removes what pages have left that are gone: as long as one is open, it holds a lock with its name. */
async function openFolder() {
  const page = crypto.getRandomValues(new Uint32Array(2)).join('-');
  await new Promise((granted, refused) => {
    const untilThePageEnds = () => (granted(null), new Promise(() => {}));
    navigator.locks.request(`${FOLDER} ${page}`, untilThePageEnds).catch(refused);
  });
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(FOLDER, { create: true });
  const { held = [] } = await navigator.locks.query();
  const open = new Set(held.map(({ name }) => name));
  for await (const name of folder.keys()) {
    if (!open.has(`${FOLDER} ${name.split('.')[0]}`)) await folder.removeEntry(name);
  }
  return { folder, page };
}
