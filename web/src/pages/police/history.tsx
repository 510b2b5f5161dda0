/** Everything one was sent to. */
import { ClipboardList } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client.ts";
import { useNumbered } from "../../api/lists.ts";
import { State } from "../../app/parts.tsx";
import { t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { At, Button, Panel } from "../../ui/parts.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";

/** Of what was declined, given back or withdrawn one sees no more than this list. */
const OPEN_TO_ME = ["offered", "accepted", "on_the_way", "arrived", "completed", "recalled"];

export default function History(): ReactNode {
  useLive("assignments");
  const list = useNumbered(["assignments", "all"], (page) => take(api.GET("/api/police/assignment", { params: { query: { page, limit: 30 } } })));
  if (!list.rows) return list.error ? <Failure error={list.error} again={() => void list.refetch()} /> : <Loading rows={8} />;
  return (
    <div className="app">
      <Panel>
        {list.rows.length ? (
          <ul className="lines lines-tall">
            {list.rows.map((row) => (
              <li key={row.id}>
                <span>
                  {OPEN_TO_ME.includes(row.status) ? <Link href={`/duty/${row.report_id}`}>{row.title}</Link> : <strong>{row.title}</strong>}
                  <small>{row.location}</small>
                  <small>
                    <At at={row.assigned_at} shape="short" /> {row.is_backup && `· ${t("as back-up")}`} {(row.withdraw_reason ?? row.decline_reason) && `· ${row.withdraw_reason ?? row.decline_reason}`}
                  </small>
                </span>
                <State table="assignment" code={row.status} />
              </li>
            ))}
          </ul>
        ) : (
          <Empty icon={ClipboardList} title={t("Nothing yet")}>
            {t("Assignments that you answered stand here.")}
          </Empty>
        )}
        {list.hasNextPage && (
          <div className="more">
            <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t("Show more")}</Button>
          </div>
        )}
      </Panel>
    </div>
  );
}
