/**
 * The one way to the server: the public REST API, typed by its own description (schema.d.ts, made at build time).
 *
 *   const page = await take(api.GET("/api/devices", { params: { query: { limit: 50 } } }));
 *
 * `take` unwraps the envelope and throws `ApiProblem` for a problem document, `Offline` when nothing answered.
 */
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";
import { language } from "../i18n/language.ts";
import { said } from "./server-words.ts";

export type Schemas = components["schemas"];

let csrf = "";
let onLoggedOut: () => void = () => {};

/** The session says its CSRF token; `expired` is called when the server no longer knows us. */
export function useSessionSecrets(token: string, expired?: () => void): void {
  csrf = token;
  if (expired) onLoggedOut = expired;
}

export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    message: string,
    readonly members: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** What is wrong with one field. */
  field(name: string): string | undefined {
    const errors = (this.members["errors"] ?? []) as { field: string; message: string }[];
    const found = errors.find((error) => error.field === name || error.field.endsWith(`.${name}`));
    const words = found && said(found.message);
    return words && `${words[0]!.toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
  }
}

export class Offline extends Error {}

const ours: Middleware = {
  onRequest({ request }) {
    request.headers.set("Accept-Language", language());
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
  onError() {
    return new Offline("the server does not answer");
  },
};

export const api = createClient<paths>({ credentials: "same-origin" });
api.use(ours);

type Answer<T> = Promise<{ data?: { data: T }; error?: unknown; response: Response }>;

/** The `data` of a success. */
export async function take<T>(answer: Answer<T>): Promise<T> {
  const { data, error, response } = await answer;
  if (data !== undefined) return data.data;
  throw problemOf(error, response);
}

/** A success whose answer says nothing more. */
export async function done(answer: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  const { error, response } = await answer;
  if (!response.ok) throw problemOf(error, response);
}

function problemOf(error: unknown, response: Response): ApiProblem {
  const body = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const slug = String(body["type"] ?? "").replace("urn:tangkapin:problem:", "") || `http-${response.status}`;
  const text = String(body["detail"] ?? body["message"] ?? body["title"] ?? `HTTP ${response.status}`);
  if (slug === "unauthenticated") onLoggedOut();
  return new ApiProblem(response.status, slug, text, body);
}

/** Bytes behind our own addresses (evidence), as an object URL that the caller revokes. */
export async function blobUrl(path: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(path, {
    headers: { "Accept-Language": language() },
    credentials: "same-origin",
    signal: signal ?? null,
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new Offline("the server does not answer");
  });
  if (!response.ok) throw problemOf(await response.json().catch(() => ({})), response);
  return URL.createObjectURL(await response.blob());
}
