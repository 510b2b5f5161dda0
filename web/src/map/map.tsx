/**
 * A map that needs no other host: coasts from our own file, marks and lines in the colours of the tokens.
 *
 *   <MapView label={t("The way")} marks={[{ id: "unit", at: [-6.2, 106.8], kind: "unit", text: "Bripka Sari" }]} fit />
 *
 * There are no streets in it. Rings around a place (`rings`) and the scale say how far things are from each other.
 * Import it lazily: Leaflet and the coasts are fetched with the first map.
 */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { LocateFixed } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import coasts from "virtual:basemap";
import { number, t } from "../i18n/index.ts";
import "./map.css";

export type Place = readonly [latitude: number, longitude: number];
export type Mark = {
  id: string;
  at: Place;
  kind: "incident" | "unit" | "me" | "camera" | "station";
  text?: string;
  tone?: "ok" | "warn" | "bad" | "plain";
  onOpen?: () => void;
};
type Props = {
  label: string;
  marks: readonly Mark[];
  lines?: readonly { id: string; points: readonly Place[]; kind: "way" | "ahead" }[];
  /** rings of so many metres around a place */
  rings?: { at: Place; metres: readonly number[] };
  /** keep all marks in view until a person moves the map */
  fit?: boolean;
  className?: string;
};

const INDONESIA: Place = [-2.5, 118];
let fetched: Promise<GeoJSON.GeoJsonObject> | undefined;

export default function MapView({ label, marks, lines = [], rings, fit, className = "" }: Props): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  const shown = useRef(new Map<string, L.Marker>());
  const drawn = useRef<L.LayerGroup | null>(null);
  const open = useRef(new Map<string, () => void>());
  const [moved, setMoved] = useState(false);

  useEffect(() => {
    const made = L.map(host.current!, { zoomControl: false, attributionControl: false, minZoom: 4, maxZoom: 18, zoomSnap: 0.5 }).setView([...INDONESIA] as L.LatLngTuple, 5);
    map.current = made;
    drawn.current = L.layerGroup().addTo(made);
    L.control.scale({ imperial: false, position: "bottomleft" }).addTo(made);
    L.control.zoom({ position: "topright", zoomInTitle: t("Closer"), zoomOutTitle: t("Farther") }).addTo(made);
    made.on("dragstart", () => setMoved(true));
    host.current!.addEventListener("wheel", () => setMoved(true), { passive: true });
    fetched ??= fetch(coasts).then((response) => (response.ok ? (response.json() as Promise<GeoJSON.GeoJsonObject>) : Promise.reject(new Error(`HTTP ${response.status}`))));
    fetched.then(
      (land) => map.current === made && L.geoJSON(land, { interactive: false, style: (feature) => ({ className: feature?.properties.own ? "map-own" : "map-land" }) }).addTo(made).bringToBack(),
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

  const picture = JSON.stringify([marks.map(({ id, at, kind, text, tone }) => [id, at, kind, text, tone]), lines, rings]);
  useEffect(() => {
    const target = map.current;
    if (!target) return;
    open.current = new Map(marks.flatMap((mark) => (mark.onOpen ? [[mark.id, mark.onOpen] as const] : [])));
    const gone = new Set(shown.current.keys());
    for (const mark of marks) {
      gone.delete(mark.id);
      const at = [...mark.at] as L.LatLngTuple;
      const icon = L.divIcon({ className: "map-mark", html: face(mark), iconSize: [0, 0] });
      const found = shown.current.get(mark.id);
      if (found) found.setLatLng(at).setIcon(icon);
      else {
        const made = L.marker(at, { icon, keyboard: Boolean(mark.onOpen), interactive: Boolean(mark.onOpen), title: mark.text ?? "", alt: mark.text ?? "" }).addTo(target);
        made.on("click keypress", () => open.current.get(mark.id)?.());
        shown.current.set(mark.id, made);
      }
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
    if (fit && !moved && marks.length) target.fitBounds(L.latLngBounds(marks.map((mark) => [...mark.at] as L.LatLngTuple)).pad(0.25), { maxZoom: 16, animate: false });
    // the picture as text: new lists with the same content draw nothing anew
  }, [picture, fit, moved]);

  return (
    <div className={`map ${className}`} role="region" aria-label={label}>
      <div ref={host} className="map-host" />
      {fit && moved && (
        <button type="button" className="map-again" onClick={() => setMoved(false)}>
          <LocateFixed size={18} aria-hidden />
          {t("Show all")}
        </button>
      )}
      <p className="map-source">Natural Earth</p>
    </div>
  );
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
