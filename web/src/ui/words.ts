/** The API's codes in people's words. A code that is not known here is shown as it came. */
import { msg, t } from "../i18n/index.ts";
import type { Tone } from "./parts.tsx";

type Word = readonly [text: string, tone: Tone];

const STATUS: Record<string, Word> = {
  held: [msg("Held back"), "warn"],
  pending: [msg("To review"), "info"],
  approved: [msg("Approved"), "ok"],
  queued: [msg("Queued"), "ok"],
  synced: [msg("Delivered"), "ok"],
  rejected: [msg("Rejected"), "plain"],
  refused: [msg("Refused by the centre"), "bad"],
  uncertain: [msg("Outcome unknown"), "warn"],
};
const DELIVERY: Record<string, Word> = {
  pending: [msg("Waiting"), "info"],
  sending: [msg("Sending"), "info"],
  accepted: [msg("Accepted"), "ok"],
  refused: [msg("Refused"), "bad"],
  uncertain: [msg("Outcome unknown"), "warn"],
  dead: [msg("Given up"), "bad"],
  cancelled: [msg("Cancelled"), "plain"],
};
const DEVICE: Record<string, Word> = {
  online: [msg("Online"), "ok"],
  offline: [msg("Silent"), "bad"],
  never: [msg("Never heard"), "warn"],
  inactive: [msg("Switched off"), "plain"],
};
const SKEW: Record<string, Word> = {
  unknown: [msg("Not known yet"), "plain"],
  ok: [msg("Right"), "ok"],
  warn: [msg("Drifting"), "warn"],
  hold: [msg("Wrong"), "bad"],
  wrong_zone: [msg("Wrong zone"), "bad"],
};
const VERDICT: Record<string, Word> = {
  accept: [msg("Good"), "ok"],
  review: [msg("Look closely"), "warn"],
  drop: [msg("Dropped"), "plain"],
};
const BREAKER: Record<string, Word> = {
  closed: [msg("Connected"), "ok"],
  half_open: [msg("Trying again"), "warn"],
  open: [msg("Paused after errors"), "bad"],
};
const VIOLATION: Record<string, Word> = {
  ganjil_genap: [msg("Odd-even date"), "plain"],
  marka_jalan: [msg("Road marking"), "plain"],
  lampu_merah: [msg("Red light"), "plain"],
  batas_kecepatan: [msg("Speeding"), "plain"],
  sabuk_keselamatan: [msg("No seat belt"), "plain"],
  ponsel: [msg("Phone at the wheel"), "plain"],
  busway: [msg("On the busway"), "plain"],
  helm: [msg("No helmet"), "plain"],
  lawan_arah: [msg("Wrong direction"), "plain"],
  odol: [msg("Overloaded or oversized"), "plain"],
  other: [msg("Other violation"), "plain"],
};
export const VIOLATIONS = Object.keys(VIOLATION);
export const REASONS: readonly (readonly [code: string, text: string])[] = [
  ["no_violation", msg("No violation to be seen")],
  ["plate_unreadable", msg("Plate cannot be read")],
  ["wrong_vehicle", msg("Another vehicle's plate")],
  ["picture_unusable", msg("Picture unusable")],
  ["clock_wrong", msg("Time cannot be trusted")],
  ["device_fault", msg("Camera at fault")],
  ["emergency_vehicle", msg("Emergency vehicle")],
  ["officer_directed", msg("An officer directed traffic")],
  ["duplicate", msg("Same offence is another case")],
  ["other", msg("Another reason (note needed)")],
  ["plate_forged", msg("Forged plate: it is another vehicle's")],
];

const DIRECTION: Record<string, Word> = {
  approach: [msg("approaching"), "plain"],
  depart: [msg("departing"), "plain"],
  in: [msg("inwards"), "plain"],
  out: [msg("outwards"), "plain"],
};
/** What rules write beside a case. */
const DETAIL: Record<string, Word> = {
  ground: [msg("Found by"), "plain"],
  every_passage: [msg("every passage here"), "plain"],
  claimed: [msg("Told by the camera"), "plain"],
  day_is: [msg("Kind of date"), "plain"],
  odd: [msg("odd"), "plain"],
  even: [msg("even"), "plain"],
  last_digit: [msg("Last digit"), "plain"],
  hours: [msg("Hours of the rule"), "plain"],
  local_time: [msg("Local time"), "plain"],
  over_kmh: [msg("Over the limit, km/h"), "plain"],
  tolerance_kmh: [msg("Tolerance, km/h"), "plain"],
  band: [msg("Band, km/h over"), "plain"],
};

