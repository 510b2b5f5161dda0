import { Siren } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/incidents", title: msg("Incidents"), icon: Siren, group: "watch", order: 2, roles: ["officer", "admin"], load: () => import("./incidents.tsx") },
  { path: "/incidents/:id", title: msg("Incident"), icon: Siren, group: "watch", roles: ["officer", "admin"], hidden: true, load: () => import("./incident.tsx") },
];
