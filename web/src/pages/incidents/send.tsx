/** Whom to send: the nearest free police first, with distance and the time that it takes. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Building2, Phone } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { api, take } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Ago, Button } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { useTell } from "../../ui/toast.tsx";
import type { Report } from "./words.ts";

/** What the server counts with while it knows no speed (docs/incidents.md). */
const KMH = 30;

export const distanceWords = (metres: number): string => (metres < 1000 ? t("{n} m", { n: number(Math.round(metres / 10) * 10) }) : t("{n} km", { n: number(metres / 1000, 1) }));

/** The nearest first, then those whose phone does not say where it is: the list of the nearest leaves them out. */
async function freePolice(near: number) {
  const [placed, all] = await Promise.all([
    take(api.GET("/api/officer/available", { params: { query: { near } } })),
    take(api.GET("/api/officer/police", { params: { query: { status: "available", limit: 100 } } })),
  ]);
  return [...placed, ...all.data.filter((one) => !one.coordinates).map((one) => ({ ...one, distance: null }))];
}

export function SendPolice({ report, backup, onClose }: { report: Report; backup: boolean; onClose(): void }): ReactNode {
  const tell = useTell();
  const list = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState<number | null>(null);
  useLive("units");
  const free = useQuery({
    queryKey: ["units", "available", report.id],
    queryFn: () => freePolice(report.id),
    refetchInterval: 10_000,
  });
  const stations = useQuery({
    queryKey: ["stations", "near", report.id],
    queryFn: () => take(api.GET("/api/officer/report/{report_id}/stations", { params: { path: { report_id: report.id } } })),
    enabled: report.coordinates !== null,
  });
  const chosen = free.data?.find((one) => one.id === picked) ?? free.data?.[0];
  const send = useMutation({
    mutationFn: (officer: number) => take(api.POST("/api/officer/assign/{report_id}", { params: { path: { report_id: report.id } }, body: { officer_id: officer, backup } })),
    onSuccess: () => {
      tell.ok(t("{name} was asked to go there.", { name: chosen?.name ?? "" }));
      announce("incidents", "units", "overview");
      onClose();
    },
    onError: (error) => {
      tell.bad(error);
      announce("incidents", "units");
    },
  });
  const isThere = Boolean(free.data?.length);
  useEffect(() => list.current?.querySelector("input")?.focus(), [isThere]); // Enter sends the nearest
  const nearest = stations.data?.[0];
  return (
    <Dialog title={backup ? t("Send back-up") : t("Send police")} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); if (chosen) send.mutate(chosen.id); }}>
        {free.data ? (
          free.data.length ? (
            <div className="free" ref={list} role="radiogroup" aria-label={t("Free police, the nearest first")}>
              {free.data.map((one) => (
                <div key={one.id}>
                  <label>
                    <input type="radio" name="police" checked={one === chosen} onChange={() => setPicked(one.id)} />
                    <span className="free-who">
                      <strong>{one.name}</strong>
                      <small>{[one.office_name, one.vehicle_type, one.license_plate].filter(Boolean).join(" · ")}</small>
                    </span>
                    <span className="free-far">
                      {one.distance == null ? (
                        <small>{t("distance unknown")}</small>
                      ) : (
                        <>
                          <strong>{distanceWords(one.distance)}</strong>
                          <small>{t("about {n} min", { n: number(Math.max(1, Math.ceil(one.distance / (KMH / 3.6) / 60))) })}</small>
                        </>
                      )}
                    </span>
                    <small className="free-seen">
                      {t("Position:")} <Ago at={one.position_at} />
                    </small>
                  </label>
                </div>
              ))}
            </div>
          ) : (
            <p className="review-attention">{t("Nobody is free right now. This list goes on by itself; call the station meanwhile.")}</p>
          )
        ) : free.error ? (
          <Failure error={free.error} again={() => void free.refetch()} />
        ) : (
          <Loading rows={4} />
        )}
        <p className="muted">{t("Distances are straight lines, times count with {n} km/h: the map knows no roads.", { n: KMH })}</p>
        {nearest && (
          <p className="near-station">
            <Building2 size={16} aria-hidden />
            <span>
              {nearest.name}, {distanceWords(nearest.distance)}
            </span>
            {nearest.phone && (
              <a href={`tel:${nearest.phone.replace(/[^+\d]/g, "")}`}>
                <Phone size={14} aria-hidden />
                {nearest.phone}
              </a>
            )}
          </p>
        )}
        {report.status === "new" && <p className="muted">{t("Sending counts as your check that the incident is real; your name stands on it.")}</p>}
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" disabled={!chosen} busy={send.isPending}>
            {chosen ? t("Send {name}", { name: chosen.name }) : t("Send police")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
