/**
 * The desk: one case in hand, the next ones claimed and their pictures fetched, decisions sent while the next is read.
 *
 * A decision shows the next case at once. Should the server refuse it, the case comes back with the reason. The claim of
 * the server (ten minutes) keeps colleagues away; what is not decided is given back when the page is left.
 */
import { useCallback, useEffect, useReducer, useRef } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { roleOf, useSession } from "../../api/session.tsx";
import { announce, useLive } from "../../live/live.ts";
import { fetchPicture } from "../../ui/pictures.ts";

export type Case = Schemas["ViolationDetail"];
export type Reason = Schemas["ReasonCode"];
export type Act = { kind: "approve" } | { kind: "reject"; reason: Reason; note: string };
export type Done = { case: Case; act: Act; at: number; state: "sending" | "done" | "undone" | "failed"; version: number };

const AHEAD = 2;
const IDLE_MS = 4000;
export const UNDO_MS = 10_000;

type State = { hand: Case | null; ready: Case[]; done: Done[]; asking: boolean; dry: boolean; error: unknown };
type Step =
  | { type: "asking" }
  | { type: "brought"; case: Case | null }
  | { type: "failed"; error: unknown }
  | { type: "put-away" }
  | { type: "first"; case: Case }
  | { type: "changed"; case: Case }
  | { type: "gone"; id: number }
  | { type: "decided"; done: Done }
  | { type: "settled"; id: number; state: Done["state"]; version?: number };

function step(state: State, now: Step): State {
  switch (now.type) {
    case "asking":
      return { ...state, asking: true };
    case "brought": {
      const rest = { ...state, asking: false, error: null };
      if (!now.case || [state.hand, ...state.ready].some((one) => one?.id === now.case?.id)) return { ...rest, dry: true };
      return state.hand ? { ...rest, dry: false, ready: [...state.ready, now.case] } : { ...rest, dry: false, hand: now.case };
    }
    case "failed":
      return { ...state, asking: false, error: now.error };
    case "put-away":
      return { ...state, hand: state.ready[0] ?? null, ready: state.ready.slice(1) };
    case "first": {
      const others = [state.hand, ...state.ready].filter((one): one is Case => !!one && one.id !== now.case.id);
      return { ...state, hand: now.case, ready: others };
    }
    case "changed":
      return {
        ...state,
        hand: state.hand?.id === now.case.id ? now.case : state.hand,
        ready: state.ready.map((one) => (one.id === now.case.id ? now.case : one)),
      };
    case "gone": {
      const ready = state.ready.filter((one) => one.id !== now.id);
      return state.hand?.id === now.id ? { ...state, hand: ready[0] ?? null, ready: ready.slice(1) } : { ...state, ready };
    }
    case "decided":
      return { ...state, done: [now.done, ...state.done].slice(0, 200) };
    case "settled":
      return {
        ...state,
        done: state.done.map((one) => (one.case.id === now.id && one.state !== "undone" ? { ...one, state: now.state, version: now.version ?? one.version } : one)),
      };
  }
}

export type Desk = State & {
  decide(act: Act): void;
  correct(plate: string): Promise<void>;
  skip(): void;
  undo(): Promise<boolean>;
  again(): void;
};

export type Told = { onRefused(one: Case, error: unknown): void; onTaken(one: Case): void };

