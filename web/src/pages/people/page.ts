import { Building2, UsersRound } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/people", title: msg("People"), icon: UsersRound, group: "run", order: 40, roles: ["admin"], load: () => import("./people.tsx") },
  { path: "/stations", title: msg("Stations"), icon: Building2, group: "run", order: 45, roles: ["admin"], load: () => import("./stations.tsx") },
];
