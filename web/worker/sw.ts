/**
 * The service worker of the app (owners, field police): opens without a network, shows what was loaded, sends what waits,
 * and shows notices that come by Web Push.
 *
 * - the page and its files: from the network, else as they were built (the list is written by scripts/worker.ts);
 * - the app's own data: from the network; without one, as last seen (header X-Tangkapin-Seen says when);
 * - everything else, what changes something and live pictures: not touched here.
 */
import { DATA_CACHE, dropMeta, readMeta, WHO, type Who, writeMeta } from "../src/app/db.ts";
import { flush } from "../src/app/outbox.ts";

declare const self: ServiceWorkerGlobalScope;
declare const __FILES__: string[];

const SHELL_CACHE = "tangkapin-shell";
const FILES: string[] = __FILES__;
const PAGE = "/";
const PATIENCE_MS = 6_000;
const PICTURES_KEPT = 80;
const NOTICES_KEPT = 100;
const DATA = /^\/api\/(session|me(\/.*)?|count|cctv(\/preview|\/\d+(\/snapshot)?)?|report(\/\d+(\/track)?)?|notification|push-addresses(\/key)?|police\/.*|reports\/\d+\/(messages|evidence|timeline))$/;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(SHELL_CACHE).then(async (cache) => {
      const had = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
      await cache.addAll([PAGE, ...FILES.filter((file) => !had.has(file))].map((file) => new Request(file, { cache: file === PAGE ? "reload" : "default" })));
    }),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(SHELL_CACHE);
      const wanted = new Set([PAGE, ...FILES]);
      for (const request of await cache.keys()) if (!wanted.has(new URL(request.url).pathname)) await cache.delete(request);
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (FILES.includes(url.pathname)) event.respondWith(file(request));
  else if (DATA.test(url.pathname)) event.respondWith(data(request, request, event));
  else if (url.pathname.startsWith("/media/") || url.pathname.startsWith("/api/media/")) event.respondWith(data(request, new Request(url.origin + url.pathname), event));
});

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(PAGE, { cacheName: SHELL_CACHE })) ?? Response.error();
  }
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: SHELL_CACHE, ignoreVary: true })) ?? fetch(request);
}

/** The network's answer, kept under `key`; without one in time, what was kept. A signed address changes, its path stays. */
async function data(request: Request, key: Request, event: FetchEvent): Promise<Response> {
  const cache = await caches.open(DATA_CACHE);
  const asked = fetch(request).then((response) => {
    if (response.ok && !response.redirected) event.waitUntil(keep(cache, key, response.clone()));
    return response;
  });
  asked.catch(() => undefined);
  const kept = await cache.match(key, { ignoreVary: true });
  if (!kept) return asked;
  const patience = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  return Promise.race([asked, patience]).catch(() => kept);
}

async function keep(cache: Cache, key: Request, response: Response): Promise<void> {
  if (!(await readMeta<Who>(WHO))) return; // nobody is logged in (any more): nothing is kept
  const headers = new Headers(response.headers);
  headers.set("X-Tangkapin-Seen", new Date().toISOString());
  await cache.put(key, new Response(await response.blob(), { status: response.status, headers }));
  const pictures = (await cache.keys()).filter((request) => /\/media\//.test(new URL(request.url).pathname));
  for (const old of pictures.slice(0, -PICTURES_KEPT)) await cache.delete(old);
}

// -- what waits to be sent --------------------------------------------------------------------------------------------

type SyncEvent = ExtendableEvent & { tag: string };

self.addEventListener("sync" as "message", (event) => {
  const sync = event as unknown as SyncEvent;
  if (sync.tag !== "outbox") return;
  sync.waitUntil(
    flush().then((outcome) => {
      if (outcome === "offline" || outcome === "later") throw new Error(outcome); // the browser tries again
    }),
  );
});

// -- notices ----------------------------------------------------------------------------------------------------------

type Pushed = { noticeId?: string; kind?: string; title?: string; message?: string; at?: string; reportId?: number | null; deviceId?: number | null; urgent?: boolean; collapseKey?: string };

self.addEventListener("push", (event) => {
  let told: Pushed = {};
  try {
    told = (event.data?.json() ?? {}) as Pushed;
  } catch {
    told = {};
  }
  event.waitUntil(show(told));
});

async function show(told: Pushed): Promise<void> {
  const had = (await readMeta<string[]>("pushed")) ?? [];
  if (told.noticeId && had.includes(told.noticeId)) return;
  if (told.noticeId) await writeMeta("pushed", [...had, told.noticeId].slice(-NOTICES_KEPT));
  const who = await readMeta<Who>(WHO);
  const options = {
    body: told.message ?? "",
    tag: told.collapseKey || told.noticeId || "tangkapin",
    renotify: Boolean(told.urgent),
    requireInteraction: Boolean(told.urgent),
    vibrate: told.urgent ? [400, 150, 400, 150, 400] : [120],
    icon: "/icon-192.png",
    badge: "/badge.png",
    lang: who?.language ?? "id",
    timestamp: told.at ? Date.parse(told.at) : Date.now(),
    data: { url: addressOf(told, who) },
  };
  await self.registration.showNotification(told.title || "Tangkapin", options);
  for (const client of await self.clients.matchAll({ type: "window" })) client.postMessage({ type: "notice", kind: told.kind });
}

function addressOf(told: Pushed, who: Who | undefined): string {
  if (who?.person.startsWith("police") && told.reportId) return `/duty/${told.reportId}`;
  if (who?.person.startsWith("owner") && told.reportId) return `/my-reports/${told.reportId}`;
  if (who?.person.startsWith("owner") && told.deviceId) return `/cameras/${told.deviceId}`;
  return "/notices";
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data as { url: string };
  event.waitUntil(
    (async () => {
      const [open] = await self.clients.matchAll({ type: "window" });
      if (!open) return void (await self.clients.openWindow(url));
      open.postMessage({ type: "go", url });
      await open.focus();
    })(),
  );
});

/** The browser gave this phone another address: tell it, in the name of who is logged in. */
self.addEventListener("pushsubscriptionchange", (event) => {
  const change = event as ExtendableEvent & { oldSubscription?: PushSubscription };
  change.waitUntil(
    (async () => {
      const who = await readMeta<Who>(WHO);
      const key = change.oldSubscription?.options.applicationServerKey;
      if (!who || !key) return dropMeta("push");
      const fresh = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
      const { endpoint, keys } = fresh.toJSON();
      await fetch("/api/push-addresses", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": who.csrf },
        body: JSON.stringify({ channel: "webpush", endpoint, keys }),
      });
    })(),
  );
});
