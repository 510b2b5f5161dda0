/** What the audit log notes beside an act: of what, from which state to which, the rest as names and values. */
import { msg, t } from "../../i18n/index.ts";
import { reasonWords, said } from "../../ui/words.ts";
import { reasonOf, told } from "../incidents/words.ts";

const OBJECTS: Record<string, string> = {
  violation: msg("Case"),
  report: msg("Incident"),
  device: msg("Camera"),
  payload: msg("Payload"),
  media: msg("Picture"),
  station: msg("Station"),
  etnas_sync: msg("Delivery"),
  notice_delivery: msg("Notice"),
  service_key: msg("Key of a program"),
  vendor: msg("Agency"),
  owner: msg("Camera owner"),
  officer: msg("Officer"),
  police: msg("Field police"),
  admin: msg("Administrator"),
};
const DETAILS: Record<string, string> = {
  reason_code: msg("reason"), note: msg("note"), again: msg("again"), plate: msg("plate"), plate_number: msg("plate"),
  title: msg("title"), changed: msg("changed"), username: msg("user name"), name: msg("name"), device_code: msg("camera code"), vendor_code: msg("agency"), ids: msg("numbers"),
  address: msg("address"), is_active: msg("state"), latitude: msg("latitude"), longitude: msg("longitude"), phone: msg("telephone"), email: msg("e-mail"), full_name: msg("name"),
  auth: msg("ways to log in"), key_id: msg("number of the key"), sha256: "SHA-256",
  assignment_id: msg("assignment"), message_id: msg("message"), evidence_id: msg("piece of evidence"), frames: msg("pictures"), confirmed: msg("confirmed by a second look"), model: msg("model"), format: msg("form"), until: msg("until"), kind: msg("kind"), type: msg("kind"), role: msg("part"), key: msg("key"),
  source: msg("told by"), police: msg("police"), police_id: msg("number of the police"), backup: msg("back-up"),
};
const LONGEST = 240;

export function objectWords(kind: string, id: string | number | null): string {
  const words = OBJECTS[kind];
  return `${words ? t(words) : kind.replaceAll("_", " ")}${id === null ? "" : ` #${id}`}`;
}

/** The details as short text. */
export function details(kind: string, detail: Record<string, unknown>): string {
  const { from, to, ...rest } = detail;
  const state = (code: unknown): string => (kind === "report" ? told("status", String(code)) : said("status", String(code)));
  const way = from && to && typeof to === "string" ? [`${state(from)} → ${state(to)}`] : [];
  const isSaid = ([name, value]: [string, unknown]) => value !== false && value !== null && value !== "" && !(name === "note" && value === rest["reason_code"]);
  return [...way, ...Object.entries(way.length ? rest : detail).filter(isSaid).map(([name, value]) => one(kind, name, value))]
    .join(" · ")
    .slice(0, LONGEST);
}

function one(kind: string, name: string, value: unknown): string {
  const words = DETAILS[name];
  const title = words ? t(words) : name.replaceAll("_", " ");
  if (value === true) return title;
  if (Array.isArray(value)) return `${title}: ${value.map((part) => (DETAILS[String(part)] ? t(DETAILS[String(part)]!) : String(part).replaceAll("_", " "))).join(", ")}`;
  if (typeof value === "object") return `${title}: ${JSON.stringify(value)}`;
  const text = String(value);
  if (name === "reason_code") return `${title}: ${kind === "report" ? reasonOf(text) : reasonWords(text)}`;
  return `${title}: ${name === "source" ? told("source", text) : text}`;
}
