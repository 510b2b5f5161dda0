/** Police stations: where officers sit, and what "nearest" is measured from. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Building2, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ApiProblem, api, done, type Schemas, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { announce, useLive } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Badge, Button, Field, Panel, position } from "../../ui/parts.tsx";
import { type Column, ListTable } from "../../ui/table.tsx";
import { useTell, words } from "../../ui/toast.tsx";

type Row = Schemas["StationRow"];

export default function Stations(): ReactNode {
  const [open, setOpen] = useState<Row | "new" | null>(null);
  useLive("stations");
  const query = useQuery({ queryKey: ["stations"], queryFn: () => take(api.GET("/api/stations")) });
  const list = { rows: query.data, error: query.error, hasNextPage: false, isFetchingNextPage: false, fetchNextPage: () => undefined, refetch: query.refetch };
  const columns: Column<Row>[] = [
    { name: t("Station"), wide: true, cell: (row) => <>{row.name}<small>{row.address}</small></> },
    { name: t("Agency"), cell: (row) => row.vendor },
    { name: t("Telephone"), cell: (row) => row.phone || "–" },
    { name: t("Position"), cell: (row) => <span className="mono">{position(row.latitude, row.longitude)}</span> },
    { name: t("State"), cell: (row) => <Badge tone={row.is_active ? "ok" : "plain"}>{row.is_active ? t("Active") : t("Closed")}</Badge> },
  ];
  return (
    <div className="stack">
      <div className="toolbar toolbar-end">
        <p className="muted">{t("Who is sent to an incident is measured from here.")}</p>
        <Button look="main" onClick={() => setOpen("new")}><Plus size={16} aria-hidden />{t("Add a station")}</Button>
      </div>
      <Panel>
        <ListTable label={t("Stations")} columns={columns} list={list} keyOf={(row) => row.id} onOpen={setOpen} openLabel={(row) => t("Open {name}", { name: row.name })} empty={{ icon: Building2, title: t("There is no station yet"), text: t("Without one nobody can be measured as nearest.") }} />
      </Panel>
      {open && <StationDialog row={open === "new" ? null : open} onClose={() => setOpen(null)} />}
    </div>
  );
}

function StationDialog({ row, onClose }: { row: Row | null; onClose(): void }): ReactNode {
  const tell = useTell();
  const [order, setOrder] = useState({ name: row?.name ?? "", vendor: row?.vendor ?? "", address: row?.address ?? "", phone: row?.phone ?? "", latitude: row ? String(row.latitude) : "", longitude: row ? String(row.longitude) : "", is_active: row?.is_active ?? true });
  const change = (some: Partial<typeof order>) => setOrder((now) => ({ ...now, ...some }));
  const save = useMutation({
    mutationFn: async () => {
      const { is_active, vendor, ...rest } = order;
      const body = { ...rest, latitude: Number(rest.latitude.replace(",", ".")), longitude: Number(rest.longitude.replace(",", ".")) };
      if (row) await done(api.PATCH("/api/stations/{station_id}", { params: { path: { station_id: row.id } }, body: { ...body, is_active } }));
      else await take(api.POST("/api/stations", { body: { ...body, vendor } }));
    },
    onSuccess: () => {
      announce("stations");
      tell.ok(t("{name} is saved.", { name: order.name }));
      onClose();
    },
  });
  const problem = save.error instanceof ApiProblem ? save.error : null;
  const text = (name: "name" | "vendor" | "address" | "phone" | "latitude" | "longitude", label: string, more: Record<string, unknown> = {}) => (
    <Field label={label} error={problem?.field(name)}>
      {(id, about) => <input id={id} aria-describedby={about} autoComplete="off" maxLength={150} value={order[name]} onChange={(event) => change({ [name]: event.target.value })} {...more} />}
    </Field>
  );
  return (
    <Dialog title={row ? row.name : t("Add a station")} onClose={onClose} side>
      <form className="form" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        {text("name", t("Name"), { required: true })}
        {!row && text("vendor", t("Agency"))}
        {text("address", t("Address"), { maxLength: 500 })}
        {text("phone", t("Telephone"), { type: "tel", maxLength: 30 })}
        {text("latitude", t("Latitude"), { required: true, inputMode: "decimal", pattern: "-?\\d{1,2}([.,]\\d+)?", placeholder: "-6.11889" })}
        {text("longitude", t("Longitude"), { required: true, inputMode: "decimal", pattern: "-?\\d{1,3}([.,]\\d+)?", placeholder: "106.15028" })}
        {row && (
          <label className="check">
            <input type="checkbox" checked={order.is_active} onChange={(event) => change({ is_active: event.target.checked })} />
            {t("Police is sent from here")}
          </label>
        )}
        {save.error && !problem?.members["errors"] && <p className="field-error" role="alert">{words(save.error)}</p>}
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={save.isPending}>{t("Save")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
