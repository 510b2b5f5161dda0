/** The field report: a draft that only its writer sees, then the final words. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, take } from "../../api/client.ts";
import { useKept } from "../../app/kept.ts";
import { once, useSend, useWaiting } from "../../app/send.ts";
import { t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { At, Button, Field } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";

export function FinalReport({ report, isOpen }: { report: number; isOpen: boolean }): ReactNode {
  useLive("messages");
  const query = useQuery({ queryKey: ["messages", report], queryFn: () => take(api.GET("/api/reports/{report_id}/messages", { params: { path: { report_id: report } } })) });
  const waits = useWaiting(query.dataUpdatedAt).some((item) => item.report === report && item.kind === "message" && item.body["kind"] === "final" && !item.refused);
  const mine = query.data?.filter((row) => row.is_mine) ?? [];
  const final = mine.findLast((row) => row.kind === "final");
  const draft = mine.findLast((row) => row.kind === "draft");
  const send = useSend();
  const tell = useTell();
  const [typed, setText] = useKept(`final.${report}`);
  const text = typed ?? draft?.body ?? "";
  const say = (kind: "draft" | "final") => void send({ kind: "message", report, path: `/api/reports/${report}/messages`, body: { kind, body: text.trim(), client_id: once() } });
  return (
    <div className="final">
      {final && (
        <article className="final-sent">
          <small>{t("Final report")} · <At at={final.created_at} shape="short" /></small>
          <p className="work-text">{final.body}</p>
        </article>
      )}
      {waits && <p className="app-note">{t("The final report waits to be sent.")}</p>}
      {!final && !waits && isOpen && (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            say("final");
            setText(null);
            tell.ok(t("Final report handed in."));
          }}
        >
          <Field label={t("What was found and done")} hint={t("Who was met, what was secured, who was told. The final report cannot be changed.")}>
            {(id, about) => <textarea id={id} aria-describedby={about} required minLength={10} maxLength={8000} rows={7} value={text} onChange={(event) => setText(event.target.value)} />}
          </Field>
          <div className="form-end">
            <Button disabled={!text.trim()} onClick={() => { say("draft"); tell.ok(t("Draft kept; only you see it.")); }}>{t("Keep as draft")}</Button>
            <Button look="main" type="submit">{t("Hand in")}</Button>
          </div>
        </form>
      )}
      {!final && !waits && !isOpen && <p className="app-note">{t("No final report was written.")}</p>}
    </div>
  );
}
