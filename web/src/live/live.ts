/**
 * What happens elsewhere, on this page, told by the server's websocket (line.ts), and by asking while that is lost.
 *
 *   useLive("violations", "devices")                   the queries that a page shows: asked again at each change
 *   useLive("detection-7", (event) => …)               one event after the other of a channel
 *   useLive(["officers-dashboard", …], (event) => …)   of several
 *
 * After a reconnection the channel's missed events come with `replayed`, each once, and all queries are asked again.
 */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { roleOf, useDoor, useSession } from "../api/session.tsx";
import { acknowledge, closeLine, type LineState, lineState, listen, type LiveEvent, openLine, watchLine } from "./line.ts";

export { acknowledge, type LiveEvent };

type Told = (topics: readonly string[] | "all") => void;
type OnEvent = (event: LiveEvent) => void;
const listeners = new Set<Told>();
const POLL_MS = 15_000;
const TOGETHER_MS = 700;

/** Whoever learns of a change says its topics ("violations", "devices", "sync" …): the first word of a query's key. */
export function announce(...topics: string[]): void {
  for (const listener of listeners) listener(topics);
}

const old = new Set<string>();

/** A room full of officers decides every second: their acts are shown together. */
function announceSoon(topics: readonly string[]): void {
  if (!old.size)
    setTimeout(() => {
      const found = [...old];
      old.clear();
      announce(...found);
    }, TOGETHER_MS);
  for (const topic of topics) old.add(topic);
}

function announceAll(): void {
  for (const listener of listeners) listener("all");
}

export function useLive(...topics: string[]): void;
export function useLive(channels: string | readonly string[], onEvent: OnEvent): void;
export function useLive(...given: unknown[]): void {
  const onEvent = typeof given.at(-1) === "function" ? (given.at(-1) as OnEvent) : null;
  const names = (onEvent ? [given[0]].flat() : given).join();
  const queries = useQueryClient();
  const latest = useRef(onEvent);
  latest.current = onEvent;
  const hasListener = onEvent !== null;
  useEffect(() => {
    const list = names.split(",").filter(Boolean);
    if (!hasListener) return asked(queries, list);
    const ends = list.map((name) => listen(name, (event) => latest.current?.(event)));
    return () => ends.forEach((end) => end());
  }, [queries, names, hasListener]);
}

function asked(queries: QueryClient, topics: readonly string[]): () => void {
  const listener: Told = (told) => {
    for (const topic of topics) if (told === "all" || told.includes(topic)) void queries.invalidateQueries({ queryKey: [topic] });
  };
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Which queries an event of the server makes old. */
function topicsOf({ event, data }: LiveEvent): string[] {
  if (event === "changed" && Array.isArray(data["topics"])) return data["topics"].map(String);
  const kind = String(data["kind"] ?? "");
  if (kind === "cctv_offline") return ["devices", "cameras", "notices"];
  if (kind === "tracking_update") return ["tracking", "units"];
  if (kind === "chat_message") return ["chat", "messages", "notices"];
  return ["incidents", "reports", "assignments", "units", "overview", "notices"];
}

/** Stands once behind the login: holds the line, and asks in its place while it is lost. */
export function useLine(): void {
  const session = useSession();
  const isOut = useDoor().status !== "in";
  const role = roleOf(session);
  const { id } = session.user;
  const own = `${role}-${id}`;
  const before = useRef(false);
  const line = useLineState();
  useEffect(() => {
    if (isOut) return undefined;
    openLine();
    return closeLine;
  }, [own, isOut]);
  useLive(role === "officer" || role === "admin" ? [own, "officers-dashboard"] : own, (event) => {
    if (event.event === "changed") announceSoon(topicsOf(event));
    else announce(...topicsOf(event));
  });
  useEffect(() => {
    if (line === "live") {
      if (before.current) announceAll(); // changes that are no notices are not told again
      before.current = true;
      return undefined;
    }
    if (isOut) return undefined;
    const timer = setInterval(() => document.hidden || announceAll(), POLL_MS);
    return () => clearInterval(timer);
  }, [line, isOut]);
}

/** "live", or "lost" while pages ask by themselves. */
export function useLineState(): LineState {
  return useSyncExternalStore(watchLine, lineState);
}

/** True while the browser believes that it has a network. */
export function useOnline(): boolean {
  return useSyncExternalStore(
    (changed) => {
      addEventListener("online", changed);
      addEventListener("offline", changed);
      return () => {
        removeEventListener("online", changed);
        removeEventListener("offline", changed);
      };
    },
    () => navigator.onLine,
  );
}

/** The present, moving on every `every` milliseconds: for ages and countdowns. */
export function useNow(every = 1000): number {
  return useSyncExternalStore(
    (changed) => {
      const timer = setInterval(changed, every);
      return () => clearInterval(timer);
    },
    () => Math.floor(Date.now() / every) * every,
  );
}
