/** The weapon flow's codes in people's words. A code that is not known here is shown as it came. */
import type { Schemas } from "../../api/client.ts";
import { msg, t } from "../../i18n/index.ts";
import type { Tone } from "../../ui/parts.tsx";

type Word = readonly [text: string, tone: Tone];
export type Report = Schemas["OfficerReport"];

const TABLES = {
  status: {
    new: [msg("New"), "bad"],
    verified: [msg("Checked"), "info"],
    assigned: [msg("Police sent"), "warn"],
    in_progress: [msg("Police at work"), "warn"],
    completed: [msg("Finished"), "ok"],
    rejected: [msg("Recalled or rejected"), "plain"],
  },
  kind: {
    gun: [msg("Firearm"), "bad"],
    guns: [msg("Several firearms"), "bad"],
    knife: [msg("Blade"), "warn"],
    other: [msg("Something else"), "plain"],
  },
  source: {
    detection: [msg("Our detector"), "plain"],
    external: [msg("Another program"), "plain"],
    manual: [msg("Camera owner"), "plain"],
  },
  sent: {
    offered: [msg("Asked"), "info"],
    accepted: [msg("Accepted"), "info"],
    on_the_way: [msg("On the way"), "warn"],
    arrived: [msg("On site"), "warn"],
    completed: [msg("Done"), "ok"],
    declined: [msg("Declined"), "plain"],
    cancelled: [msg("Given up"), "plain"],
    recalled: [msg("Called back"), "plain"],
    withdrawn: [msg("Withdrawn"), "plain"],
  },
  role: {
    frame: [msg("Original frame"), "plain"],
    annotated: [msg("Annotated frame"), "plain"],
    manual: [msg("From the owner"), "plain"],
    field: [msg("From the field"), "plain"],
    final: [msg("With the final report"), "plain"],
  },
  message: {
    chat: [msg("Chat"), "plain"],
    note: [msg("Note"), "plain"],
    backup: [msg("Asks for back-up"), "warn"],
    emergency: [msg("Emergency"), "bad"],
    draft: [msg("Draft of the report"), "plain"],
    final: [msg("Final report"), "ok"],
  },
  duty: {
    available: [msg("Free"), "ok"],
    busy: [msg("On a case"), "warn"],
    offline: [msg("Off duty"), "plain"],
  },
} satisfies Record<string, Record<string, Word>>;

const wordOf = (table: keyof typeof TABLES, code: string): Word | undefined => (TABLES[table] as Record<string, Word>)[code];

export function told(table: keyof typeof TABLES, code: string): string {
  const word = wordOf(table, code);
  return word ? t(word[0]) : code.replaceAll("_", " ");
}
export const toldTone = (table: keyof typeof TABLES, code: string): Tone => wordOf(table, code)?.[1] ?? "plain";

export const STATUSES = Object.keys(TABLES.status);
export const KINDS = Object.keys(TABLES.kind);
export const SOURCES = Object.keys(TABLES.source);
export const OPEN = ["new", "verified", "assigned", "in_progress"];
export const isOpen = (status: string): boolean => OPEN.includes(status);
/** States of an assignment under way. */
export const UNDER_WAY = ["offered", "accepted", "on_the_way", "arrived"];
/** States of one whose police's app says STOP. */
export const STOPPED = ["recalled", "withdrawn"];

export const REASONS: readonly (readonly [code: string, text: string])[] = [
  ["false_alarm", msg("False alarm: nothing happens there")],
  ["not_a_weapon", msg("Not a weapon")],
  ["duplicate", msg("The same incident has another report")],
  ["test", msg("A test or an exercise")],
  ["other", msg("Another reason (note needed)")],
];
export const reasonOf = (code: string | null): string => {
  const found = REASONS.find(([known]) => known === code);
  return found ? t(found[1]) : (code ?? "");
};
