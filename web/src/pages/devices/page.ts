import { Cctv, FileWarning } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/devices", title: msg("Cameras"), icon: Cctv, group: "run", order: 10, roles: ["officer", "admin"], load: () => import("./devices.tsx") },
  { path: "/devices/quarantine", title: msg("Quarantine"), icon: FileWarning, group: "run", order: 20, roles: ["officer", "admin"], load: () => import("./quarantine.tsx") },
];
