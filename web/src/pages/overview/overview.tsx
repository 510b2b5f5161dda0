/** The house at a glance: what waits for people, what waits for machines, what is silent. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { api, take } from "../../api/client.ts";
import { number, t, tn } from "../../i18n/index.ts";
import { span } from "../../i18n/time.ts";
import { useLive } from "../../live/live.ts";
import { Ago, At, Badge, Panel, Plate, type Tone } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { Chart } from "../../ui/chart.tsx";
import { said, toneOf } from "../../ui/words.ts";
import { Weapons } from "./weapons.tsx";
import "./overview.css";

const EVERY = 10_000;

export default function Overview(): ReactNode {
  useLive("overview", "violations", "devices", "sinks");
  const figures = useQuery({ queryKey: ["overview"], queryFn: () => take(api.GET("/api/overview")), refetchInterval: EVERY });
  const latest = useQuery({
    queryKey: ["violations", "latest"],
    queryFn: () => take(api.GET("/api/violations", { params: { query: { limit: 8 } } })),
    refetchInterval: EVERY,
  });
  const devices = useQuery({ queryKey: ["devices", "overview"], queryFn: () => take(api.GET("/api/devices", { params: { query: { limit: 200 } } })), refetchInterval: EVERY });
  const sinks = useQuery({ queryKey: ["sinks"], queryFn: () => take(api.GET("/api/sinks")), refetchInterval: EVERY });
  if (!figures.data) return figures.error ? <Failure error={figures.error} again={() => void figures.refetch()} /> : <Loading rows={12} />;
  const { waiting, decided, hours, devices: fleet, by_status: cases } = figures.data;
  const total = decided.approved + decided.rejected;
  const closed = (cases["synced"] ?? 0) + (cases["rejected"] ?? 0);
  const all = Object.values(cases).reduce((sum, n) => sum + n, 0);
  const troubled = devices.data?.data.filter((one) => one.state !== "online" || ["hold", "wrong_zone"].includes(one.skew_state)) ?? [];
  return (
    <div className="overview">
      <ul className="figures">
        <Figure name={t("To review")} value={number(waiting.pending)} href="/review" tone={waiting.overdue ? "bad" : waiting.due_soon ? "warn" : undefined}>
          {waiting.overdue ? tn("{n} overdue", "{n} overdue", waiting.overdue) : waiting.due_soon ? tn("{n} due within 12 h", "{n} due within 12 h", waiting.due_soon) : t("none overdue")}
        </Figure>
        <Figure name={t("From case to decision")} value={decided.median_s == null ? "–" : span(decided.median_s)}>
          {total ? tn("median of {n} in 24 h", "median of {n} in 24 h", total) : t("nothing decided in 24 h")}
        </Figure>
        <Figure name={t("Cases closed")} value={all ? `${number((100 * closed) / all)} %` : "–"}>
          {t("{n} of {all} delivered or rejected", { n: number(closed), all: number(all) })}
        </Figure>
        <Figure name={t("Decided in 24 h")} value={number(total)}>
          {t("{a} approved, {r} rejected, {m} by you", { a: number(decided.approved), r: number(decided.rejected), m: number(decided.mine) })}
        </Figure>
        <Figure name={t("Waiting for the centre")} value={number(waiting.outbox)} href="/delivery" tone={waiting.needs_hand ? "warn" : undefined}>
          {waiting.needs_hand ? tn("{n} needs a person", "{n} need a person", waiting.needs_hand) : waiting.outbox_age_s ? t("oldest {span}", { span: span(waiting.outbox_age_s) }) : t("nothing is stuck")}
        </Figure>
        <Figure name={t("Cameras online")} value={`${number(fleet.online)}/${number(fleet.online + fleet.offline + fleet.never)}`} href="/devices" tone={fleet.offline ? "bad" : fleet.clock_wrong ? "warn" : undefined}>
          {fleet.offline ? tn("{n} silent", "{n} silent", fleet.offline) : fleet.clock_wrong ? tn("{n} with a wrong clock", "{n} with a wrong clock", fleet.clock_wrong) : fleet.never ? tn("{n} never heard", "{n} never heard", fleet.never) : t("all are heard")}
        </Figure>
      </ul>
      <Panel title={t("Reads and violations, 24 hours")} className="overview-chart">
        <Chart
          label={t("By hour")}
          at={hours.map((hour) => Date.parse(hour.at) / 1000)}
          series={[
            { name: t("Reads"), values: hours.map((hour) => hour.reads), token: "--chart-reads", look: "bars" },
            { name: t("Violations"), values: hours.map((hour) => hour.violations), token: "--chart-violations", look: "bars" },
          ]}
        />
      </Panel>
      <Panel title={t("Cases by state")} className="overview-states">
        <ul className="bars">
          {["held", "pending", "approved", "queued", "synced", "rejected", "refused", "uncertain"].map((status) => (
            <li key={status}>
              <span>{said("status", status)}</span>
              <span className="bar-track">
                <span className={`bar-fill fill-${toneOf("status", status)}`} style={{ inlineSize: `${all ? (100 * (cases[status] ?? 0)) / all : 0}%` }} />
              </span>
              <span className="end">{number(cases[status] ?? 0)}</span>
            </li>
          ))}
        </ul>
      </Panel>
      <Weapons />
      <Panel title={t("Latest cases")} className="overview-latest">
        {latest.data ? (
          <ul className="latest">
            {latest.data.data.map((one) => (
              <li key={one.id}>
                <At at={one.capture_time} shape="time" />
                <Plate text={one.plate_number} size="sm" />
                <span className="latest-what">
                  {said("violation", one.violation_type)}
                  <small>{one.device.name ?? one.device.code}</small>
                </span>
                <Badge tone={toneOf("status", one.status)}>{said("status", one.status)}</Badge>
              </li>
            ))}
          </ul>
        ) : (
          <Loading rows={8} />
        )}
      </Panel>
      <Panel title={t("Needs attention")} className="overview-trouble">
        <ul className="trouble">
          {(sinks.data ?? []).map((sink) => (
            <li key={sink.sink}>
              <Link href="/delivery">{sink.sink}</Link>
              <Badge tone={toneOf("breaker", sink.state)}>{said("breaker", sink.state)}</Badge>
            </li>
          ))}
          <li>
            <span>{t("Payloads not parsed yet")}</span>
            <Badge tone={(waiting.inbox_age_s ?? 0) > 30 ? "bad" : "ok"}>{waiting.inbox_age_s ? t("oldest {span}", { span: span(waiting.inbox_age_s) }) : t("none wait")}</Badge>
          </li>
          <li>
            <Link href="/devices/quarantine">{t("Quarantine")}</Link>
            <Badge tone={waiting.quarantine ? "warn" : "ok"}>{waiting.quarantine ? tn("{n} payload", "{n} payloads", waiting.quarantine) : t("empty")}</Badge>
          </li>
          {troubled.slice(0, 8).map((one) => (
            <li key={one.id}>
              <Link href="/devices">{one.device_name ?? one.device_code}</Link>
              {one.state === "online" ? (
                <Badge tone={toneOf("skew", one.skew_state)}>{t("Clock: {state}", { state: said("skew", one.skew_state) })}</Badge>
              ) : (
                <span className="trouble-since">
                  {one.last_seen && <Ago at={one.last_seen} />}
                  <Badge tone={toneOf("device", one.state)}>{said("device", one.state)}</Badge>
                </span>
              )}
            </li>
          ))}
          {devices.data && !troubled.length && (
            <li>
              <span>{t("Cameras")}</span>
              <Badge tone="ok">
                <CircleCheck size={13} aria-hidden />
                {t("all are heard")}
              </Badge>
            </li>
          )}
        </ul>
      </Panel>
    </div>
  );
}

function Figure({ name, value, href, tone, children }: { name: string; value: string; href?: string; tone?: Tone | undefined; children: ReactNode }): ReactNode {
  const body = (
    <>
      <span className="figure-name">{name}</span>
      <strong>{value}</strong>
      <span className={tone ? `figure-note ink-${tone}` : "figure-note"}>{children}</span>
    </>
  );
  return <li className="figure">{href ? <Link href={href}>{body}</Link> : <div>{body}</div>}</li>;
}
