import { Gauge } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/overview", title: msg("Overview"), icon: Gauge, group: "watch", order: 1, roles: ["officer", "admin"], load: () => import("./overview.tsx") },
];
