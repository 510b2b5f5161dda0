/** The owner's reports, newest first. */
import { FileCheck2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client.ts";
import { useNumbered } from "../../api/lists.ts";
import { Shot, State } from "../../app/parts.tsx";
import { useWaiting } from "../../app/send.ts";
import { called, REPORTS } from "../../app/words.ts";
import { t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { At, Badge, Button, Field } from "../../ui/parts.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";

export default function Reports(): ReactNode {
  useLive("reports");
  const [status, setStatus] = useState("");
  const [search, setSearch] = useState("");
  const list = useNumbered(["reports", "own", status, search], (page) => take(api.GET("/api/report", { params: { query: { page, limit: 20, ...(status ? { status } : {}), ...(search ? { search } : {}) } } })), { every: 30_000 });
  const unsent = useWaiting().filter((item) => item.kind === "report" && !item.refused);
  return (
    <div className="app app-wide">
      <div className="filters">
        <Field label={t("Search")}>{(id) => <input id={id} type="search" value={search} maxLength={100} autoComplete="off" onChange={(event) => setSearch(event.target.value)} />}</Field>
        <Field label={t("State")}>
          {(id) => (
            <select id={id} value={status} onChange={(event) => setStatus(event.target.value)}>
              <option value="">{t("All")}</option>
              {REPORTS.map((code) => <option key={code} value={code}>{called("report", code)}</option>)}
            </select>
          )}
        </Field>
      </div>
      {unsent.length > 0 && (
        <ul className="cards">
          {unsent.map((item) => (
            <li key={item.id} className="card">
              <strong>{String(item.body["title"])}</strong>
              <Badge tone="warn">{t("waits to be sent")}</Badge>
            </li>
          ))}
        </ul>
      )}
      {!list.rows ? (
        list.error ? <Failure error={list.error} again={() => void list.refetch()} /> : <Loading rows={6} />
      ) : list.rows.length === 0 ? (
        <Empty icon={FileCheck2} title={search || status ? t("No report fits") : t("No report")}>
          {search || status ? t("Change the filters above.") : t("When a camera of yours sees a weapon, it stands here and you are told.")}
        </Empty>
      ) : (
        <ul className="cards">
          {list.rows.map((row) => (
            <li key={row.id}>
              <Link href={`/my-reports/${row.id}`} className="card card-shot">
                <Shot address={row.report_image} text="" />
                <span className="card-text">
                  <strong>{row.title}</strong>
                  <span className="muted">{row.cctv_name ?? (row.location || t("Place not named"))}</span>
                  <span className="card-top">
                    <State table="report" code={row.status} />
                    <small className="muted"><At at={row.created_at} shape="short" /></small>
                  </span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && <div className="more"><Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t("Show more")}</Button></div>}
    </div>
  );
}
