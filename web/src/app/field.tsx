/** Of field police, behind every page: where they are sent, their position on the way, and the stop. */
import { useQuery } from "@tanstack/react-query";
import { OctagonX } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { api, type Schemas, take } from "../api/client.ts";
import { t, tn } from "../i18n/index.ts";
import { useLive } from "../live/live.ts";
import { ring } from "../live/sound.ts";
import { Button } from "../ui/parts.tsx";
import type { Item } from "./outbox.ts";
import { useTracking } from "./position.tsx";
import { useSend, useWaiting } from "./send.ts";

export type Assignment = Schemas["PoliceReportRow"];
const LOOK_MS = 20_000;

/** Where one is sent now, with what was said on this phone and is not sent yet. */
export function useAssignments() {
  useLive("assignments");
  const query = useQuery({
    queryKey: ["assignments", "active"],
    queryFn: () => take(api.GET("/api/police/report/active", { params: { query: { limit: 50 } } })),
    refetchInterval: LOOK_MS,
  });
  const items = useWaiting(query.dataUpdatedAt);
  return { ...query, rows: query.data?.data.map((row) => ({ ...row, ...ahead(row.assignment_status, row.app_state, mine(items, row.id)) })) };
}

const mine = (items: readonly Item[], report: number): Item[] => items.filter((item) => item.report === report && !item.refused);

/** Where an assignment stands once what waits here has been sent. */
export function ahead(assignment_status: string, app_state: string, items: readonly Item[]): { assignment_status: string; app_state: string; unsent: boolean } {
  let status = assignment_status;
  let shown = app_state;
  let unsent = false;
  for (const { kind, body } of items) {
    if (kind === "answer") [status, shown, unsent] = body["accept"] ? ["accepted", "ACTIVE", true] : ["declined", "DONE", true];
    if (kind === "status" && shown !== "STOP") [status, unsent] = [String(body["status"]), true];
    if (kind === "stop") [shown, unsent] = ["DONE", true];
  }
  if ((status === "completed" || status === "cancelled") && shown !== "STOP") shown = "DONE";
  return { assignment_status: status, app_state: shown, unsent };
}

export function Field(): ReactNode {
  const { rows = [] } = useAssignments();
  const under = rows.find((row) => row.app_state === "ACTIVE" && row.assignment_status === "on_the_way") ?? rows.find((row) => row.app_state === "ACTIVE" && row.assignment_status === "arrived");
  useTracking(under ? { report: under.id, status: under.assignment_status as "on_the_way" | "arrived" } : null);
  useRinging(rows);
  const stops = rows.filter((row) => row.app_state === "STOP");
  return stops.length ? <Stop key={stops[0]!.id} row={stops[0]!} more={stops.length - 1} /> : null;
}

/** An assignment that waits for an answer is heard once, on whatever page one is. */
function useRinging(rows: readonly Assignment[]): void {
  const heard = useRef(new Set<string>());
  const key = (row: Assignment) => `${row.id} ${row.assigned_at}`; // one may be sent to the same place again
  useEffect(() => {
    const fresh = rows.filter((row) => row.app_state === "OFFERED" && !heard.current.has(key(row)));
    if (!fresh.length) return;
    for (const row of fresh) heard.current.add(key(row));
    ring();
    shake();
  }, [rows]);
}

/** Browsers refuse both to a page that nobody has touched. */
function shake(): void {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([600, 200, 600, 200, 600]);
}

/** Nothing else can be done before the stop is acknowledged. */
function Stop({ row, more }: { row: Assignment; more: number }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const send = useSend();
  const [busy, setBusy] = useState(false);
  const open = () => void (dialog.current?.open || dialog.current?.showModal());
  useEffect(() => {
    open();
    ring();
    shake();
  }, []);
  return (
    <dialog ref={dialog} className="stop" role="alertdialog" aria-labelledby="stop-title" aria-describedby="stop-text" onCancel={(event) => event.preventDefault()} onClose={open}>
      <OctagonX size={72} strokeWidth={2} aria-hidden />
      <h2 id="stop-title">{t("STOP")}</h2>
      <p id="stop-text">{row.withdraw_reason ? t("Assignment withdrawn: {why}. Break off, and wait for dispatch.", { why: row.withdraw_reason.replace(/\.$/, "") }) : t("This assignment was called back. Break off and do not act on it any more.")}</p>
      <p className="stop-what">
        <strong>{row.title}</strong>
        <span>{row.location}</span>
      </p>
      {more > 0 && <p>{tn("{n} more was called back", "{n} more were called back", more)}</p>}
      <Button
        className="stop-button"
        busy={busy}
        onClick={() => {
          setBusy(true);
          void send({ kind: "stop", report: row.id, path: `/api/police/report/${row.id}/stop`, body: {} });
        }}
      >
        {t("I have stopped")}
      </Button>
    </dialog>
  );
}
