/** One report of the owner: what was seen, where it stands, and the police on their way. */
import { useQuery } from "@tanstack/react-query";
import { Download, Paperclip } from "lucide-react";
import type { ReactNode } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { far, Map, MapFrame, PickFile, Shot, soon, State } from "../../app/parts.tsx";
import { once, useSend, useWaiting } from "../../app/send.ts";
import { here } from "../../app/words.ts";
import { t, tn } from "../../i18n/index.ts";
import { moment } from "../../i18n/time.ts";
import { useLive } from "../../live/live.ts";
import type { Mark } from "../../map/map.tsx";
import type { Params } from "../registry.ts";
import { Ago, At, Panel } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";

const WAY = ["new", "verified", "assigned", "in_progress", "completed"];

export default function Report({ params }: Params): ReactNode {
  useLive("reports", "evidence");
  const id = Number(params["id"]);
  const path = { params: { path: { report_id: id } } };
  const query = useQuery({ queryKey: ["reports", "own", id], queryFn: () => take(api.GET("/api/report/{report_id}", path)), refetchInterval: 30_000 });
  const evidence = useQuery({ queryKey: ["evidence", id], queryFn: () => take(api.GET("/api/reports/{report_id}/evidence", path)) });
  const unsent = useWaiting(evidence.dataUpdatedAt).filter((item) => item.report === id && item.kind === "evidence" && !item.refused);
  const send = useSend();
  if (!query.data) return query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading rows={8} />;
  const report = query.data;
  const isOpen = report.status !== "completed" && report.status !== "rejected";
  return (
    <div className="app">
      <Panel>
        {report.report_image && <Shot address={report.report_image} text={t("Picture of the incident")} className="shot-wide" />}
        <div className="panel-body work-head">
          <div className="card-top">
            <State table="incident" code={report.incident_type} />
            <State table="report" code={report.status} />
          </div>
          <h2>{report.title}</h2>
          <p className="muted">
            {report.cctv.name ? `${report.cctv.name} · ` : ""}
            {report.location || report.cctv.location || t("Place not named")} · <At at={report.created_at} shape="short" />
          </p>
          {report.description && <p className="work-text">{report.description}</p>}
          {report.is_recalled ? <p className="app-note">{t("The alarm was called back: there was no danger, or it was a test.")}</p> : <Way status={report.status} sent={report.is_assigned} />}
        </div>
      </Panel>
      {report.assigned_to && isOpen && <Approach id={id} report={report} />}
      <Panel title={t("Pictures and files")} aside={isOpen && <PickFile accept="image/jpeg,image/png,video/mp4,application/pdf" onFile={(file) => void send({ kind: "evidence", report: id, path: `/api/reports/${id}/evidence`, body: { client_id: once() }, file: { blob: file, name: file.name } })}><Paperclip size={18} aria-hidden />{t("Add")}</PickFile>}>
        {unsent.length > 0 && <p className="app-note">{tn("{n} thing waits to be sent", "{n} things wait to be sent", unsent.length)}</p>}
        {evidence.data?.length ? (
          <ul className="shots">
            {evidence.data.map((row) => (
              <li key={row.id}>
                <a href={here(row.file_url)} target="_blank" rel="noreferrer" aria-label={t("Open the file of {time}", { time: moment(row.created_at, "time") })}>
                  {row.type === "IMAGE" ? <Shot address={row.file_url} text="" /> : <span className="shot shot-none">{row.file_name}</span>}
                </a>
                <small><At at={row.created_at} shape="time" /></small>
              </li>
            ))}
          </ul>
        ) : (
          evidence.data && <p className="app-note">{t("No picture came with it.")}</p>
        )}
      </Panel>
      <a className="button" href={`/api/reports/${id}/export?format=pdf`} download><Download size={18} aria-hidden />{t("Save as PDF")}</a>
    </div>
  );
}

/** Where it stands, in five steps; "checked" may be skipped when somebody is sent at once. */
function Way({ status, sent }: { status: string; sent: boolean }): ReactNode {
  const at = status === "verified" && sent ? 3 : WAY.indexOf(status);
  const names = [t("Reported"), t("Checked"), t("Police sent"), t("At the place"), t("Completed")];
  if (status === "rejected") return <p className="app-note">{t("The report was turned down after a look by an officer.")}</p>;
  return (
    <ol className="way" aria-label={t("Where the report stands")}>
      {names.map((name, index) => (
        <li key={name} className={index <= at ? "way-done" : undefined} aria-current={index === at ? "step" : undefined}>
          {name}
        </li>
      ))}
    </ol>
  );
}

function Approach({ id, report }: { id: number; report: Schemas["OwnReport"] }): ReactNode {
  useLive("tracking", "reports");
  const query = useQuery({ queryKey: ["tracking", "own", id], queryFn: () => take(api.GET("/api/report/{report_id}/track", { params: { path: { report_id: id } } })), refetchInterval: 15_000 });
  const track = query.data;
  const points = track?.tracking.filter((point) => !point.is_suspicious) ?? [];
  const last = points.at(-1);
  const marks: Mark[] = [];
  if (track?.destination) marks.push({ id: "place", at: [track.destination.latitude, track.destination.longitude], kind: "incident", text: report.cctv.name ?? report.title });
  if (last) marks.push({ id: "unit", at: [last.latitude, last.longitude], kind: "unit", text: report.assigned_to?.name ?? t("Police") });
  const isThere = report.status === "in_progress" || last?.status === "arrived";
  return (
    <Panel className="work-target" title={isThere ? t("Police are at the place") : t("Police are on their way")}>
      <MapFrame>
        <Map
          label={t("The way of the police")}
          marks={marks}
          lines={points.length > 1 ? [{ id: "way", kind: "way", points: points.map((point) => [point.latitude, point.longitude] as const) }] : []}
          {...(track?.destination ? { rings: { at: [track.destination.latitude, track.destination.longitude] as const, metres: [250, 500, 1000] } } : {})}
          fit
        />
      </MapFrame>
      <div className="work-way">
        <p>
          <strong>{isThere ? t("There") : last ? soon(last.estimated_time) : t("setting off")}</strong>
          <span className="muted">{last && !isThere ? t("{far} away, as the crow flies", { far: far(last.distance) }) : report.assigned_to?.name}</span>
        </p>
        {last && (
          <p className="work-seen">
            <small className={track?.is_stale ? "ink-warn" : "muted"}>{track?.is_stale ? t("Last position is old:") : t("Last position:")} <Ago at={last.timestamp} /></small>
          </p>
        )}
      </div>
    </Panel>
  );
}
