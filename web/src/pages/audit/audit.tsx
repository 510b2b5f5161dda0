/** Who did or looked at what, when, from where, what for. */
import { ScrollText } from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { t } from "../../i18n/index.ts";
import { fromLocalInput } from "../../i18n/time.ts";
import { ACT_CODES, actWords } from "../../ui/codes.ts";
import { At, Field, Panel } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { roleWords } from "../../ui/words.ts";
import { details, objectWords } from "./details.ts";

type Row = Schemas["AuditRow"];

export default function Audit(): ReactNode {
  const [action, setAction] = useState("");
  const [actor, setActor] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const name = useDeferredValue(actor.trim());
  const list = useList<Row>(["audit", action, name, from, to], (cursor) =>
    take(api.GET("/api/audit", { params: { query: { action: action || undefined, actor: name || undefined, from: fromLocalInput(from), to: fromLocalInput(to), limit: 100, cursor } } })),
  );
  const columns: Column<Row>[] = [
    { name: t("Time"), cell: (row) => <At at={row.at} /> },
    { name: t("Who"), cell: (row) => <>{row.actor_name === row.actor_role ? roleWords(row.actor_role) : row.actor_name || roleWords(row.actor_role)}{row.actor_name && row.actor_name !== row.actor_role && <small>{roleWords(row.actor_role)}</small>}</> },
    { name: t("What"), prose: true, cell: (row) => actWords(row.action) },
    { name: t("Of what"), cell: (row) => (row.object_kind === "violation" && row.object_id ? <Link href={`/cases/${row.object_id}`}>{t("Case")} #{row.object_id}</Link> : row.object_kind === "report" && row.object_id ? <Link href={`/incidents/${row.object_id}`}>{objectWords("report", row.object_id)}</Link> : row.object_kind ? objectWords(row.object_kind, row.object_id) : "–") },
    { name: t("Purpose, details"), wide: true, cell: (row) => <>{row.purpose}<small>{details(row.object_kind, row.detail) || (row.purpose ? "" : "–")}</small></> },
    { name: t("From where"), cell: (row) => row.peer || "–" },
  ];
  return (
    <div className="stack">
      <div className="filters">
        <Field label={t("What")}>
          {(id) => (
            <select id={id} value={action} onChange={(event) => setAction(event.target.value)}>
              <option value="">{t("All")}</option>
              {ACT_CODES.map((code) => <option key={code} value={code}>{actWords(code)}</option>)}
            </select>
          )}
        </Field>
        <Field label={t("Who (exact name)")}>{(id) => <input id={id} value={actor} maxLength={150} autoComplete="off" onChange={(event) => setActor(event.target.value)} />}</Field>
        <Field label={t("From")}>{(id) => <input id={id} type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />}</Field>
        <Field label={t("To")}>{(id) => <input id={id} type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />}</Field>
      </div>
      <Panel>
        <ListTable label={t("Audit")} columns={columns} list={list} keyOf={(row) => row.id} empty={{ icon: ScrollText, title: t("No entry fits"), text: t("Change the filters above.") }} />
      </Panel>
    </div>
  );
}
