/** The language and the time zone that the person chose; kept in this browser. */
import { useSyncExternalStore } from "react";

export type Language = "id" | "en";
export const ZONES = { WIB: "Asia/Jakarta", WITA: "Asia/Makassar", WIT: "Asia/Jayapura" } as const;
export type Zone = keyof typeof ZONES;
export type Theme = "system" | "light" | "dark";

type Preferences = { language: Language; zone: Zone; theme: Theme };
const KEY = "tangkapin.preferences";
const listeners = new Set<() => void>();
let preferences = read();

function read(): Preferences {
  let stored: Partial<Preferences> = {};
  try {
    stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
  } catch {
    stored = {};
  }
  return {
    language: stored.language === "en" ? "en" : "id",
    zone: stored.zone && stored.zone in ZONES ? stored.zone : zoneOfBrowser(),
    theme: stored.theme === "light" || stored.theme === "dark" ? stored.theme : "system",
  };
}

function zoneOfBrowser(): Zone {
  const offset = -new Date().getTimezoneOffset() / 60;
  return offset === 8 ? "WITA" : offset === 9 ? "WIT" : "WIB";
}

export function applyPreferences(): void {
  document.documentElement.lang = preferences.language;
  if (preferences.theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = preferences.theme;
}

export function setPreferences(change: Partial<Preferences>): void {
  preferences = { ...preferences, ...change };
  localStorage.setItem(KEY, JSON.stringify(preferences));
  applyPreferences();
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => preferences,
  );
}

export const language = (): Language => preferences.language;
export const zone = (): Zone => preferences.zone;
