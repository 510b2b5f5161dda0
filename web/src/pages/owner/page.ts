import { Bell, Cctv, FilePlus2, FileWarning, UserRound } from "lucide-react";
import { msg } from "../../i18n/index.ts";
import type { PageEntry } from "../registry.ts";

export const pages: PageEntry[] = [
  { path: "/cameras", title: msg("Cameras"), icon: Cctv, group: "watch", order: 1, roles: ["owner"], load: () => import("./cameras.tsx") },
  { path: "/cameras/:id", title: msg("Camera"), icon: Cctv, group: "watch", hidden: true, roles: ["owner"], load: () => import("./camera.tsx") },
  { path: "/my-reports", title: msg("Reports"), icon: FileWarning, group: "watch", order: 2, roles: ["owner"], load: () => import("./reports.tsx") },
  { path: "/my-reports/:id", title: msg("Report"), icon: FileWarning, group: "watch", order: 60, hidden: true, roles: ["owner"], load: () => import("./report.tsx") },
  { path: "/report", title: msg("Report it"), icon: FilePlus2, group: "watch", order: 3, roles: ["owner"], load: () => import("./write.tsx") },
  { path: "/notices", title: msg("Inbox"), icon: Bell, group: "watch", order: 4, roles: ["owner", "police"], load: () => import("./notices.tsx") },
  { path: "/me", title: msg("Account"), icon: UserRound, group: "watch", order: 5, roles: ["owner", "police"], load: () => import("./me.tsx") },
];
