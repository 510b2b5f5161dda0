/** Words between police and dispatch: chat, notes, calls for help; what waits on this phone stands at the end. */
import { useQuery } from "@tanstack/react-query";
import { Clock, SendHorizontal } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { api, take } from "../../api/client.ts";
import { useKept } from "../../app/kept.ts";
import { once, useSend, useWaiting } from "../../app/send.ts";
import { msg, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { At, Button, Choice } from "../../ui/parts.tsx";
import { Known } from "./known.tsx";

const KINDS: Record<string, string> = { note: msg("Note"), backup: msg("Back-up"), emergency: msg("Emergency"), final: msg("Final report"), draft: msg("Draft") };

export function Chat({ report, isOpen }: { report: number; isOpen: boolean }): ReactNode {
  useLive("messages");
  const query = useQuery({
    queryKey: ["messages", report],
    queryFn: () => take(api.GET("/api/reports/{report_id}/messages", { params: { path: { report_id: report } } })),
    refetchInterval: 15_000,
  });
  const items = useWaiting(query.dataUpdatedAt).filter((item) => item.report === report && item.kind === "message" && !item.refused && item.body["kind"] !== "draft");
  const send = useSend();
  const [kind, setKind] = useState<"chat" | "note">("chat");
  const [typed, setText] = useKept(`chat.${report}`);
  const text = typed ?? "";
  const list = useRef<HTMLOListElement>(null);
  const rows = query.data?.filter((row) => row.kind !== "draft" && row.kind !== "final") ?? [];
  const count = rows.length + items.length;
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight }); // returns a promise in Chromium 150: no clean-up
  }, [count]);
  return (
    <div className="chat">
      <Known query={query} nothing={t("No words yet. Dispatch reads along.")} isEmpty={count === 0} />
      <ol ref={list} className="chat-list" tabIndex={count ? 0 : -1} aria-label={t("Messages")}>
        {rows.map((row) => (
          <li key={row.id} className={`chat-row${row.is_mine ? " chat-mine" : ""} chat-${row.kind}`}>
            <small>
              {row.is_mine ? t("You") : row.actor} · <At at={row.created_at} shape="time" />
              {KINDS[row.kind] && <strong> · {t(KINDS[row.kind]!)}</strong>}
            </small>
            <p>{row.body}</p>
          </li>
        ))}
        {items.map((item) => (
          <li key={item.id} className={`chat-row chat-mine chat-unsent chat-${String(item.body["kind"])}`}>
            <small>
              <Clock size={13} aria-hidden /> {t("waits to be sent")}
            </small>
            <p>{String(item.body["body"])}</p>
          </li>
        ))}
      </ol>
      {isOpen && (
        <form
          className="chat-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (!text.trim()) return;
            void send({ kind: "message", report, path: `/api/reports/${report}/messages`, body: { kind, body: text.trim(), client_id: once() } });
            setText(null);
          }}
        >
          <Choice<"chat" | "note"> label={t("Kind of message")} value={kind} options={[["chat", t("To dispatch")], ["note", t("Note for the file")]]} onChange={setKind} />
          <div className="chat-write">
            <textarea aria-label={t("Message")} rows={1} maxLength={4000} value={text} onChange={(event) => setText(event.target.value)} />
            <Button look="main" type="submit" className="big" aria-label={t("Send")} disabled={!text.trim()}>
              <SendHorizontal size={20} aria-hidden />
            </Button>
          </div>
        </form>
      )}
    </div>
  );
}
