/**
 * The base map as a file of the build: the coasts of Indonesia and its neighbours, as GeoJSON.
 *
 * From Natural Earth (public domain), 1:10m, in the package world-atlas (ISC); its borders are indicative. Cut to the
 * window below, rounded to 0.0001 degrees (about ten metres); `own` marks Indonesia.
 */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const SOURCE = new URL("../node_modules/world-atlas/countries-10m.json", import.meta.url);
const WINDOW = { west: 91, east: 145, south: -13, north: 9 };
const INDONESIA = "360";
const NAME = "virtual:basemap";

type Ring = [number, number][];
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
  return JSON.stringify({ type: "FeatureCollection", features });
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
