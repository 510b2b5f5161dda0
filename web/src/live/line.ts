/**
 * The page's one websocket (docs/notices.md has the protocol): a ticket, subscriptions, heartbeats, and after a loss the
 * way back with what was missed. Nothing here knows React or pages; live.ts does.
 *
 *   waiting → asking a ticket → opening → live → (lost) → waiting, with back-off and jitter
 */
import { api, ApiProblem, take } from "../api/client.ts";

export type LiveEvent = {
  id: string;
  channel: string;
  event: string;
  data: Record<string, unknown>;
  /** read from the server's rows: it happened while we did not listen */
  replayed?: boolean;
};
/** off: nobody is logged in; lost: pages ask by themselves meanwhile */
export type LineState = "off" | "lost" | "live";
type Listener = (event: LiveEvent) => void;
type Channel = { listeners: Set<Listener>; last: string; refused: boolean };

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const ANSWER_MS = 8000;
const REMEMBERED = 500;
const ACKS_AT_ONCE = 100;
const SESSION_OVER = 4401;

let wanted = false;
let socket: WebSocket | null = null;
let state: LineState = "off";
let failures = 0;
let attempt = 0;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let silenceTimer: ReturnType<typeof setTimeout> | undefined;
let pingMs = 25_000;
const channels = new Map<string, Channel>();
const had = new Set<string>();
const seen = new Set<string>();
const watchers = new Set<() => void>();

export const lineState = (): LineState => state;
export const watchLine = (changed: () => void): (() => void) => {
  watchers.add(changed);
  return () => void watchers.delete(changed);
};

/** Somebody is logged in: hold the line. */
export function openLine(): void {
  if (wanted) return;
  wanted = true;
  say("lost");
  void connect();
}

/** Nobody is: what the last person heard is forgotten. */
export function closeLine(): void {
  wanted = false;
  failures = 0;
  clearTimeout(retryTimer);
  hangUp(1000);
  for (const channel of channels.values()) Object.assign(channel, { last: "", refused: false });
  had.clear();
  seen.clear();
  say("off");
}

/** Hear a channel until the returned function is called. Listeners of one channel share its subscription. */
export function listen(name: string, listener: Listener): () => void {
  let channel = channels.get(name);
  if (!channel) {
    channel = { listeners: new Set(), last: "", refused: false };
    channels.set(name, channel);
    if (state === "live") subscribe(name, channel);
  }
  channel.listeners.add(listener);
  return () => {
    const mine = channels.get(name);
    if (!mine?.listeners.delete(listener) || mine.listeners.size) return;
    channels.delete(name);
    send({ op: "unsubscribe", channel: name });
  };
}

/** The person has these notices before their eyes: no other channel needs to tell them. Waits for a visible page. */
export function acknowledge(...ids: string[]): void {
  for (const id of ids) if (/^\d+$/.test(id)) seen.add(id);
  sendAcks();
}

function sendAcks(): void {
  if (!seen.size || document.hidden || state !== "live") return;
  const ids = [...seen].slice(0, ACKS_AT_ONCE);
  send({ op: "ack", ids });
}

async function connect(): Promise<void> {
  clearTimeout(retryTimer);
  const mine = ++attempt;
  const isOver = () => !wanted || mine !== attempt;
  let ticket: { ticket: string; path: string };
  try {
    ticket = await take(api.POST("/api/realtime/ticket"));
  } catch (error) {
    // 401 means that the session is over: the client has told the door already, which closes the line
    if (!isOver() && !(error instanceof ApiProblem && error.status === 401)) retry();
    return;
  }
  if (isOver()) return;
  const address = new URL(ticket.path, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("ticket", ticket.ticket);
  const line = new WebSocket(address);
  socket = line;
  expectAnswer(ANSWER_MS);
  line.onmessage = ({ data }) => {
    if (line === socket) hear(String(data));
  };
  line.onclose = ({ code }) => {
    if (line !== socket) return;
    socket = null;
    clearTimeout(silenceTimer);
    if (!wanted) return;
    say("lost");
    // a session that ended is asked about at once: the ticket's 401 brings the person to the login
    if (code === SESSION_OVER && failures === 0) failures = 1;
    retry();
  };
}

function retry(): void {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
  failures += 1;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => void connect(), wait * (0.5 + Math.random() / 2)); // all pages lost the server together
}

function hear(text: string): void {
  let told: Record<string, unknown>;
  try {
    told = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return;
  }
  expectAnswer(2 * pingMs + ANSWER_MS);
  switch (told["op"]) {
    case "ready":
      failures = 0;
      if (typeof told["ping_s"] === "number") pingMs = told["ping_s"] * 1000;
      for (const [name, channel] of channels) subscribe(name, channel);
      say("live");
      sendAcks();
      break;
    case "event":
      hand(told as unknown as LiveEvent);
      break;
    case "refused": {
      const channel = channels.get(String(told["channel"]));
      if (channel) channel.refused = true;
      break;
    }
    case "acked":
      for (const id of told["ids"] as string[]) seen.delete(id);
      break;
    case "ping":
      send({ op: "pong" });
  }
}

function hand(event: LiveEvent): void {
  const key = `${event.channel} ${event.id}`;
  const channel = channels.get(event.channel);
  if (!channel || had.has(key)) return;
  had.add(key);
  if (had.size > REMEMBERED) had.delete(had.values().next().value!);
  if (/^\d+$/.test(event.id) && (!channel.last || BigInt(event.id) > BigInt(channel.last))) channel.last = event.id;
  for (const listener of [...channel.listeners]) listener(event);
}

function subscribe(name: string, channel: Channel): void {
  channel.refused = false;
  send({ op: "subscribe", channel: name, ...(channel.last && { last_event_id: channel.last }) });
}

function send(order: Record<string, unknown>): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(order));
}

/** The line counts as dead when nothing is heard for so long. */
function expectAnswer(withinMs: number): void {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(() => {
    if (!socket) return;
    hangUp(4000);
    say("lost");
    retry();
  }, withinMs);
}

function hangUp(code: number): void {
  attempt += 1;
  const line = socket;
  socket = null;
  clearTimeout(silenceTimer);
  line?.close(code);
}

function say(next: LineState): void {
  if (state === next) return;
  state = next;
  for (const changed of [...watchers]) changed();
}

/** A tab that sleeps, or a phone that changes its network, does not notice a dead line: ask it, or open a new one. */
function lookAgain(): void {
  if (!wanted || document.hidden) return;
  if (state === "live") {
    send({ op: "ping" });
    expectAnswer(ANSWER_MS);
    sendAcks();
  } else if (!socket) {
    failures = 0;
    void connect();
  }
}

document.addEventListener("visibilitychange", lookAgain);
addEventListener("online", lookAgain);
addEventListener("pageshow", (event) => event.persisted && lookAgain());
addEventListener("pagehide", () => {
  if (!wanted) return;
  hangUp(1000); // a page that waits in the browser's back-forward memory must not hold a socket
  say("lost");
  retry();
});
