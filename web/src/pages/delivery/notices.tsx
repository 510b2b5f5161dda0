/** Who was told of what, by which channel, and whether it arrived; what was given up can be told again. */
import { useMutation } from "@tanstack/react-query";
import { BellRing } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { msg, t, tn } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { coded } from "../../ui/codes.ts";
import { Ago, Badge, Button, Choice, Panel, Technical, type Tone } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { useTell } from "../../ui/toast.tsx";
import { roleWords } from "../../ui/words.ts";
import { Announce } from "../incidents/announce.tsx";

type Row = Schemas["DeliveryRow"];
type Status = "waiting" | "pending" | "sending" | "accepted" | "delivered" | "undeliverable" | "dead" | "superseded";
type Show = "hand" | "way" | "there" | "all";
const SHOWN: Record<Show, Status[] | undefined> = {
  hand: ["dead", "undeliverable"],
  way: ["waiting", "pending", "sending", "accepted"],
  there: ["delivered"],
  all: undefined,
};
const STATES: Record<string, readonly [string, Tone]> = {
  waiting: [msg("Waits for the channels before"), "plain"],
  pending: [msg("Due"), "info"],
  sending: [msg("Being told"), "info"],
  accepted: [msg("Taken by the service"), "warn"],
  delivered: [msg("Seen"), "ok"],
  undeliverable: [msg("Not reachable this way"), "plain"],
  dead: [msg("Given up"), "bad"],
  superseded: [msg("No longer needed"), "plain"],
};

const WHY: Record<string, string> = {
  "no open socket": msg("No page of theirs was open"),
  "a newer one says more": msg("A newer notice says more"),
};

export default function Notices(): ReactNode {
  const tell = useTell();
  const [show, setShow] = useState<Show>("all");
  useLive("notices");
  const list = useList<Row>(["notices", "deliveries", show], (cursor) => take(api.GET("/api/deliveries", { params: { query: { status: SHOWN[show], limit: 50, cursor } } })), { every: 15_000 });
  const again = useMutation({
    mutationFn: (ids: number[]) => take(api.POST("/api/deliveries/retry", { body: { ids, note: t("told again from the dashboard") } })),
    onSuccess: ({ ids }) => {
      tell.ok(tn("{n} notice is told again.", "{n} notices are told again.", ids.length));
      announce("notices");
    },
    onError: (error) => tell.bad(error),
  });
  const columns: Column<Row>[] = [
    { name: t("Notice"), prose: true, cell: (row) => <>{coded("notice", row.kind)}{row.report_id !== null && <small><Link href={`/incidents/${row.report_id}`}>{t("Incident {id}", { id: row.report_id })}</Link></small>}</> },
    { name: t("To whom"), cell: (row) => (row.role === "dashboard" ? t("All dashboards") : <>{roleWords(row.role)}<small>#{row.person_id}</small></>) },
    { name: t("Channel"), cell: (row) => <>{coded("channel", row.channel)}{row.attempts > 1 && <small>{tn("{n} attempt", "{n} attempts", row.attempts)}</small>}</> },
    { name: t("State"), cell: (row) => <Badge tone={STATES[row.status]?.[1] ?? "plain"}>{t(STATES[row.status]?.[0] ?? row.status)}</Badge> },
    { name: t("Time"), cell: (row) => <Ago at={row.created_at} /> },
    { name: t("Receipt or reason"), prose: true, cell: (row) => (row.last_error ? WHY[row.last_error] ? t(WHY[row.last_error]!) : <Technical>{row.last_error}</Technical> : (row.receipt ?? "–")) },
    { name: t("By hand"), cell: (row) => (["dead", "undeliverable"].includes(row.status) ? <Button busy={again.isPending} onClick={() => again.mutate([row.id])}>{t("Tell again")}</Button> : "–") },
  ];
  return (
    <div className="stack">
      <div className="toolbar">
        <Choice<Show> label={t("Which")} value={show} options={[["all", t("All")], ["way", t("Being delivered")], ["there", t("Seen")], ["hand", t("Not told")]]} onChange={setShow} />
        <Announce />
      </div>
      <Panel>
        <ListTable label={t("Deliveries of notices")} columns={columns} list={list} keyOf={(row) => row.id} empty={{ icon: BellRing, title: t("There is no such delivery") }} />
      </Panel>
    </div>
  );
}
