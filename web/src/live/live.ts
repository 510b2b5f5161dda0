/**
 * What happens elsewhere, on this page. `useLive(keys)` says which queries a page shows; they are asked again when the
 * server tells of a change, when the browser is back online and when the person returns to the tab. Pages say what they
 * show and nothing of how changes arrive: today the queries' own interval, later the websocket.
 */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";

type Listener = (topics: readonly string[]) => void;
const listeners = new Set<Listener>();

/** Whoever learns of a change says its topics ("violations", "devices", "sync" …): the first word of a query's key. */
export function announce(...topics: string[]): void {
  for (const listener of listeners) listener(topics);
}

export function useLive(...topics: string[]): void {
  const queries = useQueryClient();
  const wanted = topics.join();
  useEffect(() => {
    const mine = new Set(wanted.split(","));
    const listener: Listener = (told) => {
      for (const topic of told) if (mine.has(topic)) void queries.invalidateQueries({ queryKey: [topic] });
    };
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [queries, wanted]);
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
