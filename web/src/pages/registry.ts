/**
 * The pages. An area is a folder `pages/<area>/` with a file `page.ts` that exports `pages`; nothing else needs a change:
 *
 *   export const pages: PageEntry[] = [{ path: "/devices", title: msg("Devices"), icon: Camera, group: "run",
 *                                        roles: ["officer", "admin"], load: () => import("./devices.tsx") }];
 *
 * `load` brings a module whose default export is the page; it is fetched when the page is opened first.
 */
import type { LucideIcon } from "lucide-react";
import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import type { Role } from "../api/session.tsx";

export type Group = "watch" | "decide" | "run" | "account";
export const GROUPS: readonly Group[] = ["watch", "decide", "run"];

export type PageEntry = {
  /** wouter pattern: "/devices", "/violations/:id" */
  path: string;
  /** English, marked with msg() */
  title: string;
  icon: LucideIcon;
  /** where it stands in the navigation; "account" stands in the person's menu */
  group: Group;
  /** smaller is higher within its group */
  order?: number;
  roles: readonly Role[];
  /** reached from other pages, not from the navigation */
  hidden?: boolean;
  /** the work surface fills the window and does not scroll as a whole */
  full?: boolean;
  load: () => Promise<{ default: ComponentType<Params> }>;
};
export type Params = { params: Record<string, string | undefined> };
export type Page = PageEntry & { Component: LazyExoticComponent<ComponentType<Params>> };

const modules = import.meta.glob<{ pages: PageEntry[] }>("./*/page.ts", { eager: true });

export const PAGES: readonly Page[] = Object.values(modules)
  .flatMap((module) => module.pages)
  .map((entry) => ({ ...entry, Component: lazy(entry.load) }))
  .sort((a, b) => (a.order ?? 50) - (b.order ?? 50));

export const pagesOf = (role: Role): Page[] => PAGES.filter((page) => page.roles.includes(role));
