/** Cameras, incidents and police on one map; units move as their positions come in. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { number, t, tn } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import MapView, { type Mark } from "../../map/map.tsx";
import { Ago, Badge } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { said, toneOf } from "../../ui/words.ts";
import { isOpen, told, toldTone } from "../incidents/words.ts";
import "./map.css";

type Layer = "incident" | "closed" | "unit" | "camera";
type Tone = NonNullable<Mark["tone"]>;
const EVERY = 10_000;

export default function MapPage(): ReactNode {
  const [hidden, setHidden] = useState<ReadonlySet<Layer>>(new Set(["closed"]));
  useLive("incidents", "units", "devices");
  const map = useQuery({ queryKey: ["units", "map"], queryFn: () => take(api.GET("/api/officer/incident-map")), refetchInterval: EVERY });
  const devices = useQuery({ queryKey: ["devices", "map"], queryFn: everyCamera, refetchInterval: 30_000 });
  if (!map.data) return map.error ? <Failure error={map.error} again={() => void map.refetch()} /> : <Loading rows={10} />;
  const { crime_locations: incidents, active_officers: units } = map.data;
  const open = incidents.filter((one) => isOpen(one.status));
  const closed = incidents.filter((one) => !isOpen(one.status));
  const cameras = (devices.data ?? []).filter((one) => one.latitude !== null && one.longitude !== null);
  const unplaced = (devices.data?.length ?? 0) - cameras.length;
  const layers: readonly (readonly [Layer, string, number])[] = [
    ["incident", t("Open incidents"), open.length],
    ["closed", t("Closed, 30 days"), closed.length],
    ["unit", t("Police on duty"), units.length],
    ["camera", t("Cameras"), cameras.length],
  ];
  const marks: Mark[] = [
    ...(hidden.has("camera") ? [] : cameras.map(cameraMark)),
    ...(hidden.has("closed") ? [] : closed.map(incidentMark)),
    ...(hidden.has("incident") ? [] : open.map(incidentMark)),
    ...(hidden.has("unit") ? [] : units.map(unitMark)),
  ];
  return (
    <div className="map-page">
      <div className="map-layers" role="group" aria-label={t("What the map shows")}>
        {layers.map(([layer, name, count]) => (
          <button
            key={layer}
            type="button"
            className="map-layer"
            aria-pressed={!hidden.has(layer)}
            onClick={() => setHidden((now) => new Set(now.has(layer) ? [...now].filter((one) => one !== layer) : [...now, layer]))}
          >
            <i className={`layer-${layer}`} aria-hidden />
            {name}
            <strong>{number(count)}</strong>
          </button>
        ))}
        {unplaced > 0 && <Link href="/devices" className="map-unplaced">{tn("{n} camera has no coordinates", "{n} cameras have no coordinates", unplaced)}</Link>}
      </div>
      <MapView label={t("Map of incidents, police and cameras")} marks={marks} fit clusters className="map-whole" />
    </div>
  );
}

/** All pages of the list; an agency has some hundreds of cameras at most. */
async function everyCamera(): Promise<Schemas["DeviceRow"][]> {
  const rows: Schemas["DeviceRow"][] = [];
  let cursor: string | undefined;
  do {
    const page: { data: Schemas["DeviceRow"][]; pagination: { next_cursor?: string | null } } = await take(api.GET("/api/devices", { params: { query: { limit: 200, cursor } } }));
    rows.push(...page.data);
    cursor = page.pagination.next_cursor ?? undefined;
  } while (cursor && rows.length < 2000);
  return rows;
}

function cameraMark(one: Schemas["DeviceRow"]): Mark {
  const tone = toneOf("device", one.state);
  const name = one.device_name ?? one.device_code;
  return {
    id: `camera ${one.id}`,
    at: [one.latitude!, one.longitude!],
    kind: "camera",
    tone: markTone(tone),
    text: "",
    name: `${t("Camera")} ${name}`,
    popup: () => (
      <>
        <strong>{name}</strong>
        <p className="muted">{one.location ?? one.device_code}</p>
        <p><Badge tone={tone}>{said("device", one.state)}</Badge> <Ago at={one.last_seen} /></p>
        <Link className="button" href="/devices">{t("To the cameras")}</Link>
      </>
    ),
  };
}

function incidentMark(one: Schemas["CrimeLocation"]): Mark {
  return {
    id: `incident ${one.id}`,
    at: [one.coordinates.latitude, one.coordinates.longitude],
    kind: "incident",
    tone: isOpen(one.status) ? (one.status === "new" ? "bad" : "warn") : "plain",
    text: isOpen(one.status) ? told("kind", one.incident_type) : "",
    name: `${told("kind", one.incident_type)}, ${told("status", one.status)}: ${one.title}`,
    popup: () => (
      <>
        <strong>{one.title}</strong>
        <p className="muted">{one.location}</p>
        <p><Badge tone={toldTone("status", one.status)}>{told("status", one.status)}</Badge> <Ago at={one.created_at} /></p>
        <Link className="button" href={`/incidents/${one.id}`}>{t("Open the incident")}</Link>
      </>
    ),
  };
}

function unitMark(one: Schemas["ActiveOfficer"]): Mark {
  return {
    id: `unit ${one.id}`,
    at: [one.coordinates.latitude, one.coordinates.longitude],
    kind: "unit",
    tone: one.status === "busy" ? "warn" : "ok",
    text: one.name,
    popup: () => (
      <>
        <strong>{one.name}</strong>
        <p><Badge tone={toldTone("duty", one.status)}>{told("duty", one.status)}</Badge> <Ago at={one.position_at} /></p>
        {one.assigned_to && <p className="muted">{one.assigned_to}</p>}
        {one.report_id !== null && one.estimated_arrival !== null && one.estimated_arrival > 0 && <p>{t("there in about {n} min", { n: number(Math.max(1, Math.ceil(one.estimated_arrival))) })}</p>}
        {one.report_id !== null && <Link className="button" href={`/incidents/${one.report_id}`}>{t("Open the incident")}</Link>}
      </>
    ),
  };
}

const markTone = (tone: string): Tone => (tone === "ok" || tone === "warn" || tone === "bad" ? tone : "plain");
