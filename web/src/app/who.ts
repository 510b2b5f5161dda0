/** Keeps what the service worker needs to know of who is at the page; forgets what was loaded when they leave. */
import { roleOf, type Session } from "../api/session.tsx";
import { language } from "../i18n/language.ts";
import { DATA_CACHE, dropMeta, WHO, type Who, writeMeta } from "./db.ts";

const LAST = "tangkapin.person";

export const personOf = (session: Session): string => `${roleOf(session)}-${session.user.id}`;

export async function arrive(session: Session): Promise<void> {
  const person = personOf(session);
  if (localStorage.getItem(LAST) !== person) await caches.delete(DATA_CACHE);
  localStorage.setItem(LAST, person);
  await writeMeta(WHO, { person, csrf: session.csrf_token, language: language() } satisfies Who);
}

/** What was loaded goes; what waits to be sent stays until this person is back. */
export async function leave(): Promise<void> {
  localStorage.removeItem(LAST);
  await Promise.all([dropMeta(WHO), caches.delete(DATA_CACHE)]);
}
