/** What plugins.toml enables: state, version, configuration with secrets masked, errors. */
import { useQuery } from "@tanstack/react-query";
import { Blocks } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { msg, number, t } from "../../i18n/index.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { coded } from "../../ui/codes.ts";
import { Badge, Facts, Panel, Technical, type Tone } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { said } from "../../ui/words.ts";

type Plugin = Schemas["PluginView"];
const HEALTH: Record<Plugin["health"], readonly [string, Tone]> = { ok: [msg("Works"), "ok"], degraded: [msg("Limited"), "warn"], error: [msg("Error"), "bad"] };
const GRADE: Record<Exclude<Plugin["grade"], "">, readonly [string, Tone]> = { none: [msg("none"), "bad"], bronze: [msg("bronze"), "warn"], silver: [msg("silver"), "info"], gold: [msg("gold"), "ok"] };

export default function Plugins(): ReactNode {
  const [open, setOpen] = useState<Plugin | null>(null);
  const query = useQuery({ queryKey: ["plugins"], queryFn: () => take(api.GET("/api/plugins")), refetchInterval: 15_000 });
  const list = { rows: query.data, error: query.error, hasNextPage: false, isFetchingNextPage: false, fetchNextPage: () => undefined, refetch: query.refetch };
  const columns: Column<Plugin>[] = [
    { name: t("Plugin"), cell: (row) => <>{row.id}<small className="mono">{row.use}</small></> },
    { name: t("Kind"), cell: (row) => coded("plugin", row.kind) },
    { name: t("State"), cell: (row) => <State row={row} /> },
    { name: t("Grade"), cell: (row) => <Grade row={row} /> },
    { name: t("Version"), cell: (row) => <>{row.version}<small>{coded("stability", row.stability)}</small></> },
    { name: t("Serves"), wide: true, cell: (row) => [...row.vendors, ...row.devices].join(", ") || t("all agencies") },
  ];
  return (
    <div className="stack">
      <Panel>
        <ListTable label={t("Plugins")} columns={columns} list={list} keyOf={(row) => row.id} onOpen={setOpen} openLabel={(row) => t("Open {name}", { name: row.id })} toneOf={(row) => (row.state === "quarantined" ? "bad" : undefined)}
          empty={{ icon: Blocks, title: t("No plugin is enabled"), text: t("plugins.toml names what is loaded.") }} />
      </Panel>
      {open && (
        <Dialog title={open.id} onClose={() => setOpen(null)} side>
          <Facts
            items={[
              [t("State"), <State row={open} />],
              ...(open.reason ? [[t("Quarantined because"), <Technical>{open.reason}</Technical>] as const] : []),
              ...(open.health_detail ? [[t("Says of itself"), <Technical>{open.health_detail}</Technical>] as const] : []),
              [t("Folder"), <span className="mono">{open.use}</span>],
              [t("Make"), open.maker ? said("maker", open.maker) : null],
              [t("Hooks"), <span className="mono">{open.hooks.join(", ")}</span>],
              [t("Guarantee"), open.guarantee && <Technical>{open.guarantee}</Technical>],
              [t("Grade"), <Grade row={open} />],
              ...(open.grade_missing.length > 0 ? [[t("Missing for the next grade"), <Technical>{open.grade_missing.join("; ")}</Technical>] as const] : []),
              [t("Required"), open.required ? t("yes: without it nothing starts") : t("no")],
              [t("Calls, failures in this process"), `${number(open.calls)}, ${number(open.failures)}`],
              [t("Last error"), open.last_error && <Technical>{open.last_error}</Technical>],
            ]}
          />
          <h3 className="dialog-part">{t("Configuration")}</h3>
          {Object.keys(open.config).length === 0 && <p className="muted">{t("Nothing is set: the plugin's own values hold.")}</p>}
          <Facts items={Object.entries(open.config).map(([name, value]) => [name, <span className="mono">{typeof value === "object" ? JSON.stringify(value) : String(value)}</span>] as const)} />
        </Dialog>
      )}
    </div>
  );
}

function State({ row }: { row: Plugin }): ReactNode {
  if (row.state === "quarantined") return <Badge tone="bad">{t("Quarantined")}</Badge>;
  const [words, tone] = HEALTH[row.health];
  return <Badge tone={tone}>{t(words)}</Badge>;
}

function Grade({ row }: { row: Plugin }): ReactNode {
  if (row.grade === "") return t("not graded");
  const [words, tone] = GRADE[row.grade];
  return <Badge tone={tone}>{t(words)}</Badge>;
}
