/** All cases with filters; a search for a plate is noted in the audit log. */
import { FileSearch } from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { Ago, At, Badge, Field, Panel, Plate, Where } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { reasonWords, said, toneOf, VIOLATIONS } from "../../ui/words.ts";
import { Forged } from "./forged.tsx";

type Status = Schemas["State"];
const STATUSES: Status[] = ["held", "pending", "approved", "queued", "synced", "rejected", "refused", "uncertain"];
const EVERY = 10_000;

export default function Cases(): ReactNode {
  const [, go] = useLocation();
  const [status, setStatus] = useState<Status | "">("");
  const [type, setType] = useState("");
  const [plate, setPlate] = useState("");
  const [sort, setSort] = useState<"newest" | "due">("newest");
  const wanted = useDeferredValue(plate.trim());
  useLive("violations");
  const list = useList<Schemas["ViolationRow"]>(
    [wanted ? "violations of a plate" : "violations", "list", status, type, wanted, sort],
    (cursor) => take(api.GET("/api/violations", { params: { query: { status: status ? [status] : undefined, type: type || undefined, plate: wanted.length >= 3 ? wanted : undefined, sort, limit: 50, cursor } } })),
    wanted ? {} : { every: EVERY }, // each look for a plate is noted in the audit log: one look a search
  );
  const columns: Column<Schemas["ViolationRow"]>[] = [
    { name: t("Plate"), cell: (row) => <><Plate text={row.plate_number} /> <Forged of={row} /></> },
    { name: t("Violation"), cell: (row) => said("violation", row.violation_type) },
    { name: t("Time of offence"), cell: (row) => <At at={row.capture_time} /> },
    { name: t("Camera"), wide: true, cell: (row) => <Where device={row.device} /> },
    { name: t("State"), cell: (row) => <Badge tone={toneOf("status", row.status)}>{said("status", row.status)}</Badge> },
    {
      name: t("Decision"),
      prose: true,
      cell: (row) => row.status === "pending" ? (
        <>{row.claim ? t("with {name}", { name: row.claim.name }) : t("due")} {!row.claim && <Ago at={row.due_at} />}</>
      ) : (
        <>{row.verified_by ?? (row.held_reason ? t("Its time cannot be trusted") : "–")}{row.reason_code && <small>{reasonWords(row.reason_code)}</small>}</>
      ),
    },
  ];
  return (
    <div className="stack">
      <div className="filters">
        <Field label={t("State")}>
          {(id) => (
            <select id={id} value={status} onChange={(event) => setStatus(event.target.value as Status | "")}>
              <option value="">{t("All")}</option>
              {STATUSES.map((one) => <option key={one} value={one}>{said("status", one)}</option>)}
            </select>
          )}
        </Field>
        <Field label={t("Violation")}>
          {(id) => (
            <select id={id} value={type} onChange={(event) => setType(event.target.value)}>
              <option value="">{t("All")}</option>
              {VIOLATIONS.map((one) => <option key={one} value={one}>{said("violation", one)}</option>)}
            </select>
          )}
        </Field>
        <Field label={t("Plate (logged)")}>{(id) => <input id={id} value={plate} maxLength={40} autoComplete="off" spellCheck={false} onChange={(event) => setPlate(event.target.value)} />}</Field>
        <Field label={t("Order")}>
          {(id) => (
            <select id={id} value={sort} onChange={(event) => setSort(event.target.value as "newest" | "due")}>
              <option value="newest">{t("Newest first")}</option>
              <option value="due">{t("Due first")}</option>
            </select>
          )}
        </Field>
      </div>
      <Panel>
        <ListTable label={t("Cases")} columns={columns} list={list} keyOf={(row) => row.id} onOpen={(row) => go(`/cases/${row.id}`)} openLabel={(row) => t("Open case {id}", { id: row.id })} toneOf={(row) => (row.overdue && row.status === "pending" ? "bad" : undefined)}
          empty={{ icon: FileSearch, title: t("No case fits"), text: t("Change the filters above.") }} />
      </Panel>
    </div>
  );
}
