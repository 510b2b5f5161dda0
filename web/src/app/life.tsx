/** What lives behind every page of the app: the service worker, the outbox, the phone's position, notices, the stop. */
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useLocation } from "wouter";
import { roleOf, useSession } from "../api/session.tsx";
import { announce, acknowledge, useLive } from "../live/live.ts";
import { usePreferences } from "../i18n/language.ts";
import { useTell } from "../ui/toast.tsx";
import { Field } from "./field.tsx";
import { deliver, useSentNews, useWaiting } from "./send.ts";
import { readMeta, writeMeta } from "./db.ts";
import { arrive, leave, personOf } from "./who.ts";
import { keepLoaded, register } from "./worker.ts";
import "./app.css";

const TRY_MS = 15_000;
const SHOWN_KEPT = 100;

/** A line that was just opened hears the last minutes again: each notice is told once, however often the app is opened. */
async function isNew(notice: string): Promise<boolean> {
  const had = (await readMeta<string[]>("shown")) ?? [];
  if (had.includes(notice)) return false;
  await writeMeta("shown", [...had, notice].slice(-SHOWN_KEPT));
  return true;
}

const lookAgain = (): void => announce("assignments");

export default function AppLife(): ReactNode {
  const session = useSession();
  const role = roleOf(session);
  const { language } = usePreferences();
  const queries = useQueryClient();
  const tell = useTell();
  const [, go] = useLocation();
  const items = useWaiting();
  const isWaiting = items.some((item) => !item.refused);

  useEffect(() => {
    void arrive(session).then(() => {
      void deliver();
      void keepLoaded(() => queries.invalidateQueries());
    });
  }, [session, language, queries]);
  useEffect(() => {
    void register();
    return () => void leave();
  }, []);

  useSentNews(lookAgain);
  useEffect(() => {
    const again = () => void deliver();
    const timer = isWaiting ? setInterval(again, TRY_MS) : undefined;
    addEventListener("online", again);
    return () => {
      clearInterval(timer);
      removeEventListener("online", again);
    };
  }, [isWaiting]);

  useEffect(() => {
    const back = () => {
      if (document.visibilityState !== "visible") return;
      announce("assignments", "notices", "reports");
      void deliver();
    };
    const heard = ({ data }: MessageEvent<{ type?: string; url?: string }>) => {
      if (data.type === "go" && data.url) go(data.url);
      if (data.type === "notice") announce("assignments", "notices", "reports");
    };
    document.addEventListener("visibilitychange", back);
    navigator.serviceWorker?.addEventListener("message", heard);
    return () => {
      document.removeEventListener("visibilitychange", back);
      navigator.serviceWorker?.removeEventListener("message", heard);
    };
  }, [go]);

  useLive(`${role}-${session.user.id}`, ({ id, data }) => {
    const kind = String(data["kind"] ?? "");
    if ((kind === "recalled" || kind === "withdrawn") && role === "police") return; // the full screen says it, its button acknowledges it
    acknowledge(id);
    if (kind === "tracking_update" || kind === "chat_message") return;
    const text = [data["title"], data["message"]].filter((part) => typeof part === "string" && part).join(": ");
    if (text && !document.hidden) void isNew(`${personOf(session)} ${id}`).then((yes) => yes && tell.notice(text, data["urgent"] === true));
  });

  return role === "police" ? <Field /> : null;
}
