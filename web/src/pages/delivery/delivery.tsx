/** The outbox: each centre's breaker, what waits, what a person must decide. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Inbox } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { number, t, tn } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Ago, Badge, Button, Choice, Facts, Field, Panel, Technical } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { useTell } from "../../ui/toast.tsx";
import { said, toneOf } from "../../ui/words.ts";

type Row = Schemas["SyncRow"];
type Status = "pending" | "sending" | "accepted" | "refused" | "uncertain" | "dead" | "cancelled";
type Show = "hand" | "waiting" | "accepted" | "all";
const SHOWN: Record<Show, Status[] | undefined> = { hand: ["refused", "uncertain", "dead"], waiting: ["pending", "sending"], accepted: ["accepted"], all: undefined };
type Act = { kind: "retry" | "confirm"; rows: Row[] };

export default function Delivery(): ReactNode {
  const [show, setShow] = useState<Show>("hand");
  const [act, setAct] = useState<Act | null>(null);
  useLive("sync", "sinks");
  const sinks = useQuery({ queryKey: ["sinks"], queryFn: () => take(api.GET("/api/sinks")), refetchInterval: 10_000 });
  const list = useList<Row>(["sync", show], (cursor) => take(api.GET("/api/sync", { params: { query: { status: SHOWN[show], limit: 50, cursor } } })), { every: 10_000 });
  const hand = (list.rows ?? []).filter((row) => ["refused", "uncertain", "dead"].includes(row.status));
  const columns: Column<Row>[] = [
    { name: t("Case"), cell: (row) => <Link href={`/cases/${row.violation_id}`}>#{row.violation_id}</Link> },
    { name: t("Centre"), cell: (row) => row.sink },
    { name: t("State"), cell: (row) => <Badge tone={toneOf("delivery", row.status)}>{said("delivery", row.status)}</Badge> },
    { name: t("Attempts"), end: true, cell: (row) => number(row.retry_count) },
    { name: t("Last attempt"), cell: (row) => <Ago at={row.last_attempt} /> },
    { name: t("Next attempt"), cell: (row) => (row.status === "pending" ? <Ago at={row.next_attempt_at} /> : "–") },
    { name: t("Answer"), wide: true, cell: (row) => row.reference ?? (row.last_error ? <Technical>{row.last_error}</Technical> : "–") },
    {
      name: t("By hand"),
      cell: (row) => (
        <span className="row-acts">
          {["refused", "dead", "uncertain"].includes(row.status) && <Button onClick={() => setAct({ kind: "retry", rows: [row] })}>{t("Send again")}</Button>}
          {row.status === "uncertain" && <Button onClick={() => setAct({ kind: "confirm", rows: [row] })}>{t("It has arrived")}</Button>}
        </span>
      ),
    },
  ];
  return (
    <div className="stack">
      {sinks.data?.length === 0 ? null : sinks.data ? (
        <div className="sinks">
          {sinks.data.map((sink) => (
            <Panel key={sink.sink} title={sink.sink} aside={<Badge tone={toneOf("breaker", sink.state)}>{said("breaker", sink.state)}</Badge>}>
              <div className="panel-body">
                <Facts
                  items={[
                    [t("Accepted in 24 h"), number(sink.accepted_24h)],
                    [t("Waiting"), number((sink.by_status["pending"] ?? 0) + (sink.by_status["sending"] ?? 0))],
                    [t("Oldest waiting"), sink.oldest_waiting ? <Ago at={sink.oldest_waiting} /> : null],
                    [t("Need a person"), number((sink.by_status["refused"] ?? 0) + (sink.by_status["uncertain"] ?? 0) + (sink.by_status["dead"] ?? 0))],
                    ...(sink.state !== "closed" ? [[t("Next try"), <Ago at={sink.probe_at} />] as const, [t("Last error"), sink.last_error && <Technical>{sink.last_error}</Technical>] as const] : []),
                  ]}
                />
              </div>
            </Panel>
          ))}
        </div>
      ) : sinks.error ? <Failure error={sinks.error} /> : <Loading rows={4} />}
      <div className="toolbar">
        <Choice<Show> label={t("Which")} value={show} options={[["hand", t("Need a person")], ["waiting", t("Waiting")], ["accepted", t("Accepted")], ["all", t("All")]]} onChange={setShow} />
        {hand.length > 1 && <Button onClick={() => setAct({ kind: "retry", rows: hand.slice(0, 200) })}>{tn("Send {n} again", "Send {n} again", hand.length)}</Button>}
      </div>
      <Panel>
        <ListTable label={t("Deliveries")} columns={columns} list={list} keyOf={(row) => row.id} empty={{ icon: Inbox, title: show === "hand" ? t("Nothing needs a person") : t("There is no such delivery"), ...(show === "hand" ? { text: t("What the centre refuses, or whose outcome is unknown, appears here.") } : {}) }} />
      </Panel>
      {act && <ByHand act={act} onClose={() => setAct(null)} />}
    </div>
  );
}

function ByHand({ act, onClose }: { act: Act; onClose(): void }): ReactNode {
  const tell = useTell();
  const [note, setNote] = useState("");
  const uncertain = act.kind === "retry" && act.rows.some((row) => row.status === "uncertain");
  const send = useMutation({
    mutationFn: () => take(api.POST(act.kind === "retry" ? "/api/sync/retry" : "/api/sync/confirm", { body: { ids: act.rows.map((row) => row.id), note } })),
    onSuccess: (changes) => {
      const changed = changes.filter((change) => change.changed).length;
      announce("sync", "sinks", "overview", "violations");
      if (changed) tell.ok(act.kind === "retry" ? tn("{n} delivery goes out again.", "{n} deliveries go out again.", changed) : tn("{n} delivery counts as accepted.", "{n} deliveries count as accepted.", changed));
      if (changed < changes.length) tell.bad(t("{n} had changed meanwhile and were left alone.", { n: changes.length - changed }));
      onClose();
    },
    onError: (error) => tell.bad(error),
  });
  return (
    <Dialog title={act.kind === "retry" ? tn("Send {n} delivery again", "Send {n} deliveries again", act.rows.length) : t("The centre has it")} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); send.mutate(); }}>
        {uncertain && <p className="review-attention">{t("The outcome of the last attempt is unknown: the centre may get it twice.")}</p>}
        <Field label={t("Why")} hint={t("Kept in the audit log under your name")}>
          {(id, about) => <input id={id} aria-describedby={about} autoFocus required minLength={3} maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />}
        </Field>
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={send.isPending}>{act.kind === "retry" ? t("Send again") : t("It has arrived")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
