/**
 * A map that needs no other host: coasts from our own file, marks and lines in the colours of the tokens.
 *
 *   <MapView label={t("The way")} marks={[{ id: "unit", at: [-6.2, 106.8], kind: "unit", text: "Bripka Sari" }]} fit />
 *
 * There are no streets in it, unless the installation has tiles (setting `map_tiles`; asked of our server). Rings around a place (`rings`) and the scale say how far things are from each other.
 * Import it lazily: Leaflet and the coasts are fetched with the first map.
 */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { LocateFixed } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import coasts from "virtual:basemap";
import { useSession } from "../api/session.tsx";
import { number, t, tn } from "../i18n/index.ts";
import { clustered } from "./clusters.ts";
import "./map.css";

export type Place = readonly [latitude: number, longitude: number];
export type Mark = {
  id: string;
  at: Place;
  kind: "incident" | "unit" | "me" | "camera" | "station";
  text?: string;
  /** what it is called where no text stands beside it; default: the text */
  name?: string;
  tone?: "ok" | "warn" | "bad" | "plain";
  onOpen?: () => void;
  /** what a window at the mark shows; elements, so that text of people stays text */
  popup?: () => ReactNode;
  /** never joined with others */
  alone?: boolean;
};
type Props = {
  label: string;
  marks: readonly Mark[];
  lines?: readonly { id: string; points: readonly Place[]; kind: "way" | "ahead" }[];
  /** rings of so many metres around a place */
  rings?: { at: Place; metres: readonly number[] };
  /** keep all marks in view until a person moves the map */
  fit?: boolean;
  /** marks of one kind that would lie on each other are shown as a number */
  clusters?: boolean;
  className?: string;
};

const CLUSTER_PX = 34;
/** Marks of different kinds nearer than this stand side by side. */
const BESIDE_PX = 20;
const SEVERITY = ["plain", "ok", "warn", "bad"] as const;
const CLOSEST = 18;
const TILES = "/api/map/tiles/{z}/{x}/{y}";
const INDONESIA: Place = [-2.5, 118];
let fetched: Promise<GeoJSON.GeoJsonObject> | undefined;

