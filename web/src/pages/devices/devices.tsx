/** All devices: heard or silent, their clocks, their keys. */
import { Cctv, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { useList } from "../../api/lists.ts";
import { roleOf, useSession } from "../../api/session.tsx";
import { number, t } from "../../i18n/index.ts";
import { useLive } from "../../live/live.ts";
import { Ago, Badge, Button, Choice, Panel } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { said, toneOf } from "../../ui/words.ts";
import { DeviceDialog } from "./device.tsx";
import { NewDevice } from "./new.tsx";

type Device = Schemas["DeviceRow"];
type Show = "all" | "trouble";

export default function Devices(): ReactNode {
  const admin = roleOf(useSession()) === "admin";
  const [show, setShow] = useState<Show>("all");
  const [open, setOpen] = useState<Device | null>(null);
  const [adding, setAdding] = useState(false);
  useLive("devices");
  const list = useList<Device>(["devices", "list"], (cursor) => take(api.GET("/api/devices", { params: { query: { limit: 200, cursor } } })), { every: 10_000 });
  const troubled = (one: Device) => one.state === "offline" || one.state === "never" || ["hold", "wrong_zone", "warn"].includes(one.skew_state);
  const rows = show === "all" ? list.rows : list.rows?.filter(troubled);
  const columns: Column<Device>[] = [
    { name: t("Camera"), wide: true, cell: (row) => <>{row.device_name ?? row.device_code}<small>{[row.location !== row.device_name && row.location, row.device_code].filter(Boolean).join(" · ")}</small></> },
    { name: t("Make"), cell: (row) => said("maker", row.maker) },
    { name: t("State"), cell: (row) => <Badge tone={toneOf("device", row.state)}>{said("device", row.state)}</Badge> },
    { name: t("Last heard"), cell: (row) => <Ago at={row.last_seen} /> },
    { name: t("Last event"), cell: (row) => <Ago at={row.last_event} /> },
    { name: t("Clock"), cell: (row) => <Clock row={row} /> },
    { name: t("Events"), end: true, cell: (row) => number(row.events) },
    { name: t("Problems"), end: true, cell: (row) => number(row.problems) },
  ];
  return (
    <div className="stack">
      <div className="toolbar">
        <Choice<Show> label={t("Which")} value={show} options={[["all", t("All")], ["trouble", t("Silent or wrong clock")]]} onChange={setShow} />
        {admin && <Button look="main" onClick={() => setAdding(true)}><Plus size={16} aria-hidden />{t("Register a camera")}</Button>}
      </div>
      <Panel>
        <ListTable label={t("Cameras")} columns={columns} list={{ ...list, rows }} keyOf={(row) => row.id} onOpen={setOpen} openLabel={(row) => t("Open {name}", { name: row.device_name ?? row.device_code })}
          toneOf={(row) => (row.state === "offline" ? "bad" : ["hold", "wrong_zone"].includes(row.skew_state) ? "warn" : undefined)}
          empty={show === "all" ? { icon: Cctv, title: t("No camera is registered yet"), text: t("An admin registers the first one here.") } : { icon: Cctv, title: t("All cameras are heard and their clocks are right") }} />
      </Panel>
      {open && <DeviceDialog device={open} admin={admin} onClose={() => setOpen(null)} />}
      {adding && <NewDevice onClose={() => setAdding(false)} />}
    </div>
  );
}

export function Clock({ row }: { row: Device }): ReactNode {
  const skew = row.skew_s == null ? null : Math.round(row.skew_s * 10) / 10 || 0; // no "-0", no "+0"
  return (
    <Badge tone={toneOf("skew", row.skew_state)} title={row.skew_note ?? ""}>
      {skew === null ? said("skew", row.skew_state) : t("{sign}{s} s", { sign: skew > 0 ? "+" : "", s: number(skew, 1) })}
    </Badge>
  );
}
