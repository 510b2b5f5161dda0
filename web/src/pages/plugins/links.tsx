/** Pages that plugins add, in the navigation. */
import { useQuery } from "@tanstack/react-query";
import { Puzzle } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { api, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { language } from "../../i18n/language.ts";

export const usePluginPages = () => useQuery({ queryKey: ["plugin-pages", language()], queryFn: () => take(api.GET("/api/plugin-pages")), staleTime: 60_000 });

export function PluginLinks(): ReactNode {
  const pages = usePluginPages();
  const [path] = useLocation();
  if (!pages.data?.length) return null;
  return (
    <div className="rail-group">
      <h2>{t("Plugins")}</h2>
      <ul>
        {pages.data.map((page) => {
          const href = `/added/${page.instance}/${page.name}`;
          return (
            <li key={href}>
              <Link href={href} aria-current={path === href ? "page" : undefined} title={page.title}>
                <Puzzle size={18} strokeWidth={1.75} aria-hidden />
                <span>{page.title}</span>
              </Link>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
