/** Times as people of one of Indonesia's three zones read them. The API speaks ISO 8601 in UTC. */
import { locale, t, tn } from "./index.ts";
import { zone, ZONES } from "./language.ts";

type Shape = "time" | "minute" | "date" | "full" | "short";
const SHAPES: Record<Shape, Intl.DateTimeFormatOptions> = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { hour: "2-digit", minute: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  short: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  full: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
};
const formats = new Map<string, Intl.DateTimeFormat>();

export function moment(iso: string | number | Date, shape: Shape = "full", withZone = shape === "full"): string {
  const key = `${locale()} ${zone()} ${shape}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), { ...SHAPES[shape], timeZone: ZONES[zone()], hourCycle: "h23" });
    formats.set(key, format);
  }
  const text = format.format(new Date(iso));
  return withZone ? `${text} ${zone()}` : text;
}

/** "12 s ago", "in 3 h": one unit, rounded down. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (Math.abs(seconds) < 5) return t("just now");
  return seconds >= 0 ? t("{span} ago", { span: span(seconds) }) : t("in {span}", { span: span(-seconds) });
}

/** A duration in seconds, in its largest unit. */
export function span(seconds: number): string {
  const s = Math.abs(Math.round(seconds));
  if (s < 90) return t("{n} s", { n: s });
  if (s < 5400) return t("{n} min", { n: Math.floor(s / 60) });
  if (s < 172_800) return t("{n} h", { n: Math.floor(s / 3600) });
  return tn("{n} day", "{n} days", Math.floor(s / 86_400));
}

/** What `<input type="datetime-local">` says, read in the chosen zone, as ISO in UTC. */
export function fromLocalInput(text: string): string | undefined {
  if (!text) return undefined;
  const hours = { WIB: 7, WITA: 8, WIT: 9 }[zone()];
  return new Date(Date.parse(`${text}Z`) - hours * 3_600_000).toISOString();
}