export function useDesk(told: Told): Desk {
  const [state, dispatch] = useReducer(step, { hand: null, ready: [], done: [], asking: false, dry: false, error: null });
  const latest = useRef(state);
  latest.current = state;
  const passed = useRef<number[]>([]);
  const sent = useRef(new Map<number, Promise<Case>>());
  const tell = useRef(told);
  tell.current = told;
  const session = useSession();
  const me = `${roleOf(session)}-${session.user.id}`;

  const bring = useCallback(() => {
    const { hand, ready, asking } = latest.current;
    if (asking || (hand ? ready.length >= AHEAD : false)) return;
    dispatch({ type: "asking" });
    const held = [hand, ...ready].filter((one): one is Case => !!one).map((one) => one.id);
    const skip = [...held, ...passed.current].slice(0, 100);
    take(api.POST("/api/violations/next", { body: { skip } })).then(
      (found) => {
        if (found) for (const picture of picturesOf(found)) void fetchPicture(picture, found.id)?.catch(() => undefined);
        dispatch({ type: "brought", case: found });
      },
      (error: unknown) => dispatch({ type: "failed", error }),
    );
  }, []);

  useEffect(() => {
    if (!state.asking && !state.error && !state.dry && (!state.hand || state.ready.length < AHEAD)) bring();
  }, [state, bring]);
  useEffect(() => {
    // The queue ran dry: look again now and then, and keep the claims of what lies here.
    const timer = setInterval(bring, IDLE_MS);
    return () => clearInterval(timer);
  }, [bring]);
  useEffect(
    () => () => {
      const { hand, ready } = latest.current;
      for (const one of [hand, ...ready]) if (one) void giveBack(one.id);
    },
    [],
  );

  useLive("officers-dashboard", ({ event, data }) => {
    const number = data["violation"];
    if (event !== "changed" || typeof number !== "number" || data["by"] === me) return;
    const { hand, ready, dry } = latest.current;
    if (![hand, ...ready].some((one) => one?.id === number)) {
      if (dry) bring(); // a colleague gave one back
      return;
    }
    // an admin, or a colleague after the claim had run out, acted on a case that lies here
    take(api.GET("/api/violations/{violation_id}", { params: { path: { violation_id: number } } })).then(
      (now) => {
        if (now.status === "pending" && now.claim?.mine) return dispatch({ type: "changed", case: now });
        if (latest.current.hand?.id === number) tell.current.onTaken(now);
        dispatch({ type: "gone", id: number });
      },
      () => undefined,
    );
  });

  const decide = useCallback((act: Act) => {
    const one = latest.current.hand;
    if (!one) return;
    pass(passed.current, one.id);
    dispatch({ type: "decided", done: { case: one, act, at: Date.now(), state: "sending", version: one.version } });
    dispatch({ type: "put-away" });
    const params = { path: { violation_id: one.id } };
    const answer =
      act.kind === "approve"
        ? take(api.POST("/api/violations/{violation_id}/approve", { params, body: { version: one.version, note: "" } }))
        : take(api.POST("/api/violations/{violation_id}/reject", { params, body: { version: one.version, reason_code: act.reason, note: act.note } }));
    sent.current.set(one.id, answer);
    answer.then(
      (after) => {
        dispatch({ type: "settled", id: one.id, state: "done", version: after.version });
        announce("violations", "overview");
      },
      (error: unknown) => {
        dispatch({ type: "settled", id: one.id, state: "failed" });
        tell.current.onRefused(one, error);
      },
    );
    void sibling(one, passed.current).then((found) => found && dispatch({ type: "first", case: found }));
  }, []);

  return {
    ...state,
    decide,
    async correct(plate) {
      const one = latest.current.hand;
      if (!one) return;
      const params = { path: { violation_id: one.id } };
      const after = await take(api.POST("/api/violations/{violation_id}/correct", { params, body: { version: one.version, plate_number: plate, note: "" } }));
      dispatch({ type: "changed", case: after });
    },
    skip() {
      const one = latest.current.hand;
      if (!one) return;
      pass(passed.current, one.id);
      dispatch({ type: "put-away" });
      void giveBack(one.id);
    },
    async undo() {
      const last = latest.current.done.find((one) => one.state === "sending" || one.state === "done");
      if (!last || Date.now() - last.at > UNDO_MS) return false;
      const decided = await sent.current.get(last.case.id);
      if (!decided) return false;
      const params = { path: { violation_id: last.case.id } };
      const back = await take(api.POST("/api/violations/{violation_id}/undo", { params, body: { version: decided.version, note: "" } }));
      dispatch({ type: "settled", id: last.case.id, state: "undone" });
      dispatch({ type: "first", case: back });
      return true;
    },
    again: bring,
  };
}

/** Another case of the same passage comes next: one look at the pictures decides both. */
async function sibling(one: Case, passed: readonly number[]): Promise<Case | null> {
  const other = one.passage?.violations.find((id) => id !== one.id && !passed.includes(id));
  if (other === undefined) return null;
  const found = await take(api.GET("/api/violations/{violation_id}", { params: { path: { violation_id: other } } })).catch(() => null);
  return found?.status === "pending" && (!found.claim || found.claim.mine) ? found : null;
}

function giveBack(id: number): Promise<unknown> {
  return take(api.POST("/api/violations/{violation_id}/release-claim", { params: { path: { violation_id: id } } })).catch(() => null);
}

function pass(passed: number[], id: number): void {
  passed.unshift(id);
  passed.length = Math.min(passed.length, 95);
}

/** The best pictures first: whole scenes and vehicles of the clearest reading, then the others. */
export function picturesOf(one: Case): Schemas["Picture"][] {
  const rank: Record<string, number> = { scene: 0, vehicle: 1, other: 2, plate: 3, face: 4 };
  const reads = [...one.reads].sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0));
  const seen = new Set<string>();
  return reads
    .flatMap((read) => read.pictures)
    .filter((picture) => {
      const key = picture.sha256 ?? picture.url ?? `${picture.role} ${picture.why ?? ""}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => (rank[a.role] ?? 5) - (rank[b.role] ?? 5));
}
