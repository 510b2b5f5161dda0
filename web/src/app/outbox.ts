/**
 * What waits to be sent, in the order in which it was written; in this browser until the server has it.
 *
 * Everything carries a `client_id` (or is an act that changes nothing when repeated), so that what was sent and not
 * confirmed may be sent again. Page and service worker both empty it, one at a time (a lock). What the server refuses
 * for good stays with its words until the person throws it away; refused positions are dropped, they are no use later.
 */
import { ask, readMeta, WHO, type Who } from "./db.ts";

export type Kind = "position" | "status" | "answer" | "stop" | "message" | "evidence" | "report";
export type Item = {
  id: number;
  /** role and number of whose it is: "police-4" */
  person: string;
  kind: Kind;
  report: number | null;
  path: string;
  body: Record<string, unknown>;
  /** sent as multipart with the body's members beside it */
  file?: { blob: Blob; name: string };
  at: string;
  refused?: { status: number; words: string };
};
/** sent: nothing is left · offline: no network · later: the server is busy · door: log in first */
export type Outcome = "sent" | "offline" | "later" | "door";
export type Heard = { type: "outbox"; sent?: Item; recalled?: boolean };

const LOCK = "tangkapin-outbox";
const LIGHT_MS = 20_000;
const HEAVY_MS = 600_000;
const POSITIONS_KEPT = 5_000;
const line = new BroadcastChannel("tangkapin");

/** Told to every page of this browser, this one too, when the outbox changed. */
export function onOutbox(listener: (heard: Heard) => void): () => void {
  const ear = new BroadcastChannel("tangkapin");
  ear.onmessage = (message: MessageEvent<Heard>) => message.data.type === "outbox" && listener(message.data);
  return () => ear.close();
}

export async function waiting(person: string): Promise<Item[]> {
  const items = await ask<Item[]>("outbox", "readonly", (outbox) => outbox.getAll());
  return items.filter((item) => item.person === person);
}

/** Kept from the moment that this resolves. */
export async function put(item: Omit<Item, "id" | "at">): Promise<void> {
  await ask("outbox", "readwrite", (outbox) => outbox.add({ ...item, at: new Date().toISOString() }));
  line.postMessage({ type: "outbox" } satisfies Heard);
}

export async function discard(id: number): Promise<void> {
  await ask("outbox", "readwrite", (outbox) => outbox.delete(id));
  line.postMessage({ type: "outbox" } satisfies Heard);
}

/** Send what waits, the oldest first, small things before files. */
export async function flush(): Promise<Outcome> {
  return await navigator.locks.request(LOCK, async (): Promise<Outcome> => {
    for (;;) {
      const who = await readMeta<Who>(WHO);
      if (!who) return "door";
      const items = (await waiting(who.person)).filter((item) => !item.refused);
      const next = items.find((item) => !item.file) ?? items[0];
      if (!next) return "sent";
      const outcome = await send(next, who);
      if (outcome !== "sent") {
        await thin(items);
        return outcome;
      }
    }
  });
}

async function send(item: Item, who: Who): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch(item.path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Accept-Language": who.language, "X-CSRF-Token": who.csrf, ...(item.file ? {} : { "Content-Type": "application/json" }) },
      body: item.file ? form(item) : JSON.stringify(item.body),
      signal: AbortSignal.timeout(item.file ? HEAVY_MS : LIGHT_MS),
    });
  } catch {
    return "offline";
  }
  if (response.ok) {
    await discard(item.id);
    line.postMessage({ type: "outbox", sent: item } satisfies Heard);
    return "sent";
  }
  if (response.status === 401 || response.status === 403) return "door";
  if (response.status === 408 || response.status === 425 || response.status === 429 || response.status >= 500) return "later";
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; message?: string; reason?: string };
  if (item.kind === "position") await discard(item.id);
  else {
    const refused = { status: response.status, words: String(problem.detail ?? problem.message ?? `HTTP ${response.status}`) };
    await ask("outbox", "readwrite", (outbox) => outbox.put({ ...item, refused }));
  }
  line.postMessage({ type: "outbox", recalled: problem.reason === "recalled" || problem.reason === "withdrawn" } satisfies Heard);
  return "sent";
}

function form(item: Item): FormData {
  const body = new FormData();
  for (const [name, value] of Object.entries(item.body)) body.set(name, String(value));
  body.set("file", item.file!.blob, item.file!.name);
  return body;
}

/** A phone that is away for a day keeps every second position rather than none of the newest. */
async function thin(items: Item[]): Promise<void> {
  const positions = items.filter((item) => item.kind === "position");
  if (positions.length <= POSITIONS_KEPT) return;
  for (const [index, item] of positions.entries()) if (index % 2) await ask("outbox", "readwrite", (outbox) => outbox.delete(item.id));
}
