/** What one was told. */
import { useMutation } from "@tanstack/react-query";
import { BellOff } from "lucide-react";
import type { ReactNode } from "react";
import { useLocation } from "wouter";
import { api, take } from "../../api/client.ts";
import { useNumbered } from "../../api/lists.ts";
import { roleOf, useSession } from "../../api/session.tsx";
import { t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { Ago, Button, Panel } from "../../ui/parts.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";

export default function Notices(): ReactNode {
  useLive("notices");
  const isPolice = roleOf(useSession()) === "police";
  const [, go] = useLocation();
  const tell = useTell();
  const list = useNumbered(["notices", "own"], (page) => {
    const query = { params: { query: { page, limit: 30 } } };
    return take(isPolice ? api.GET("/api/police/notification", query) : api.GET("/api/notification", query));
  });
  const all = useMutation({ mutationFn: () => take(api.POST("/api/notification/read")), onSuccess: () => announce("notices"), onError: (error) => tell.bad(error) });
  const read = (id: number) => void take(api.PATCH("/api/notification/{notification_id}/read", { params: { path: { notification_id: id } } })).then(() => announce("notices"), () => undefined);
  if (!list.rows) return list.error ? <Failure error={list.error} again={() => void list.refetch()} /> : <Loading rows={8} />;
  const unread = list.rows.some((row) => !row.is_read);
  return (
    <div className="app">
      <Panel aside={<Button disabled={!unread} busy={all.isPending} onClick={() => all.mutate()}>{t("All read")}</Button>}>
        {list.rows.length ? (
          <ul className="lines lines-tall notices">
            {list.rows.map((row) => (
              <li key={row.id} className={row.is_read ? undefined : "notice-new"}>
                <button
                  type="button"
                  onClick={() => {
                    if (!row.is_read) read(row.id);
                    if (row.report_id) go(isPolice ? `/duty/${row.report_id}` : `/my-reports/${row.report_id}`);
                  }}
                >
                  <strong>{row.title}</strong>
                  <span>{row.message}</span>
                  <small className="muted">
                    <Ago at={row.created_at} />
                    {!row.is_read && <span className="notice-mark"> · {t("new")}</span>}
                  </small>
                </button>
              </li>
            ))}
          </ul>
        ) : (
          <Empty icon={BellOff} title={t("No notices")}>{t("What happens to your reports and cameras is told here.")}</Empty>
        )}
        {list.hasNextPage && <div className="more"><Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t("Show more")}</Button></div>}
      </Panel>
    </div>
  );
}