export default function MapView({ label, marks, lines = [], rings, fit, clusters, className = "" }: Props): ReactNode {
  const tiles = useSession().map_tiles;
  const [hasTiles, setHasTiles] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  const shown = useRef(new Map<string, L.Marker>());
  const drawn = useRef<L.LayerGroup | null>(null);
  const given = useRef(new Map<string, Mark>());
  const [moved, setMoved] = useState(false);
  const isFitting = useRef(false);
  const [zoom, setZoom] = useState(5);
  const [popup, setPopup] = useState<{ id: string; element: HTMLElement; shown: L.Popup } | null>(null);

  useEffect(() => {
    const made = L.map(host.current!, { zoomControl: false, attributionControl: false, minZoom: 4, maxZoom: CLOSEST, zoomSnap: 0.5 }).setView([...INDONESIA] as L.LatLngTuple, 5);
    map.current = made;
    drawn.current = L.layerGroup().addTo(made);
    L.control.scale({ imperial: false, position: "bottomleft" }).addTo(made);
    L.control.zoom({ position: "topright", zoomInTitle: t("Closer"), zoomOutTitle: t("Farther") }).addTo(made);
    made.createPane("base").style.zIndex = "150"; // beneath the tiles: seen where those are missing
    if (tiles) {
      const layer = L.tileLayer(TILES, { maxNativeZoom: Math.min(tiles.max_zoom, CLOSEST), maxZoom: CLOSEST, noWrap: true, className: "map-tiles" }).addTo(made);
      layer.on("tileload", ({ tile }) => (tile as HTMLImageElement).naturalWidth > 1 && setHasTiles(true)); // one pixel: the server has none
    }
    made.on("dragstart", () => setMoved(true));
    made.on("zoomstart", () => isFitting.current || setMoved(true)); // by button, key, wheel, fingers or a cluster
    made.on("zoomend", () => setZoom(made.getZoom()));
    fetched ??= fetch(coasts).then((response) => (response.ok ? (response.json() as Promise<GeoJSON.GeoJsonObject>) : Promise.reject(new Error(`HTTP ${response.status}`))));
    fetched.then(
      (land) => map.current === made && drawBase(made, land),
      () => (fetched = undefined), // the marks stand without it; the next map asks again
    );
    const resize = new ResizeObserver(() => made.invalidateSize());
    resize.observe(host.current!);
    return () => {
      resize.disconnect();
      shown.current.clear();
      map.current = null;
      made.remove();
    };
  }, []);

  const picture = JSON.stringify([marks.map(({ id, at, kind, text, name, tone }) => [id, at, kind, text, name, tone]), lines, rings, clusters && zoom]);
  given.current = new Map(marks.map((mark) => [mark.id, mark]));
  useEffect(() => {
    const target = map.current;
    if (!target) return;
    const gone = new Set(shown.current.keys());
    const taken: L.Point[] = [];
    const put = (id: string, at: Place, html: HTMLElement, label: string, act: (() => void) | undefined, front: number) => {
      gone.delete(id);
      const spot = target.project([...at] as L.LatLngTuple);
      const beside = clusters ? taken.filter((other) => other.distanceTo(spot) < BESIDE_PX).length : 0;
      taken.push(spot);
      const icon = L.divIcon({ className: "map-mark", html, iconSize: [0, 0], iconAnchor: [-beside * CLUSTER_PX, 0] });
      const found = shown.current.get(id);
      const marker = found ? found.setLatLng([...at]).setIcon(icon) : L.marker([...at], { icon, keyboard: Boolean(act), interactive: Boolean(act), title: label, alt: label });
      if (!found) shown.current.set(id, marker.addTo(target));
      marker.setZIndexOffset(front);
      marker.off("click keypress");
      if (act) marker.on("click keypress", act);
      const element = marker.getElement();
      element?.setAttribute("aria-label", label);
      element?.setAttribute("title", label);
    };
    for (const { members, kind } of grouped(target, marks, clusters ?? false)) {
      const first = members[0]!;
      if (members.length === 1) {
        const act = first.onOpen || first.popup ? () => openMark(first.id) : undefined;
        put(first.id, first.at, face(first), first.name ?? first.text ?? "", act, FRONT[first.kind]);
        continue;
      }
      const bounds = L.latLngBounds(members.map((mark) => [...mark.at] as L.LatLngTuple));
      const closer = () => target.fitBounds(bounds.pad(0.2), { maxZoom: Math.max(17, target.getZoom()) });
      const centre = bounds.getCenter();
      put(`cluster ${kind} ${first.id}`, [centre.lat, centre.lng], clusterFace(members), CLUSTER_WORDS[kind](members.length), closer, FRONT[kind]);
    }
    for (const id of gone) {
      shown.current.get(id)?.remove();
      shown.current.delete(id);
    }
    drawn.current!.clearLayers();
    for (const metres of rings?.metres ?? []) {
      const ring = L.circle([...rings!.at] as L.LatLngTuple, { radius: metres, className: "map-ring", interactive: false }).addTo(drawn.current!);
      const north = ring.getBounds().getNorth();
      L.marker([north, rings!.at[1]], { interactive: false, keyboard: false, icon: L.divIcon({ className: "map-ring-text", html: plain(metres < 1000 ? `${metres} m` : `${number(metres / 1000, 1)} km`), iconSize: [0, 0] }) }).addTo(drawn.current!);
    }
    for (const line of lines) L.polyline(line.points.map((at) => [...at] as L.LatLngTuple), { className: `map-line map-${line.kind}`, interactive: false }).addTo(drawn.current!);
    if (fit && !moved && marks.length) {
      isFitting.current = true;
      target.fitBounds(L.latLngBounds(marks.map((mark) => [...mark.at] as L.LatLngTuple)).pad(0.25), { maxZoom: clusters ? 14 : 16, animate: false });
      isFitting.current = false;
    }
    // the picture as text: new lists with the same content draw nothing anew
  }, [picture, fit, moved]);

  const openMark = (id: string): void => {
    const mark = given.current.get(id);
    if (!mark || !map.current) return;
    if (mark.onOpen) return mark.onOpen();
    const element = document.createElement("div");
    const made = L.popup({ closeButton: false, minWidth: 220, maxWidth: 300, offset: [0, -8], autoPanPadding: [24, 24] }).setLatLng([...mark.at]).setContent(element);
    made.on("remove", () => setPopup((now) => (now?.shown === made ? null : now)));
    setPopup({ id, element, shown: made });
    made.openOn(map.current);
  };
  const popped = popup && given.current.get(popup.id);
  useEffect(() => {
    if (!popup) return;
    if (popped) popup.shown.setLatLng([...popped.at]);
    popup.shown.update();
  }, [popup, popped?.at[0], popped?.at[1]]);

  return (
    <div className={`map ${hasTiles ? "map-tiled " : ""}${className}`} role="region" aria-label={label}>
      <div ref={host} className="map-host" />
      {fit && moved && (
        <button type="button" className="map-again" onClick={() => setMoved(false)}>
          <LocateFixed size={18} aria-hidden />
          {t("Show all")}
        </button>
      )}
      <p className="map-source">{hasTiles ? tiles?.credit : "Natural Earth"}</p>
      {popup && popped?.popup && createPortal(<div className="map-popup">{popped.popup()}</div>, popup.element)}
    </div>
  );
}

