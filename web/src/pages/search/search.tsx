/** Reads and passages by plate, place and time. Personal data: nothing is asked without a purpose, which is logged. */
import { SearchX, ShieldCheck } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { number, t, tn } from "../../i18n/index.ts";
import { fromLocalInput } from "../../i18n/time.ts";
import { coded } from "../../ui/codes.ts";
import { At, Badge, Button, Choice, Field, Panel, Plate, Where } from "../../ui/parts.tsx";
import { Empty } from "../../ui/states.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { said, toneOf, vehicleWords } from "../../ui/words.ts";
import { Forged } from "./forged.tsx";
import { ReadDialog } from "./read.tsx";

type Kind = "passages" | "reads";
type Asked = { kind: Kind; purpose: string; plate: string; alike: boolean; device: string; from: string; to: string; nth: number };
const PURPOSES = "search-purposes";

export default function Search(): ReactNode {
  const [, go] = useLocation();
  const [form, setForm] = useState<Asked>({ kind: "passages", purpose: "", plate: "", alike: false, device: "", from: "", to: "", nth: 0 });
  const [asked, setAsked] = useState<Asked | null>(null);
  const [read, setRead] = useState<Schemas["ReadView"] | null>(null);
  const change = (some: Partial<Asked>) => setForm((now) => ({ ...now, ...some }));
  const query = asked && {
    plate: asked.plate || undefined, look_alike: asked.alike, device: asked.device || undefined,
    from: fromLocalInput(asked.from), to: fromLocalInput(asked.to), purpose: asked.purpose, limit: 50,
  };
  const passages = useList<Schemas["PassageView"]>(["passages", asked], (cursor) => take(api.GET("/api/passages", { params: { query: { ...query, cursor } } })), { enabled: asked?.kind === "passages" });
  const reads = useList<Schemas["ReadView"]>(["reads", asked], (cursor) => take(api.GET("/api/plate-reads", { params: { query: { ...query, cursor } } })), { enabled: asked?.kind === "reads" });
  return (
    <div className="stack">
      <Panel>
        <form
          className="panel-body form"
          onSubmit={(event) => {
            event.preventDefault();
            setAsked({ ...form, purpose: form.purpose.trim(), plate: form.plate.trim(), nth: form.nth + 1 });
            change({ nth: form.nth + 1 });
          }}
        >
          <div className="filters">
            <Field label={t("Plate")} hint={t("* any characters, ? exactly one")}>
              {(id, about) => <input id={id} aria-describedby={about} placeholder="B 12?? X*" autoCapitalize="characters" autoComplete="off" spellCheck={false} maxLength={40} value={form.plate} onChange={(event) => change({ plate: event.target.value })} />}
            </Field>
            <Field label={t("Purpose of this search")} hint={t("Logged with your name, at least 5 letters")}>
              {(id, about) => <input id={id} aria-describedby={about} list={PURPOSES} required minLength={5} maxLength={300} value={form.purpose} onChange={(event) => change({ purpose: event.target.value })} />}
            </Field>
            <Field label={t("Camera code")} hint={t("as in the list of cameras")}>
              {(id, about) => <input id={id} aria-describedby={about} autoComplete="off" maxLength={100} value={form.device} onChange={(event) => change({ device: event.target.value })} />}
            </Field>
            <Field label={t("From")} hint={t("in your time zone")}>{(id, about) => <input id={id} aria-describedby={about} type="datetime-local" value={form.from} onChange={(event) => change({ from: event.target.value })} />}</Field>
            <Field label={t("To")} hint={t("in your time zone")}>{(id, about) => <input id={id} aria-describedby={about} type="datetime-local" value={form.to} onChange={(event) => change({ to: event.target.value })} />}</Field>
          </div>
          <datalist id={PURPOSES}>
            <option value={t("Investigation, report number …")} />
            <option value={t("Complaint of a vehicle's owner")} />
            <option value={t("Check of a camera's quality")} />
          </datalist>
          <div className="form-end form-spread">
            <Choice<Kind> label={t("What to look for")} value={form.kind} options={[["passages", t("Passages")], ["reads", t("Single reads")]]} onChange={(kind) => change({ kind })} />
            <label className="check">
              <input type="checkbox" checked={form.alike} onChange={(event) => change({ alike: event.target.checked })} />
              {t("Take look-alikes for the same (0/O, 1/I, 8/B)")}
            </label>
            <Button look="main" type="submit">{t("Search")}</Button>
          </div>
        </form>
      </Panel>
      <Panel>
        {!asked ? (
          <Empty icon={ShieldCheck} title={t("Plates are personal data")}>
            {t("Say what the search is for. The purpose, your name and the search are kept in the audit log.")}
          </Empty>
        ) : asked.kind === "passages" ? (
          <ListTable label={t("Passages")} columns={passageColumns()} list={passages} keyOf={(row) => row.id} empty={{ icon: SearchX, title: t("No passage fits"), text: t("Widen the time, or use * and ? in the plate.") }}
            onOpen={(row) => (row.violations[0] ? go(`/cases/${row.violations[0]}`) : undefined)} openLabel={(row) => t("Open the case of {plate}", { plate: row.plate_number ?? "–" })} />
        ) : (
          <ListTable label={t("Single reads")} columns={readColumns()} list={reads} keyOf={(row) => row.id} onOpen={setRead} openLabel={(row) => t("Show the read of {plate}", { plate: row.plate_number ?? "–" })}
            empty={{ icon: SearchX, title: t("No read fits"), text: t("Widen the time, or use * and ? in the plate.") }} />
        )}
      </Panel>
      {read && <ReadDialog read={read} purpose={asked?.purpose ?? ""} onClose={() => setRead(null)} />}
    </div>
  );
}

function passageColumns(): Column<Schemas["PassageView"]>[] {
  return [
    { name: t("Plate"), cell: (row) => <><Plate text={row.plate_number} /> <Forged of={row} /></> },
    { name: t("Time"), cell: (row) => <At at={row.first_at} /> },
    { name: t("Camera"), wide: true, cell: (row) => <Where device={row.device} /> },
    { name: t("Vehicle"), cell: (row) => vehicleWords(row.vehicle_type, row.vehicle_color) || "–" },
    { name: t("Speed"), end: true, cell: (row) => (row.speed_kmh == null ? "–" : t("{v} km/h", { v: number(row.speed_kmh) })) },
    { name: t("Reads"), end: true, cell: (row) => number(row.reads) },
    { name: t("Cases"), cell: (row) => (row.violations.length ? <Badge tone="info">{tn("{n} case", "{n} cases", row.violations.length)}</Badge> : "–") },
  ];
}

function readColumns(): Column<Schemas["ReadView"]>[] {
  return [
    { name: t("Plate"), cell: (row) => <Plate text={row.plate_number} struck={row.voided} /> },
    { name: t("Time"), cell: (row) => <At at={row.capture_time} /> },
    { name: t("Camera"), wide: true, cell: (row) => <Where device={row.device} /> },
    { name: t("Confidence"), end: true, cell: (row) => (row.confidence == null ? "–" : `${number(row.confidence, 1)} %`) },
    { name: t("Judged"), cell: (row) => <Badge tone={toneOf("verdict", row.verdict)} title={row.verdict_reason ? coded("judged", row.verdict_reason) : ""}>{said("verdict", row.verdict)}</Badge> },
    { name: t("Pictures"), end: true, cell: (row) => number(row.pictures.filter((picture) => picture.state === "stored").length) },
  ];
}
