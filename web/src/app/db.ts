/** This browser's own store, for the page and its service worker: what waits to be sent, and who is at the page. */
const NAME = "tangkapin";
const VERSION = 1;
export type Store = "outbox" | "meta";

/** The cache of what the app loaded, and under which name stands who is at the page. */
export const DATA_CACHE = "tangkapin-data";
export const WHO = "who";
/** person: role and number, "police-4" */
export type Who = { person: string; csrf: string; language: string };

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "id", autoIncrement: true });
      request.result.createObjectStore("meta", { keyPath: "key" });
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => {
        request.result.close();
        opened = undefined;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  opened.catch(() => (opened = undefined));
  return opened;
}

/** One request in a transaction of its own; resolves when the transaction has committed. */
export async function ask<T>(store: Store, mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  return new Promise<T>((resolve, reject) => {
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const request = what(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export async function readMeta<T>(key: string): Promise<T | undefined> {
  const row = await ask<{ key: string; value: T } | undefined>("meta", "readonly", (meta) => meta.get(key));
  return row?.value;
}

export async function writeMeta(key: string, value: unknown): Promise<void> {
  await ask("meta", "readwrite", (meta) => meta.put({ key, value }));
}

export async function dropMeta(key: string): Promise<void> {
  await ask("meta", "readwrite", (meta) => meta.delete(key));
}
