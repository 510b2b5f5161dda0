/**
 * New incidents reach staff on whatever page they are: a bar that stays until somebody looked, a sound, a number in the
 * title and in the navigation. Nothing flashes; what moves stands still for those who asked for less motion.
 */
import { useQuery } from "@tanstack/react-query";
import { BellOff, Siren, X } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, take } from "../api/client.ts";
import { roleOf, useSession } from "../api/session.tsx";
import { t, tn } from "../i18n/index.ts";
import { Ago } from "../ui/parts.tsx";
import { type LiveEvent, useLive } from "./live.ts";
import { ring, setSound, useSound } from "./sound.ts";

/** What needs somebody at once; all else is a notice. */
const ALARMING = ["weapon_detected", "incident_opened", "emergency", "backup_requested", "vacated"];
const FRESH_MS = 120_000;
const REMEMBERED = 100;

type Alarm = { key: string; reportId: number; title: string; message: string; at: string };

const isStaffRole = (role: string): boolean => role === "officer" || role === "admin";

/** How many incidents nobody has looked at; 0 for people who are not staff. */
export function useNewIncidents(): number {
  const isStaff = isStaffRole(roleOf(useSession()));
  useLive("incidents");
  const { data } = useQuery({
    queryKey: ["incidents", "new"],
    queryFn: () => take(api.GET("/api/officer/latest-report", { params: { query: { status: "new", limit: 1 } } })),
    enabled: isStaff,
    refetchInterval: 30_000,
  });
  return data?.pagination.total ?? 0;
}

export function Alarms(): ReactNode {
  const session = useSession();
  const role = roleOf(session);
  const isStaff = isStaffRole(role);
  const [alarms, setAlarms] = useState<readonly Alarm[]>([]);
  const had = useRef(new Set<string>());
  const isOn = useSound();
  const [path] = useLocation();
  useLive(isStaff ? [`${role}-${session.user.id}`, "officers-dashboard"] : [], ({ data }: LiveEvent) => {
    const alarm = alarmOf(data);
    if (!alarm || had.current.has(alarm.key)) return; // the own channel and the dashboard's both tell it
    had.current.add(alarm.key);
    if (had.current.size > REMEMBERED) had.current.delete(had.current.values().next().value!);
    setAlarms((all) => [alarm, ...all.filter((one) => one.reportId !== alarm.reportId)].slice(0, 20));
    ring();
  });
  const open = alarms.filter((one) => path !== `/incidents/${one.reportId}`);
  const [first] = open;
  if (!first) return null;
  const drop = (reportId?: number) => setAlarms((all) => (reportId === undefined ? [] : all.filter((one) => one.reportId !== reportId)));
  return (
    <div className="alarm" role="alert">
      <Siren size={22} aria-hidden />
      <p>
        <strong>{first.title}</strong> <span>{first.message}</span> <Ago at={first.at} />
        {open.length > 1 && <span className="alarm-more">{tn("and {n} more", "and {n} more", open.length - 1)}</span>}
      </p>
      <Link href={`/incidents/${first.reportId}`} className="button" onClick={() => drop(first.reportId)}>
        {t("Open the incident")}
      </Link>
      {isOn && (
        <button type="button" className="icon-button" aria-label={t("Alarm sound off")} title={t("Alarm sound off")} onClick={() => setSound(false)}>
          <BellOff size={18} aria-hidden />
        </button>
      )}
      <button type="button" className="icon-button" aria-label={t("Close")} onClick={() => drop()}>
        <X size={18} aria-hidden />
      </button>
    </div>
  );
}

/** True for what the bar shows, so that nothing else needs to. */
export const isAlarm = (data: Record<string, unknown>): boolean => alarmOf(data) !== null;

function alarmOf(data: Record<string, unknown>): Alarm | null {
  const reportId = Number(data["reportId"]);
  const at = String(data["at"] ?? "");
  if (!ALARMING.includes(String(data["kind"])) || !(reportId > 0) || !(Date.now() - Date.parse(at) < FRESH_MS)) return null;
  return { key: `${String(data["kind"])} ${reportId} ${at}`, reportId, title: String(data["title"] ?? ""), message: String(data["message"] ?? ""), at };
}
