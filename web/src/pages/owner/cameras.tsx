/** The owner's cameras with their newest pictures. */
import { Cctv, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { api, type Schemas, take } from "../../api/client.ts";
import { useNumbered } from "../../api/lists.ts";
import { Shot, State } from "../../app/parts.tsx";
import { called, CAMERAS } from "../../app/words.ts";
import { t } from "../../i18n/index.ts";
import { useLive, useNow } from "../../live/live.ts";
import { Button, Field } from "../../ui/parts.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { CameraForm } from "./form.tsx";

const PICTURE_MS = 10_000;

export default function Cameras(): ReactNode {
  useLive("cameras");
  const [status, setStatus] = useState("");
  const [search, setSearch] = useState("");
  const [adding, setAdding] = useState(false);
  const list = useNumbered(["cameras", status, search], (page) => take(api.GET("/api/cctv", { params: { query: { page, limit: 50, ...(status ? { status } : {}), ...(search ? { search } : {}) } } })), { every: 30_000 });
  const turn = useNow(PICTURE_MS);
  return (
    <div className="app app-wide">
      <div className="toolbar toolbar-end">
        <div className="filters">
          <Field label={t("Search")}>{(id) => <input id={id} type="search" value={search} maxLength={100} autoComplete="off" onChange={(event) => setSearch(event.target.value)} />}</Field>
          <Field label={t("State")}>
            {(id) => (
              <select id={id} value={status} onChange={(event) => setStatus(event.target.value)}>
                <option value="">{t("All")}</option>
                {CAMERAS.map((code) => <option key={code} value={code}>{called("camera", code)}</option>)}
              </select>
            )}
          </Field>
        </div>
        <Button look="main" onClick={() => setAdding(true)}><Plus size={18} aria-hidden />{t("Add a camera")}</Button>
      </div>
      {!list.rows ? (
        list.error ? <Failure error={list.error} again={() => void list.refetch()} /> : <Loading rows={6} />
      ) : list.rows.length === 0 ? (
        <Empty icon={Cctv} title={search || status ? t("No camera fits") : t("No camera yet")}>
          {search || status ? t("Change the filters above.") : t("Add the first one: its picture is shown here once the operator approved its address.")}
        </Empty>
      ) : (
        <ul className="tiles">
          {list.rows.map((row) => (
            <li key={row.id}>
              <Tile row={row} turn={turn} />
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && <div className="more"><Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t("Show more")}</Button></div>}
      {adding && <CameraForm onClose={() => setAdding(false)} />}
    </div>
  );
}

/** The address is signed for minutes; `turn` makes the browser ask for the newest picture. */
const Tile = ({ row, turn }: { row: Schemas["CctvRow"]; turn: number }): ReactNode => (
  <Link href={`/cameras/${row.id}`} className="tile">
    <Shot address={row.status === "online" && row.preview_url ? `${row.preview_url}&turn=${turn}` : null} text={t("Newest picture of {name}", { name: row.name })} className="shot-wide" />
    <span className="tile-text">
      <strong>{row.name}</strong>
      <State table="camera" code={row.status} />
      <span className="muted">{row.location || t("Place not named")}</span>
    </span>
  </Link>
);
