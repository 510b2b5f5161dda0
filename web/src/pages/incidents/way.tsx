/** Where it is and who is on the way: live while somebody drives. */
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { api, take } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import type { Mark, Place } from "../../map/map.tsx";
import { Ago, Panel } from "../../ui/parts.tsx";
import { distanceWords } from "./send.tsx";
import { isOpen, type Report, told } from "./words.ts";

const MapView = lazy(() => import("../../map/map.tsx"));
const EVERY = 10_000;
const RINGS = [250, 500, 1000];

export function Way({ report }: { report: Report }): ReactNode {
  useLive("tracking");
  const wanted = report.assignment !== null;
  const { data } = useQuery({
    queryKey: ["tracking", report.id, report.assignment?.id],
    queryFn: () => take(api.GET("/api/officer/report/{report_id}/track", { params: { path: { report_id: report.id } } })),
    enabled: wanted,
    refetchInterval: isOpen(report.status) ? EVERY : false,
  });
  const place: Place | null = report.coordinates ? [report.coordinates.latitude, report.coordinates.longitude] : null;
  const points = (data?.tracking ?? []).filter((point) => !point.is_suspicious);
  const last = points.at(-1);
  const marks: Mark[] = [];
  if (place) marks.push({ id: "incident", at: place, kind: "incident", tone: isOpen(report.status) ? "bad" : "plain", text: report.location });
  if (last) marks.push({ id: "unit", at: [last.latitude, last.longitude], kind: "unit", text: data?.officer?.name ?? "", tone: data?.is_stale ? "warn" : "ok" });
  const way = points.map((point): Place => [point.latitude, point.longitude]);
  const isDriving = report.assignment?.status === "accepted" || report.assignment?.status === "on_the_way";
  const lines = [
    ...(way.length > 1 ? [{ id: "way", points: way, kind: "way" as const }] : []),
    ...(isDriving && last && place ? [{ id: "ahead", points: [[last.latitude, last.longitude], place] as Place[], kind: "ahead" as const }] : []),
  ];
  if (!place) return <Panel title={t("Place")}><p className="panel-body muted">{t("This report has no coordinates.")}</p></Panel>;
  return (
    <Panel title={t("Place and way")} className="way">
      <Suspense fallback={<div className="map way-map" aria-busy="true" />}>
        <MapView label={t("Map of the incident")} marks={marks} lines={lines} rings={{ at: place, metres: RINGS }} fit className="way-map" />
      </Suspense>
      {report.assignment && (
        <p className="way-state" role="status">
          <strong>{report.assignment.officer_name}</strong>
          <span>{told("sent", report.assignment.status)}</span>
          {isDriving && last?.distance != null && <span>{t("{far} to go", { far: distanceWords(last.distance) })}</span>}
          {isDriving && last?.estimated_time != null && <span>{t("there in about {n} min", { n: number(Math.max(1, Math.ceil(last.estimated_time))) })}</span>}
          {isDriving && last && <span className={data?.is_stale ? "ink-warn" : "muted"}>{t("Position:")} <Ago at={last.timestamp} /></span>}
          {isDriving && !last && <span className="muted">{t("no position yet")}</span>}
        </p>
      )}
    </Panel>
  );
}
