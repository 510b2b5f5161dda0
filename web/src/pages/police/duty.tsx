/** Where one is sent now; and while nothing is, what goes on nearby. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client.ts";
import { type Assignment, useAssignments } from "../../app/field.tsx";
import { OnDuty } from "../../app/onduty.tsx";
import { far, State } from "../../app/parts.tsx";
import { called } from "../../app/words.ts";
import { number, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { Ago, Panel } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";

export default function Duty(): ReactNode {
  useLive("assignments", "reports");
  const assignments = useAssignments();
  const figures = useQuery({ queryKey: ["assignments", "figures"], queryFn: () => take(api.GET("/api/police/dashboard")) });
  const near = useQuery({ queryKey: ["reports", "near"], queryFn: () => take(api.GET("/api/police/nearest")), refetchInterval: 60_000 });
  if (!assignments.rows) return assignments.error ? <Failure error={assignments.error} again={() => void assignments.refetch()} /> : <Loading rows={5} />;
  const mine = assignments.rows.filter((row) => row.app_state === "OFFERED" || row.app_state === "ACTIVE");
  const others = near.data?.filter((row) => !mine.some((one) => one.id === row.id)) ?? [];
  return (
    <div className="app">
      {mine.length ? (
        <ul className="cards">
          {mine.map((row) => (
            <li key={row.id}>
              <Card row={row} />
            </li>
          ))}
        </ul>
      ) : (
        <OnDuty />
      )}
      <Panel title={t("Open incidents nearby")}>
        {others.length ? (
          <ul className="lines">
            {others.map((row) => (
              <li key={row.id}>
                <span>{called("incident", row.incident_type)}</span>
                <span className="muted">
                  {far(row.distance)} · <Ago at={row.created_at} />
                </span>
                <State table="report" code={row.status} />
              </li>
            ))}
          </ul>
        ) : (
          <p className="app-note">{t("None is known within reach of your last position.")}</p>
        )}
      </Panel>
      {figures.data && (
        <p className="app-note">
          {t("Completed of all that you were sent to: {n} %", { n: number(figures.data.resolved_case, 1) })}
        </p>
      )}
    </div>
  );
}

const Card = ({ row }: { row: Assignment }): ReactNode => (
  <Link href={`/duty/${row.id}`} className={`card${row.app_state === "OFFERED" ? " card-offered" : ""}`}>
    <span className="card-top">
      <State table="incident" code={row.incident_type} />
      <Ago at={row.assigned_at} />
    </span>
    <strong>{row.title}</strong>
    <span className="muted">{row.location || t("Place not named")}</span>
    <span className="card-top">
      <State table="assignment" code={row.assignment_status} />
      <ChevronRight size={20} aria-hidden />
    </span>
  </Link>
);
