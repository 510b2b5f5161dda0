/** Pictures, videos and documents from the scene. */
import { useQuery } from "@tanstack/react-query";
import { Camera, FileText, FolderOpen, UploadCloud, Video } from "lucide-react";
import type { ReactNode } from "react";
import { api, take } from "../../api/client.ts";
import { PickFile, Shot } from "../../app/parts.tsx";
import { once, useSend, useWaiting } from "../../app/send.ts";
import { here } from "../../app/words.ts";
import { number, t } from "../../i18n/index.ts";
import { moment } from "../../i18n/time.ts";
import { useLive } from "../../live/live.ts";
import { At } from "../../ui/parts.tsx";
import { Known } from "./known.tsx";

const TYPES = "image/jpeg,image/png,video/mp4,video/quicktime,video/webm,application/pdf,text/plain,.docx,.avi";

export function Evidence({ report, isOpen }: { report: number; isOpen: boolean }): ReactNode {
  useLive("evidence", "reports");
  const query = useQuery({ queryKey: ["evidence", report], queryFn: () => take(api.GET("/api/reports/{report_id}/evidence", { params: { path: { report_id: report } } })) });
  const items = useWaiting(query.dataUpdatedAt).filter((item) => item.report === report && item.kind === "evidence" && !item.refused);
  const send = useSend();
  const add = (file: File) => void send({ kind: "evidence", report, path: `/api/reports/${report}/evidence`, body: { client_id: once() }, file: { blob: file, name: file.name } });
  return (
    <div className="evidence">
      {isOpen && (
        <div className="evidence-add">
          <PickFile accept="image/jpeg,image/png" camera onFile={add}><Camera size={20} aria-hidden />{t("Take a picture")}</PickFile>
          <PickFile accept={TYPES} onFile={add}><FolderOpen size={20} aria-hidden />{t("From this phone")}</PickFile>
        </div>
      )}
      <Known query={query} nothing={t("No evidence yet.")} isEmpty={!query.data?.length && !items.length} />
      <ul className="shots">
        {items.map((item) => (
          <li key={item.id}>
            <span className="shot shot-none"><UploadCloud size={24} aria-hidden />{t("waits to be sent")}</span>
            <small>{item.file?.name} · {number((item.file?.blob.size ?? 0) / 1000)} kB</small>
          </li>
        ))}
        {[...(query.data ?? [])].reverse().map((row) => (
          <li key={row.id}>
            <a href={here(row.file_url)} target="_blank" rel="noreferrer" aria-label={row.file_name || t("Open the file of {time}", { time: moment(row.created_at, "time") })}>
              {row.type === "IMAGE" ? <Shot address={row.file_url} text="" /> : <span className="shot shot-none">{row.type === "VIDEO" ? <Video size={24} aria-hidden /> : <FileText size={24} aria-hidden />}{row.file_name}</span>}
            </a>
            <small><At at={row.created_at} shape="time" /> · {row.actor}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}
