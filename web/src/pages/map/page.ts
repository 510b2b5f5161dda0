import { Map } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/map", title: msg("Map"), icon: Map, group: "watch", order: 3, roles: ["officer", "admin"], full: true, load: () => import("./map.tsx") },
];
