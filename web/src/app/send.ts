/** Things written on this phone: kept first, then sent; and what waits, for pages that show it. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useSession } from "../api/session.tsx";
import { announce } from "../live/live.ts";
import { flush, type Heard, type Item, type Kind, onOutbox, type Outcome, put, waiting } from "./outbox.ts";
import { personOf } from "./who.ts";

/** What changes when a thing of this kind was taken. */
const TOPICS: Record<Kind, readonly string[]> = {
  position: ["tracking"],
  status: ["assignments", "reports", "tracking"],
  answer: ["assignments", "reports"],
  stop: ["assignments", "notices"],
  message: ["messages"],
  evidence: ["evidence"],
  report: ["reports"],
};

export type Letter = Pick<Item, "kind" | "report" | "path" | "body" | "file">;

/** A name that makes the server take a thing once, however often it comes. */
export const once = (): string => crypto.randomUUID();

export function useSend(): (letter: Letter) => Promise<void> {
  const person = personOf(useSession());
  return async (letter) => {
    await put({ ...letter, person });
    void deliver();
  };
}

/** Try to send now; where there is no network, ask the browser to try when there is, even without this page. */
export async function deliver(): Promise<Outcome> {
  const outcome = await flush();
  if (outcome === "offline" || outcome === "later") {
    const registration = (await navigator.serviceWorker?.getRegistration()) as (ServiceWorkerRegistration & { sync?: { register(tag: string): Promise<void> } }) | undefined;
    await registration?.sync?.register("outbox").catch(() => undefined);
  }
  return outcome;
}

/** What the server took lately, and when: a page that was read before that does not hold it yet. */
const taken = new Map<number, { item: Item; at: number }>();
const TAKEN_KEPT = 50;

function take({ sent }: Heard): void {
  if (!sent || taken.has(sent.id)) return;
  taken.set(sent.id, { item: sent, at: Date.now() });
  if (taken.size > TAKEN_KEPT) taken.delete(taken.keys().next().value!);
}

/** What waits here to be sent; with `readAt` (ms) also what was sent since, so that a page never falls back for a moment. */
export function useWaiting(readAt = Infinity): readonly Item[] {
  const person = personOf(useSession());
  const [items, setItems] = useState<readonly Item[]>([]);
  useEffect(() => {
    let wanted = true;
    const look = () => void waiting(person).then((found) => wanted && setItems(found));
    look();
    const end = onOutbox((heard) => {
      take(heard);
      look();
    });
    return () => {
      wanted = false;
      end();
    };
  }, [person]);
  const since = [...taken.values()].filter(({ item, at }) => at > readAt && item.person === person && !items.some(({ id }) => id === item.id));
  return since.length ? [...since.map(({ item }) => item), ...items] : items;
}

/** Stands once: tells the queries what was sent, by this page or by the service worker. */
export function useSentNews(onRecalled: () => void): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      onOutbox((heard: Heard) => {
        if (heard.sent) announce(...TOPICS[heard.sent.kind]);
        if (heard.recalled) onRecalled();
      }),
    [queries, onRecalled],
  );
}
