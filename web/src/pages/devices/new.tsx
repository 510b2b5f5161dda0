/** Registering a camera. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiProblem, api, type Schemas, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { announce } from "../../live/live.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Button, Field } from "../../ui/parts.tsx";
import { words } from "../../ui/toast.tsx";
import { said, VIOLATIONS } from "../../ui/words.ts";
import { KeySteps } from "./key.tsx";

type Order = Schemas["DeviceOrder"];
const ZONES = [["Asia/Jakarta", "WIB"], ["Asia/Makassar", "WITA"], ["Asia/Jayapura", "WIT"]] as const;

export function NewDevice({ onClose }: { onClose(): void }): ReactNode {
  const plugins = useQuery({ queryKey: ["plugins"], queryFn: () => take(api.GET("/api/plugins")) });
  const known = useQuery({ queryKey: ["devices", "vendors"], queryFn: () => take(api.GET("/api/devices", { params: { query: { limit: 200 } } })) });
  const makers = [...new Set((plugins.data ?? []).map((plugin) => plugin.maker).filter(Boolean))].sort();
  const vendors = [...new Set((known.data?.data ?? []).map((device) => device.vendor_code))].sort();
  const [order, setOrder] = useState<Order>({ code: "", maker: "", vendor: "", name: "", location: "", zone: "Asia/Jakarta", time_rule: "offset", purposes: [] });
  const change = (some: Partial<Order>) => setOrder((now) => ({ ...now, ...some }));
  const add = useMutation({ mutationFn: () => take(api.POST("/api/devices", { body: order })), onSuccess: () => announce("devices", "overview") });
  const problem = add.error instanceof ApiProblem ? add.error : null;
  if (add.data)
    return (
      <Dialog title={t("{code} is registered", { code: order.code })} onClose={onClose} side>
        <KeySteps made={add.data} />
      </Dialog>
    );
  const text = (name: "code" | "name" | "location" | "vendor", label: string, hint?: string, required = false) => (
    <Field label={label} {...(hint ? { hint } : {})} error={problem?.field(name)}>
      {(id, about) => <input id={id} aria-describedby={about} required={required} maxLength={100} autoComplete="off" value={order[name] ?? ""} onChange={(event) => change({ [name]: event.target.value })} {...(name === "vendor" ? { list: "vendor-codes" } : {})} />}
    </Field>
  );
  return (
    <Dialog title={t("Register a camera")} onClose={onClose} side>
      <form className="form" onSubmit={(event) => { event.preventDefault(); add.mutate(); }}>
        {text("code", t("Code"), t("Letters, digits, dot and dash; it becomes part of the URL"), true)}
        <Field label={t("Make")} error={problem?.field("maker")}>
          {(id, about) => (
            <select id={id} aria-describedby={about} required value={order.maker} onChange={(event) => change({ maker: event.target.value })}>
              <option value="" disabled>{t("Choose")}</option>
              {makers.map((maker) => <option key={maker} value={maker}>{said("maker", maker)}</option>)}
            </select>
          )}
        </Field>
        {vendors.length !== 1 && text("vendor", t("Agency"), undefined, true)}
        <datalist id="vendor-codes">{vendors.map((code) => <option key={code} value={code} />)}</datalist>
        {text("name", t("Name"))}
        {text("location", t("Place"), t("As it goes to the centre"))}
        <Field label={t("The camera's time zone")}>
          {(id) => <select id={id} value={order.zone} onChange={(event) => change({ zone: event.target.value as Order["zone"] })}>{ZONES.map(([zone, name]) => <option key={zone} value={zone}>{name}</option>)}</select>}
        </Field>
        <label className="check">
          <input type="checkbox" checked={order.time_rule === "wall_clock"} onChange={(event) => change({ time_rule: event.target.checked ? "wall_clock" : "offset" })} />
          {t("Its clock shows local time; ignore the offset that it sends")}
        </label>
        <fieldset className="checks">
          <legend className="label">{t("Installed for")}</legend>
          {VIOLATIONS.filter((code) => code !== "other").map((code) => (
            <label key={code} className="check">
              <input type="checkbox" checked={order.purposes?.includes(code) ?? false} onChange={(event) => change({ purposes: event.target.checked ? [...(order.purposes ?? []), code] : order.purposes?.filter((one) => one !== code) ?? [] })} />
              {said("violation", code)}
            </label>
          ))}
        </fieldset>
        {add.error && !problem?.members["errors"] && <p className="field-error" role="alert">{words(add.error)}</p>}
        <div className="form-end">
          <Button onClick={onClose}>{t("Cancel")}</Button>
          <Button look="main" type="submit" busy={add.isPending}>{t("Register")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
