/**
 * gettext in the client. Texts stand in the source in English; locales/id.po has the Indonesian ones.
 *
 *   t("Approve")   t("{count} cases wait", { count })   tn("{n} read", "{n} reads", n)
 *
 * A text that is a table's value is marked with `msg("…")` and said with `t(…)` where it is shown.
 * `npm run messages` (node scripts/messages.ts) adds new texts to the catalogue, `--check` fails while one is missing.
 */
import id from "../../locales/id.po";
import { language } from "./language.ts";

const INDONESIAN: Record<string, string | string[]> = id;

export const msg = (text: string): string => text;

export function t(text: string, values?: Record<string, string | number>): string {
  const found = language() === "id" ? INDONESIAN[text] : undefined;
  return fill(typeof found === "string" ? found : text, values);
}

/** Singular and plural; Indonesian has one form. */
export function tn(one: string, many: string, n: number, values?: Record<string, string | number>): string {
  const found = language() === "id" ? INDONESIAN[one] : undefined;
  const text = Array.isArray(found) ? (found[0] ?? one) : (found ?? (n === 1 ? one : many));
  return fill(text, { n: number(n), ...values });
}

function fill(text: string, values?: Record<string, string | number>): string {
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text;
}

const locale = () => (language() === "id" ? "id-ID" : "en-GB");

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

export { locale };
