/** One camera: its live picture, why it is silent, its newest reports. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { FilePlus2, Pause, Pencil, Play, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, done, take } from "../../api/client.ts";
import { said } from "../../api/server-words.ts";
import { Shot, State } from "../../app/parts.tsx";
import { t } from "../../i18n/index.ts";
import { announce, useLive, useOnline } from "../../live/live.ts";
import type { Params } from "../registry.ts";
import { Ago, At, Badge, Button, Facts, Panel } from "../../ui/parts.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import { CameraForm } from "./form.tsx";

export default function Camera({ params }: Params): ReactNode {
  useLive("cameras", "reports");
  const id = Number(params["id"]);
  const [, go] = useLocation();
  const tell = useTell();
  const queries = useQueryClient();
  const online = useOnline();
  const [live, setLive] = useState(true);
  const [shown, setShown] = useState<"form" | "remove" | null>(null);
  const remove = useMutation({
    mutationFn: () => done(api.DELETE("/api/cctv/{cctv_id}", { params: { path: { cctv_id: id } } })),
    onSuccess: () => {
      queries.removeQueries({ queryKey: ["cameras", id] });
      announce("cameras");
      tell.ok(t("The camera is removed; its reports stay."));
      go("/cameras");
    },
    onError: (error) => tell.bad(error),
  });
  const query = useQuery({ queryKey: ["cameras", id], queryFn: () => take(api.GET("/api/cctv/{cctv_id}", { params: { path: { cctv_id: id } } })), refetchInterval: 15_000, enabled: remove.isIdle || remove.isError });
  if (!query.data) return query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading rows={8} />;
  const camera = query.data;
  const waits = camera.stream_url !== null && !camera.stream_approved;
  const isLive = live && online && camera.status === "online";
  return (
    <div className="app">
      <Panel>
        <div className="live">
          {isLive ? <img className="live-picture" src={`/api/cctv/${id}/live`} alt={t("Live picture of {name}", { name: camera.name })} /> : <Shot address={camera.status === "online" ? camera.preview_url : null} text={t("Newest picture of {name}", { name: camera.name })} className="shot-wide" />}
          {camera.status === "online" && (
            <button type="button" className="live-button" aria-pressed={isLive} onClick={() => setLive(!live)}>
              {isLive ? <Pause size={18} aria-hidden /> : <Play size={18} aria-hidden />}
              {isLive ? t("Live") : t("Show live")}
            </button>
          )}
        </div>
        <div className="panel-body">
          <div className="card-top">
            <h2 className="app-title">{camera.name}</h2>
            <State table="camera" code={camera.status} />
          </div>
          {camera.status_detail && !waits && <p className="app-note">{said(camera.status_detail)}</p>}
          {waits && <p className="review-attention">{t("The operator has not approved the stream's address yet; no picture comes before.")}</p>}
          <Facts
            items={[
              [t("Place"), camera.location || null],
              [t("Description"), camera.description || null],
              [t("Stream"), camera.stream_url ? <span className="mono">{camera.stream_url}</span> : null],
              [t("Login of the stream"), camera.has_stream_login ? <Badge>{t("kept sealed")}</Badge> : t("none")],
              [t("Last picture"), camera.last_frame_at ? <Ago at={camera.last_frame_at} /> : null],
            ]}
          />
        </div>
        <div className="panel-foot">
          <Button onClick={() => setShown("form")}><Pencil size={18} aria-hidden />{t("Change")}</Button>
          <Button onClick={() => setShown("remove")}><Trash2 size={18} aria-hidden />{t("Remove")}</Button>
          <Link className="button button-main" href={`/report?camera=${id}`}><FilePlus2 size={18} aria-hidden />{t("Report it")}</Link>
        </div>
      </Panel>
      <Panel title={t("Reports of this camera")}>
        {camera.Reports.length ? (
          <ul className="lines">
            {camera.Reports.map((row) => (
              <li key={row.id}>
                <Link href={`/my-reports/${row.id}`}>{row.title}</Link>
                <span className="muted"><At at={row.created_at} shape="short" /></span>
                <State table="report" code={row.status} />
              </li>
            ))}
          </ul>
        ) : (
          <p className="app-note">{t("Nothing was seen here.")}</p>
        )}
      </Panel>
      {shown === "form" && <CameraForm camera={camera} onClose={() => setShown(null)} />}
      {shown === "remove" && (
        <Dialog title={t("Remove {name}?", { name: camera.name })} onClose={() => setShown(null)}>
          <p>{t("Its address and login are forgotten, nobody watches it any more. Its reports stay.")}</p>
          <div className="form-end dialog-part">
            <Button data-first onClick={() => setShown(null)}>{t("Cancel")}</Button>
            <Button look="bad" busy={remove.isPending} onClick={() => remove.mutate()}>{t("Remove")}</Button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
