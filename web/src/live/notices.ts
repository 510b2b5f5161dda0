/** Staff see their notices at the edge of whatever page they are on; shown is acknowledged, so that no push follows. */
import { useEffect, useRef } from "react";
import { roleOf, useSession } from "../api/session.tsx";
import { useTell } from "../ui/toast.tsx";
import { isAlarm } from "./alarm.tsx";
import { acknowledge, type LiveEvent, useLive } from "./live.ts";

export function useShownNotices(): void {
  const session = useSession();
  const role = roleOf(session);
  const tell = useTell();
  const waiting = useRef<LiveEvent[]>([]);
  const isStaff = role === "officer" || role === "admin"; // the app of owners and police shows its own

  const show = ({ id, data }: LiveEvent) => {
    const text = [data["title"], data["message"]].filter((part) => typeof part === "string" && part).join(": ");
    const isSaid = isAlarm(data); // by the bar of alarm.tsx, which stays
    if (text && !isSaid) tell.notice(text, data["urgent"] === true);
    acknowledge(id);
  };
  useLive(isStaff ? `${role}-${session.user.id}` : [], (event) => {
    if (document.hidden) waiting.current.push(event); // nobody looks: other channels go on meanwhile
    else show(event);
  });
  useEffect(() => {
    const look = () => {
      if (!document.hidden) for (const event of waiting.current.splice(0)) show(event);
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  });
}
