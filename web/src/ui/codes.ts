/** Codes that judges, parsers, channels and the audit log leave behind, in the operators' words. */
import { msg, t } from "../i18n/index.ts";
import { reasonWords, said } from "./words.ts";

/** Why a judge of reads asks for a second look (detectors' `Verdict.reason`), and what else asks for one. */
const JUDGED: Record<string, string> = {
  no_plate: msg("No plate was read"),
  confidence_missing: msg("The camera does not say how sure it is"),
  confidence_below_accept: msg("The camera is not sure of the plate"),
  confidence_below_review: msg("The camera is too unsure of the plate"),
  official_plate: msg("Looks like an official plate"),
  homoglyph: msg("Letters and digits may be mixed up (0/O, 1/I, 8/B)"),
  region_unknown: msg("No region has these first letters"),
  plate_grammar: msg("Not written as Indonesian plates are"),
  second_opinion: msg("The server reads another plate in the picture"),
  bad_settings: msg("The filter's settings for this camera are wrong"),
  judge_failed: msg("A check failed: judge it yourself"),
  review: msg("A check asks for a closer look"),
  clock_skew: msg("The camera's clock drifts: compare the times."),
};
const QUARANTINED: Record<string, string> = {
  malformed: msg("Not in the make's form"),
  unknown_maker: msg("No plugin for this make"),
  parser_error: msg("The parser failed"),
  parser_hang: msg("The parser took too long"),
  parser_crash: msg("The parser crashed"),
  plugin_quarantined: msg("The plugin is switched off"),
  rejected: msg("Cannot be stored"),
  too_large: msg("Too large"),
};
const NOTICES: Record<string, string> = {
  weapon_detected: msg("Weapon seen"),
  incident_opened: msg("New incident"),
  incident_update: msg("News of an incident"),
  assigned: msg("Police sent"),
  assignment_answered: msg("Answer of the police"),
  recalled: msg("Recall"),
  tracking_update: msg("Police approaching"),
  arrived: msg("Police on site"),
  closed: msg("Incident closed"),
  backup_requested: msg("Asks for back-up"),
  emergency: msg("Emergency"),
  chat_message: msg("Chat"),
  announcement: msg("Announcement"),
  cctv_offline: msg("Camera silent"),
};
const CHANNELS: Record<string, string> = {
  websocket: msg("Open page"),
  webpush: msg("Push to the browser"),
  fcm: msg("Push to the phone"),
  pusher: msg("Pusher service"),
  webhook: msg("Another program"),
};
const PLUGINS: Record<string, string> = {
  parser: msg("Parser of a make"),
  judge: msg("Filter of reads"),
  detector: msg("Weapon detector"),
  channel: msg("Channel of notices"),
  rules: msg("Rules of an agency"),
  sink: msg("Delivery to a centre"),
  observer: msg("Observer"),
};
const STABILITIES: Record<string, string> = { trial: msg("on trial"), ready: msg("ready"), deprecated: msg("to be replaced") };
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
  from: msg("before"), to: msg("after"), reason_code: msg("reason"), note: msg("note"), again: msg("again"), plate: msg("plate"), plate_number: msg("plate"),
  title: msg("title"), changed: msg("changed"), username: msg("user name"), name: msg("name"), device_code: msg("camera code"), vendor_code: msg("agency"), ids: msg("numbers"),
};
const TABLES = { judged: JUDGED, quarantined: QUARANTINED, notice: NOTICES, channel: CHANNELS, plugin: PLUGINS, stability: STABILITIES, object: OBJECTS, detail: DETAILS };

export function coded(table: keyof typeof TABLES, code: string): string {
  const words = TABLES[table][code];
  return words ? t(words) : code.replaceAll("_", " ");
}

/** One detail of an act in the audit log. */
export function detailWords(name: string, value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : value === true ? t("yes") : String(value);
  return `${coded("detail", name)}: ${name === "reason_code" ? reasonWords(text) : name === "from" || name === "to" ? said("status", text) : text}`;
}
