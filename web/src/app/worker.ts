/** The service worker of the app, and this browser's address for Web Push. */
import { api, take } from "../api/client.ts";
import { DATA_CACHE } from "./db.ts";

export type Push = "unsupported" | "off-here" | "denied" | "off" | "on";

let fresh: ServiceWorker | null = null;
const watchers = new Set<() => void>();

/** Registers it; `watchUpdate` hears of a newer version that waits. */
export async function register(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register("/sw.js", { scope: "/" }).catch(() => null);
  if (!registration) return;
  const look = () => {
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    fresh = registration.waiting;
    for (const watcher of watchers) watcher();
  };
  look();
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
}

/** After a login: what was asked before the worker stood between page and network is asked once more, and so kept. */
export async function keepLoaded(again: () => Promise<void>): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  if (!navigator.serviceWorker.controller) await new Promise((taken) => navigator.serviceWorker.addEventListener("controllerchange", taken, { once: true }));
  if (await caches.match("/api/session", { cacheName: DATA_CACHE, ignoreVary: true })) return;
  await again();
  await api.GET("/api/session"); // last: it says that the rest is there
}

export const hasUpdate = (): boolean => fresh !== null;
export function watchUpdate(changed: () => void): () => void {
  watchers.add(changed);
  return () => void watchers.delete(changed);
}

/** The newer version takes over, and the page is loaded again with it. */
export function update(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  fresh?.postMessage("take over");
}

const found = async (): Promise<ServiceWorkerRegistration | undefined> => ("serviceWorker" in navigator ? navigator.serviceWorker.getRegistration() : undefined);

export async function readPush(): Promise<Push> {
  const registration = await found();
  if (!registration || !("pushManager" in registration) || !("Notification" in window)) return "unsupported";
  if (Notification.permission === "denied") return "denied";
  const { application_key } = await take(api.GET("/api/push-addresses/key"));
  if (!application_key) return "off-here";
  return (await registration.pushManager.getSubscription()) ? "on" : "off";
}

export async function subscribe(): Promise<Push> {
  const registration = await found();
  if (!registration) return "unsupported";
  if ((await Notification.requestPermission()) !== "granted") return "denied";
  const { application_key } = await take(api.GET("/api/push-addresses/key"));
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: application_key });
  const { endpoint, keys } = subscription.toJSON();
  await take(api.POST("/api/push-addresses", { body: { channel: "webpush", endpoint: endpoint ?? null, keys: { p256dh: keys?.["p256dh"] ?? "", auth: keys?.["auth"] ?? "" } } }));
  return "on";
}

export async function unsubscribe(): Promise<Push> {
  const subscription = await (await found())?.pushManager.getSubscription();
  await subscription?.unsubscribe(); // the push service says "gone", and the server forgets the address
  return "off";
}
