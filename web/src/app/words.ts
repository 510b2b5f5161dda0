/** The codes of the weapon flow in people's words, and pictures' addresses as this page may load them. */
import { msg, t } from "../i18n/index.ts";
import type { Tone } from "../ui/parts.tsx";

type Word = readonly [text: string, tone: Tone];
const REPORT: Record<string, Word> = {
  new: [msg("New"), "warn"],
  verified: [msg("Checked"), "info"],
  assigned: [msg("Police sent"), "info"],
  in_progress: [msg("Being handled"), "info"],
  completed: [msg("Completed"), "ok"],
  rejected: [msg("Turned down"), "plain"],
};
const ASSIGNMENT: Record<string, Word> = {
  offered: [msg("Needs your answer"), "warn"],
  accepted: [msg("Accepted"), "info"],
  on_the_way: [msg("On the way"), "info"],
  arrived: [msg("At the place"), "info"],
  completed: [msg("Completed"), "ok"],
  declined: [msg("Declined"), "plain"],
  cancelled: [msg("Given up"), "plain"],
  recalled: [msg("Called back"), "bad"],
  withdrawn: [msg("Withdrawn"), "plain"],
};
const INCIDENT: Record<string, Word> = {
  knife: [msg("Sharp weapon"), "bad"],
  gun: [msg("Firearm"), "bad"],
  guns: [msg("Several firearms"), "bad"],
  other: [msg("Another incident"), "warn"],
};
const CAMERA: Record<string, Word> = {
  online: [msg("Online"), "ok"],
  offline: [msg("Not reachable"), "bad"],
  inactive: [msg("Switched off"), "plain"],
  maintenance: [msg("In maintenance"), "warn"],
};
const TABLES = { report: REPORT, assignment: ASSIGNMENT, incident: INCIDENT, camera: CAMERA };

export const called = (table: keyof typeof TABLES, code: string): string => (TABLES[table][code] ? t(TABLES[table][code][0]) : code.replaceAll("_", " "));
export const toned = (table: keyof typeof TABLES, code: string): Tone => TABLES[table][code]?.[1] ?? "plain";
export const INCIDENTS = ["knife", "gun", "guns", "other"] as const;
export const REPORTS = Object.keys(REPORT);
export const CAMERAS = Object.keys(CAMERA);

/** A signed address of the server's, on this page's own origin. */
export function here(address: string | null | undefined): string | undefined {
  if (!address) return undefined;
  const url = new URL(address, location.origin);
  return url.pathname + url.search;
}
