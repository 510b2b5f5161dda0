/**
 * Where this phone is. `useTracking` sends it while police are on their way to a report or at its place: kept in the
 * outbox first, each with an id and the phone's own time, so that a tunnel costs no point and sends none twice.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";
import type { Place } from "../map/map.tsx";
import { once, useSend } from "./send.ts";

/** On the way a point is sent after so many seconds and metres, or when it is older than `still`. */
const ON_THE_WAY = { gap: 5_000, metres: 10, still: 20_000 };
const AT_PLACE = { gap: 60_000, metres: 25, still: 300_000 };

export type Fix = { at: Place; accuracy: number; time: number };
type State = { fix: Fix | null; problem: "" | "denied" | "missing" };

let state: State = { fix: null, problem: "" };
let watch: number | null = null;
const watchers = new Set<() => void>();

function say(next: State): void {
  state = next;
  for (const watcher of watchers) watcher();
}

function subscribe(changed: () => void): () => void {
  watchers.add(changed);
  if (watch === null && "geolocation" in navigator)
    watch = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => say({ fix: { at: [coords.latitude, coords.longitude], accuracy: coords.accuracy, time: timestamp }, problem: "" }),
      (error) => say({ ...state, problem: error.code === error.PERMISSION_DENIED ? "denied" : "missing" }),
      { enableHighAccuracy: true, maximumAge: 2_000, timeout: 30_000 },
    );
  return () => {
    watchers.delete(changed);
    if (watchers.size || watch === null) return;
    navigator.geolocation.clearWatch(watch);
    watch = null;
  };
}

const silent = (): (() => void) => () => undefined;

/** The phone's position; asks for leave to know it when `wanted` becomes true. */
export function usePosition(wanted: boolean): State {
  return useSyncExternalStore(wanted ? subscribe : silent, () => state);
}

export type Way = { report: number; status: "on_the_way" | "arrived" };

export function useTracking(way: Way | null): void {
  const { fix } = usePosition(way !== null);
  const send = useSend();
  const last = useRef<(Fix & { report: number; sent: number }) | null>(null);
  useEffect(() => {
    if (!way || !fix) return undefined;
    const pace = way.status === "arrived" ? AT_PLACE : ON_THE_WAY;
    const point = () => {
      const now = Date.now();
      const before = last.current?.report === way.report ? last.current : null;
      const waited = before ? now - before.sent : Infinity;
      if (waited < pace.gap || (waited < pace.still && metresBetween(before!.at, fix.at) < pace.metres)) return;
      last.current = { ...fix, report: way.report, sent: now };
      void send({
        kind: "position",
        report: way.report,
        path: `/api/police/report/${way.report}/track`,
        body: { latitude: fix.at[0], longitude: fix.at[1], accuracy_m: Math.min(fix.accuracy, 1_000_000), status: way.status, device_time: new Date(fix.time).toISOString(), client_id: once() },
      });
    };
    point();
    const timer = setInterval(point, 1_000);
    return () => clearInterval(timer);
  }, [fix, way?.report, way?.status]);
  useWakeLock(way?.status === "on_the_way");
}

/** A phone on a holder stays lit on the way. */
function useWakeLock(wanted: boolean): void {
  useEffect(() => {
    if (!wanted || !("wakeLock" in navigator)) return undefined;
    let lock: WakeLockSentinel | null = null;
    const take = () => {
      if (document.visibilityState === "visible") void navigator.wakeLock.request("screen").then((taken) => (lock = taken), () => undefined);
    };
    take();
    document.addEventListener("visibilitychange", take);
    return () => {
      document.removeEventListener("visibilitychange", take);
      void lock?.release();
    };
  }, [wanted]);
}

export function metresBetween(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const h = Math.sin(((b[0] - a[0]) * rad) / 2) ** 2 + Math.cos(a[0] * rad) * Math.cos(b[0] * rad) * Math.sin(((b[1] - a[1]) * rad) / 2) ** 2;
  return 12_742_000 * Math.asin(Math.sqrt(h));
}
