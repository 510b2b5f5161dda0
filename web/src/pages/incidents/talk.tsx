/** What dispatch and the police in the field write to each other. Text only: nothing of it is ever markup. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { MessagesSquare, SendHorizontal } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { At, Badge, Button, Panel, position } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import { roleWords } from "../../ui/words.ts";
import { told, toldTone } from "./words.ts";

const EVERY = 15_000;

export function Talk({ reportId, isClosed }: { reportId: number; isClosed: boolean }): ReactNode {
  useLive("messages");
  const list = useQuery({
    queryKey: ["messages", reportId],
    queryFn: () => take(api.GET("/api/reports/{report_id}/messages", { params: { path: { report_id: reportId } } })),
    refetchInterval: isClosed ? false : EVERY,
  });
  const end = useRef<HTMLOListElement>(null);
  const count = list.data?.length ?? 0;
  useEffect(() => {
    end.current?.scrollTo({ top: end.current.scrollHeight });
  }, [count]);
  return (
    <Panel title={t("Chat and notes")} className="talk">
      {list.data ? (
        <ol className="talk-list" ref={end} tabIndex={0} aria-live="polite" aria-label={t("Messages")}>
          {list.data.map((message) => (
            <Message key={message.id} message={message} />
          ))}
          {!count && (
            <li className="talk-none">
              <MessagesSquare size={22} strokeWidth={1.5} aria-hidden />
              {t("Nothing was written yet.")}
            </li>
          )}
        </ol>
      ) : list.error ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : (
        <Loading rows={3} />
      )}
      <Write reportId={reportId} />
    </Panel>
  );
}

function Message({ message }: { message: Schemas["MessageRow"] }): ReactNode {
  return (
    <li className={`talk-one${message.is_mine ? " talk-mine" : ""}`} data-tone={toldTone("message", message.kind)}>
      <p className="talk-who">
        <strong>{message.actor}</strong>
        <span>{roleWords(message.actor_role)}</span>
        <At at={message.created_at} shape="time" />
        {message.kind !== "chat" && <Badge tone={toldTone("message", message.kind)}>{told("message", message.kind)}</Badge>}
      </p>
      {message.body && <p className="talk-text">{message.body}</p>}
      <Called detail={message.detail} />
    </li>
  );
}

/** Where somebody was who called for help. */
function Called({ detail: { latitude, longitude } }: { detail: Record<string, unknown> }): ReactNode {
  if (typeof latitude !== "number" || typeof longitude !== "number") return null;
  return <p className="talk-place">{t("Phone last at {place}", { place: position(latitude, longitude) })}</p>;
}

function Write({ reportId }: { reportId: number }): ReactNode {
  const tell = useTell();
  const [text, setText] = useState("");
  const [number, setNumber] = useState(() => crypto.randomUUID());
  const send = useMutation({
    mutationFn: () => take(api.POST("/api/reports/{report_id}/messages", { params: { path: { report_id: reportId } }, body: { body: text.trim(), kind: "chat", client_id: number } })),
    onSuccess: () => {
      setText("");
      setNumber(crypto.randomUUID()); // until then the same words twice are one message
      announce("messages");
    },
    onError: (error) => tell.bad(error),
  });
  return (
    <form className="talk-write" onSubmit={(event) => { event.preventDefault(); if (text.trim()) send.mutate(); }}>
      <label className="sr-only" htmlFor="talk-text">{t("Message to the police in the field")}</label>
      <textarea
        id="talk-text"
        rows={1}
        maxLength={2000}
        placeholder={t("Message to the police in the field")}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            if (text.trim() && !send.isPending) send.mutate();
          }
        }}
      />
      <Button type="submit" look="main" busy={send.isPending} disabled={!text.trim()} aria-label={t("Send the message")}>
        <SendHorizontal size={18} aria-hidden />
      </Button>
    </form>
  );
}
