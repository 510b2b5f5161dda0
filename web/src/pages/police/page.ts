import { Crosshair, History } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/duty", title: msg("Duty"), icon: Crosshair, group: "watch", order: 1, roles: ["police"], load: () => import("./duty.tsx") },
  { path: "/duty/:id", title: msg("Assignment"), icon: Crosshair, group: "watch", hidden: true, roles: ["police"], load: () => import("./work.tsx") },
  { path: "/history", title: msg("History"), icon: History, group: "watch", order: 2, roles: ["police"], load: () => import("./history.tsx") },
];