/** Coasts below, borders of provinces above them, names where they have room. */
function drawBase(map: L.Map, land: GeoJSON.GeoJsonObject): void {
  L.geoJSON(land, {
    interactive: false,
    pane: "base",
    style: (feature) => ({ className: feature?.properties.border ? "map-border" : feature?.properties.own ? "map-own" : "map-land" }),
    pointToLayer: (feature, at) => {
      return L.marker(at, { interactive: false, keyboard: false, zIndexOffset: -1000, icon: L.divIcon({ className: "map-name", html: plain(String(feature.properties.name)), iconSize: [0, 0] }) });
    },
  })
    .addTo(map);
  const level = () => map.getContainer().classList.toggle("map-names", map.getZoom() >= 6 && map.getZoom() < 9.5);
  map.on("zoomend", level);
  level();
}

const FRONT: Record<Mark["kind"], number> = { camera: 0, station: 100, unit: 300, me: 400, incident: 200 };
const CLUSTER_WORDS: Record<Mark["kind"], (n: number) => string> = {
  camera: (n) => tn("{n} camera here", "{n} cameras here", n),
  incident: (n) => tn("{n} incident here", "{n} incidents here", n),
  unit: (n) => tn("{n} unit here", "{n} units here", n),
  station: (n) => tn("{n} station here", "{n} stations here", n),
  me: (n) => number(n),
};

function grouped(map: L.Map, marks: readonly Mark[], joined: boolean): { kind: Mark["kind"]; members: Mark[] }[] {
  const single = marks.filter((mark) => !joined || mark.alone).map((mark) => ({ kind: mark.kind, members: [mark] }));
  const rest = joined ? marks.filter((mark) => !mark.alone) : [];
  const kinds = [...new Set(rest.map((mark) => mark.kind))];
  const at = (mark: Mark): L.Point => map.project([...mark.at] as L.LatLngTuple);
  return [...single, ...kinds.flatMap((kind) => clustered(rest.filter((mark) => mark.kind === kind), at, CLUSTER_PX).map(({ members }) => ({ kind, members })))];
}

/** The number of marks, in the colour of the worst of them. */
function clusterFace(members: readonly Mark[]): HTMLElement {
  const worst = Math.max(...members.map((mark) => SEVERITY.indexOf(mark.tone ?? "plain")));
  const box = document.createElement("span");
  box.className = `mark-cluster mark-${members[0]!.kind} mark-tone-${SEVERITY[worst]}`;
  box.textContent = number(members.length);
  return box;
}

/** Text of people stays text: elements, never markup. */
function plain(text: string): HTMLElement {
  const element = document.createElement("span");
  element.textContent = text;
  return element;
}

function face(mark: Mark): HTMLElement {
  const box = document.createElement("span");
  box.className = `mark-face mark-${mark.kind}${mark.tone ? ` mark-tone-${mark.tone}` : ""}`;
  box.append(document.createElement("i"));
  if (mark.text) box.append(plain(mark.text));
  return box;
}
