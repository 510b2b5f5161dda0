/** All incidents, the open ones first of all choices; new ones appear by themselves. */
import { ShieldCheck } from "lucide-react";
import { type ReactNode, useDeferredValue, useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useNumbered } from "../../api/lists.ts";
import { t } from "../../i18n/index.ts";
import { fromLocalInput } from "../../i18n/time.ts";
import { useLive } from "../../live/live.ts";
import { setSound, useSound } from "../../live/sound.ts";
import { Ago, At, Badge, Choice, Field, Panel } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { Thumb } from "../../ui/viewer.tsx";
import { Announce } from "./announce.tsx";
import { pictureOf } from "./evidence.tsx";
import { Unanswered } from "./withdraw.tsx";
import { isOpen, KINDS, OPEN, SOURCES, STATUSES, told, toldTone } from "./words.ts";
import "./incidents.css";

type Row = Schemas["OfficerReportRow"];
type Show = "open" | "new" | "closed" | "all";
const SHOWN: Record<Show, string | undefined> = { open: OPEN.join(), new: "new", closed: STATUSES.filter((one) => !isOpen(one)).join(), all: undefined };
const EVERY = 20_000;

export default function Incidents(): ReactNode {
  const [, go] = useLocation();
  const [show, setShow] = useState<Show>("open");
  const [kind, setKind] = useState("");
  const [source, setSource] = useState("");
  const [text, setText] = useState("");
  const [from, setFrom] = useState("");
  const search = useDeferredValue(text.trim());
  const isOn = useSound();
  useLive("incidents");
  const list = useNumbered<Row>(
    ["incidents", "list", show, kind, source, search, from],
    (page) =>
      take(
        api.GET("/api/officer/latest-report", {
          params: { query: { page, limit: 30, status: SHOWN[show], incident_type: kind || undefined, source: source || undefined, search: search || undefined, from: fromLocalInput(from) } },
        }),
      ),
    { every: EVERY },
  );
  const columns: Column<Row>[] = [
    {
      name: t("Incident"),
      wide: true,
      cell: (row) => (
        <span className="incident-what">
          <Thumb picture={pictureOf(row.report_image)} alt="" />
          <span>
            <strong>{row.title}</strong>
            <small>{row.location}</small>
          </span>
        </span>
      ),
    },
    { name: t("Kind"), cell: (row) => <Badge tone={toldTone("kind", row.incident_type)}>{told("kind", row.incident_type)}</Badge> },
    { name: t("State"), cell: (row) => <><Badge tone={toldTone("status", row.status)}>{told("status", row.status)}</Badge>{row.unanswered_since && <Unanswered since={row.unanswered_since} />}</> },
    {
      name: t("Seen"),
      cell: (row) => (
        <>
          <Ago at={row.created_at} />
          <small>
            <At at={row.created_at} shape="short" />
          </small>
        </>
      ),
    },
    { name: t("Told by"), cell: (row) => <>{told("source", row.source)}{row.cctv_name && <small>{row.cctv_name}</small>}</> },
  ];
  return (
    <div className="stack">
      <div className="toolbar">
        <Choice<Show>
          label={t("Which")}
          value={show}
          options={[["open", t("Open")], ["new", t("New")], ["closed", t("Finished")], ["all", t("All")]]}
          onChange={setShow}
        />
        <span className="row-acts">
          <Choice<"on" | "off">
            label={t("Alarm sound")}
            value={isOn ? "on" : "off"}
            options={[["on", t("Alarm sound on")], ["off", t("off")]]}
            onChange={(value) => setSound(value === "on")}
          />
          <Announce />
        </span>
      </div>
      <div className="filters">
        <Field label={t("Search in title and place")}>{(id) => <input id={id} type="search" value={text} maxLength={80} onChange={(event) => setText(event.target.value)} />}</Field>
        <Select label={t("Kind")} value={kind} onChange={setKind} options={KINDS.map((one) => [one, told("kind", one)])} />
        <Select label={t("Told by")} value={source} onChange={setSource} options={SOURCES.map((one) => [one, told("source", one)])} />
        <Field label={t("Since")}>{(id) => <input id={id} type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />}</Field>
      </div>
      <Panel>
        <ListTable
          label={t("Incidents")}
          columns={columns}
          list={list}
          keyOf={(row) => row.id}
          onOpen={(row) => go(`/incidents/${row.id}`)}
          openLabel={(row) => t("Open incident {id}", { id: row.id })}
          toneOf={(row) => (row.status === "new" ? "bad" : isOpen(row.status) ? "warn" : undefined)}
          empty={show === "open" || show === "new" ? { icon: ShieldCheck, title: t("No open incident"), text: t("A new one appears here by itself, with a sound.") } : { icon: ShieldCheck, title: t("No incident fits"), text: t("Change the filters above.") }}
        />
      </Panel>
    </div>
  );
}

function Select({ label, value, options, onChange }: { label: string; value: string; options: (readonly [string, string])[]; onChange(value: string): void }): ReactNode {
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">{t("All")}</option>
          {options.map(([code, words]) => (
            <option key={code} value={code}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