const VEHICLE: Record<string, Word> = {
  car: [msg("Car"), "plain"],
  vehicle: [msg("Vehicle"), "plain"],
  sedan: [msg("Saloon car"), "plain"],
  saloon: [msg("Saloon car"), "plain"],
  salooncar: [msg("Saloon car"), "plain"],
  suv: [msg("SUV"), "plain"],
  suvmpv: [msg("SUV"), "plain"],
  mpv: [msg("MPV"), "plain"],
  van: [msg("Van"), "plain"],
  bus: [msg("Bus"), "plain"],
  truck: [msg("Lorry"), "plain"],
  "big truck": [msg("Lorry"), "plain"],
  pickup: [msg("Pick-up"), "plain"],
  motorcycle: [msg("Motorcycle"), "plain"],
  motorbike: [msg("Motorcycle"), "plain"],
  motor: [msg("Motorcycle"), "plain"],
  "two-wheel": [msg("Motorcycle"), "plain"],
  twowheelvehicle: [msg("Motorcycle"), "plain"],
  mobil: [msg("Car"), "plain"],
  pickuptruck: [msg("Pick-up"), "plain"],
  mediumbus: [msg("Bus"), "plain"],
  largebus: [msg("Bus"), "plain"],
  truk: [msg("Lorry"), "plain"],
};
const COLOUR: Record<string, Word> = {
  white: [msg("white"), "plain"],
  black: [msg("black"), "plain"],
  silver: [msg("silver"), "plain"],
  gray: [msg("grey"), "plain"],
  grey: [msg("grey"), "plain"],
  red: [msg("red"), "plain"],
  blue: [msg("blue"), "plain"],
  green: [msg("green"), "plain"],
  yellow: [msg("yellow"), "plain"],
  orange: [msg("orange"), "plain"],
  brown: [msg("brown"), "plain"],
};
/** Makers as they write themselves. */
const MAKER: Record<string, Word> = {
  hikvision: ["Hikvision", "plain"],
  dahua: ["Dahua", "plain"],
  axis: ["Axis", "plain"],
  uniview: ["Uniview", "plain"],
  milesight: ["Milesight", "plain"],
  intelbras: ["Intelbras", "plain"],
  huawei: ["Huawei", "plain"],
  tattile: ["Tattile", "plain"],
  verkada: ["Verkada", "plain"],
  genetec: ["Genetec", "plain"],
  frigate: ["Frigate", "plain"],
  axxon: ["AxxonSoft", "plain"],
  lilin: ["LILIN", "plain"],
  vigi: ["TP-Link VIGI", "plain"],
  onvif: ["ONVIF", "plain"],
  openalpr: ["OpenALPR", "plain"],
  platerecognizer: ["Plate Recognizer", "plain"],
  generic: [msg("General JSON"), "plain"],
  mapping: [msg("Own template"), "plain"],
};
const TABLES = { vehicle: VEHICLE, colour: COLOUR, maker: MAKER, status: STATUS, delivery: DELIVERY, device: DEVICE, skew: SKEW, verdict: VERDICT, breaker: BREAKER, violation: VIOLATION, direction: DIRECTION, detail: DETAIL };

export function said(table: keyof typeof TABLES, code: string): string {
  const word = TABLES[table][code];
  return word ? t(word[0]) : code.replaceAll("_", " ");
}

/** Brand, kind and colour as far as the camera told them. */
export const vehicleWords = (kind: string | null | undefined, colour: string | null | undefined, brand?: string | null): string =>
  [brand, kind && said("vehicle", kind.toLowerCase()), colour && said("colour", colour.toLowerCase())].filter(Boolean).join(", ");

export const toneOf = (table: keyof typeof TABLES, code: string): Tone => TABLES[table][code]?.[1] ?? "plain";

export function reasonWords(code: string | null | undefined): string {
  const found = REASONS.find(([known]) => known === code);
  return found ? t(found[1]) : (code ?? "");
}

const ROLE_NAMES: Record<string, string> = { owner: msg("Camera owner"), officer: msg("Officer"), police: msg("Field police"), admin: msg("Administrator"), system: msg("Tangkapin itself") };
export const ROLES = ["owner", "officer", "police", "admin"] as const;
export const roleWords = (role: string): string => (ROLE_NAMES[role] ? t(ROLE_NAMES[role]) : role);
