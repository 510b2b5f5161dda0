/** One incident: what is seen, what is decided, who is on the way, what was said; other officers' acts appear at once. */
import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Braces, FileDown, Phone } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { Ago, At, Badge, Button, Facts, Panel } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import { roleWords } from "../../ui/words.ts";
import type { Params } from "../registry.ts";
import { Acts } from "./decide.tsx";
import { Evidence } from "./evidence.tsx";
import { Talk } from "./talk.tsx";
import { Way } from "./way.tsx";
import { Unanswered, Withdraw } from "./withdraw.tsx";
import { isOpen, reasonOf, type Report, STOPPED, told, toldTone, UNDER_WAY } from "./words.ts";
import "./incidents.css";

const EVERY = 15_000;

/** Called back or taken off, and somebody has not yet said that they stopped. */
const isAwaited = (report: Report): boolean => report.assignments.some((one) => STOPPED.includes(one.status) && !one.stop_acknowledged_at);

export default function Incident({ params }: Params): ReactNode {
  const id = Number(params["id"]);
  useLive("incidents");
  const query = useQuery({
    queryKey: ["incidents", "one", id],
    queryFn: () => take(api.GET("/api/officer/report/{report_id}", { params: { path: { report_id: id } } })),
    enabled: Number.isSafeInteger(id) && id > 0,
    refetchInterval: ({ state }) => (state.data && !isOpen(state.data.status) && !isAwaited(state.data) ? false : EVERY),
  });
  if (!query.data) return query.error || !(id > 0) ? <Failure error={query.error ?? new Error(t("There is nothing at this address"))} again={() => void query.refetch()} /> : <Loading rows={10} />;
  const report = query.data;
  return (
    <article className="incident" data-status={report.status}>
      <header className="incident-head">
        <Link href="/incidents" className="icon-button" aria-label={t("To all incidents")}>
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <div className="incident-title">
          <h2>{report.title}</h2>
          <p>
            <Badge tone={toldTone("status", report.status)}>{told("status", report.status)}</Badge>
            <Badge tone={toldTone("kind", report.incident_type)}>{told("kind", report.incident_type)}</Badge>
            <span className="muted">
              {report.location} · <Ago at={report.incident_at} />
            </span>
          </p>
        </div>
        <Acts report={report} />
      </header>
      {report.status === "rejected" && (
        <p className="incident-over">
          {t("Recalled or rejected: {why}", { why: [reasonOf(report.reason_code), report.note !== report.reason_code && report.note].filter(Boolean).join(". ") || "–" })}
        </p>
      )}
      <div className="incident-body">
        <div className="stack">
          <Panel title={t("Evidence")} className="evidence">
            <Evidence reportId={report.id} pieces={report.evidences} />
          </Panel>
          <Timeline report={report} />
        </div>
        <div className="stack">
          <Way report={report} />
          <Sent report={report} />
          <Talk reportId={report.id} isClosed={!isOpen(report.status)} />
          <About report={report} />
        </div>
      </div>
    </article>
  );
}

function Sent({ report }: { report: Report }): ReactNode {
  if (!report.assignments.length) return null;
  return (
    <Panel title={t("Police")}>
      <ul className="sent">
        {report.assignments.map((one) => (
          <li key={one.id}>
            <span>
              <strong>{one.officer_name}</strong>
              <small>{[one.vehicle_type, one.license_plate, t("sent by {name}", { name: one.assigned_by })].filter(Boolean).join(" · ")}</small>
              {one.decline_reason && <small>{t("Reason: {why}", { why: one.decline_reason })}</small>}
              {one.withdrawn_by && <small>{t("Withdrawn by {name}: {why}", { name: one.withdrawn_by, why: one.withdraw_reason ?? "" })}</small>}
              {one.status === "offered" && <Unanswered since={one.assigned_at} />}
              {STOPPED.includes(one.status) && <small>{one.stop_acknowledged_at ? t("knows of the recall") : t("has not yet confirmed the recall")}</small>}
            </span>
            {one.phone && (
              <a className="icon-button" href={`tel:${one.phone.replace(/[^+\d]/g, "")}`} aria-label={t("Call {name}", { name: one.officer_name })}>
                <Phone size={16} aria-hidden />
              </a>
            )}
            <span className="sent-state">
              <Badge tone={toldTone("sent", one.status)}>{told("sent", one.status)}</Badge>
              {one.is_backup && <small>{t("back-up")}</small>}
              {UNDER_WAY.includes(one.status) && <Withdraw report={report.id} sent={one} />}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Timeline({ report }: { report: Report }): ReactNode {
  return (
    <Panel title={t("Timeline")} aside={<Exports id={report.id} />}>
      <ol className="timeline">
        {report.activity_logs.map((line) => (
          <li key={line.id} data-action={line.action}>
            <At at={line.created_at} shape="time" />
            <span>
              {line.description}
              <small>{[line.actor !== line.actor_role && line.actor, line.actor_role === "system" ? "" : roleWords(line.actor_role)].filter(Boolean).join(", ")}</small>
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Exports({ id }: { id: number }): ReactNode {
  const tell = useTell();
  const [busy, setBusy] = useState("");
  const save = async (format: "pdf" | "json") => {
    setBusy(format);
    try {
      const { data, error, response } = await api.GET("/api/reports/{report_id}/export", { params: { path: { report_id: id }, query: { format } }, parseAs: "blob" });
      if (!data) throw new Error(String((error as { detail?: string } | undefined)?.detail ?? `HTTP ${response.status}`));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(data as unknown as Blob);
      link.download = `laporan-${id}.${format}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      tell.bad(error);
    } finally {
      setBusy("");
    }
  };
  return (
    <span className="row-acts">
      <Button busy={busy === "pdf"} onClick={() => void save("pdf")}>
        <FileDown size={16} aria-hidden />
        PDF
      </Button>
      <Button busy={busy === "json"} onClick={() => void save("json")}>
        <Braces size={16} aria-hidden />
        JSON
      </Button>
    </span>
  );
}

function About({ report }: { report: Report }): ReactNode {
  const { owner, cctv, metadata } = report;
  return (
    <Panel title={t("About")}>
      <div className="panel-body">
        <Facts
          items={[
            [t("Number"), `#${report.id}`],
            [t("Seen"), <At at={report.incident_at} />],
            [t("Told by"), `${told("source", report.source)}${report.is_confirmed ? `, ${t("confirmed by a second look")}` : ""}`],
            [t("Description"), report.description || null],
            [t("Camera"), cctv.name && `${cctv.name}${cctv.description ? ` (${cctv.description})` : ""}`],
            [t("Owner"), owner.name && <>{owner.name}{owner.phone && <> · <a href={`tel:${owner.phone.replace(/[^+\d]/g, "")}`}>{owner.phone}</a></>}</>],
            [t("Station"), report.station_name],
            [t("Checked by"), report.verified_by && <>{report.verified_by}, <At at={report.verified_at} /></>],
            [t("From sending to arrival"), metadata.response_time == null ? null : t("{n} min", { n: number(metadata.response_time, 1) })],
            [t("From report to end"), metadata.resolution_time == null ? null : t("{n} min", { n: number(metadata.resolution_time, 1) })],
          ]}
        />
      </div>
    </Panel>
  );
}
