/** The weapon flow at a glance: how fast, how many came to an end, where the open ones stand. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client.ts";
import { number, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { Panel } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { told, toldTone } from "../incidents/words.ts";

const EVERY = 20_000;
const STATES = ["new", "verified", "assigned", "in_progress", "completed"] as const;

export function Weapons(): ReactNode {
  useLive("incidents");
  const count = useQuery({ queryKey: ["incidents", "count"], queryFn: () => take(api.GET("/api/officer/count")), refetchInterval: EVERY });
  const cases = useQuery({ queryKey: ["incidents", "by-status"], queryFn: () => take(api.GET("/api/officer/case-status")), refetchInterval: EVERY });
  const { total_case: total, case_status: states } = cases.data ?? {};
  return (
    <Panel title={<Link href="/incidents">{t("Incidents")}</Link>} className="overview-weapons">
      {count.data && states && total !== undefined ? (
        <div className="weapons">
          <dl className="weapon-figures">
            <div>
              <dt>{t("From sending to arrival")}</dt>
              <dd>{count.data.response_time ? t("{n} min", { n: number(count.data.response_time, 1) }) : "–"}</dd>
            </div>
            <div>
              <dt>{t("Brought to an end")}</dt>
              <dd>{total ? `${number(cases.data!.resolution_rate, 1)} %` : "–"}</dd>
            </div>
            <div>
              <dt>{t("Police on duty")}</dt>
              <dd>{number(count.data.active_police)}</dd>
            </div>
          </dl>
          <ul className="bars">
            {STATES.map((state) => (
              <li key={state}>
                <span>{told("status", state)}</span>
                <span className="bar-track">
                  <span className={`bar-fill fill-${toldTone("status", state)}`} style={{ inlineSize: `${total ? (100 * states[state]) / total : 0}%` }} />
                </span>
                <span className="end">{number(states[state])}</span>
              </li>
            ))}
          </ul>
        </div>
      ) : count.error || cases.error ? (
        <Failure error={count.error ?? cases.error} />
      ) : (
        <Loading rows={4} />
      )}
    </Panel>
  );
}
