/** The own account: who one is, what one is told of, the password. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, LogOut } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { api, ApiProblem, type Schemas, take } from "../../api/client.ts";
import { useDoor } from "../../api/session.tsx";
import { type Push, readPush, subscribe, unsubscribe } from "../../app/worker.ts";
import { t } from "../../i18n/index.ts";
import { setPreferences, usePreferences } from "../../i18n/language.ts";
import { setSound, useSound } from "../../live/sound.ts";
import { Password } from "../../password.tsx";
import { Button, Choice, Facts, Field, Panel } from "../../ui/parts.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { useTell, words } from "../../ui/toast.tsx";

export default function Me(): ReactNode {
  const door = useDoor();
  const query = useQuery({ queryKey: ["me"], queryFn: () => take(api.GET("/api/me")) });
  const [password, setPassword] = useState(false);
  if (!query.data) return query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading rows={8} />;
  return (
    <div className="app">
      <Profile key={query.data.id} me={query.data} />
      <Told />
      <Panel title={t("This app")}>
        <div className="panel-body form">
          <Look />
          {query.data.role === "POLICE" && <SoundSwitch />}
          <PushSwitch />
          <p className="field-hint">{t("To keep the app at hand, choose “Add to home screen” in the browser's menu. iPhones show notices only then.")}</p>
        </div>
      </Panel>
      <div className="steps">
        <Button className="big" onClick={() => setPassword(true)}><KeyRound size={18} aria-hidden />{t("Change the password")}</Button>
        <Button className="big" onClick={() => void door.logOut()}><LogOut size={18} aria-hidden />{t("Log out")}</Button>
      </div>
      {password && <Password onClose={() => setPassword(false)} />}
    </div>
  );
}

function Profile({ me }: { me: Schemas["Profile"] }): ReactNode {
  const tell = useTell();
  const queries = useQueryClient();
  const isPolice = me.role === "POLICE";
  const [fields, setFields] = useState({ name: me.name, email: me.email, phone: me.phone, address: me.address, vehicle_type: me.vehicle_type ?? "", license_plate: me.license_plate ?? "" });
  const save = useMutation({
    mutationFn: () => {
      const { name, email, phone, address, vehicle_type, license_plate } = fields;
      return take(api.PATCH("/api/me", { body: { name, email, phone, ...(isPolice ? { vehicle_type, license_plate } : { address }) } }));
    },
    onSuccess: (profile) => {
      queries.setQueryData(["me"], profile);
      tell.ok(t("Your account is changed."));
    },
  });
  const wrong = save.error instanceof ApiProblem ? save.error : null;
  const text = (name: keyof typeof fields, label: string, more: Record<string, unknown> = {}) => (
    <Field label={label} error={wrong?.field(name)}>
      {(id, about) => <input id={id} aria-describedby={about} maxLength={200} value={fields[name]} onChange={(event) => setFields((all) => ({ ...all, [name]: event.target.value }))} {...more} />}
    </Field>
  );
  return (
    <Panel title={t("Account")}>
      <form
        className="panel-body form"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Facts items={[[t("User name"), me.username], ...(me.office_name ? [[t("Station"), me.office_name] as const] : []), ...(me.badge_no ? [[t("Badge number"), me.badge_no] as const] : [])]} />
        {text("name", t("Name"), { required: true, autoComplete: "name" })}
        {text("phone", t("Telephone"), { type: "tel", autoComplete: "tel", maxLength: 30 })}
        {text("email", t("E-mail"), { type: "email", autoComplete: "email" })}
        {isPolice ? (
          <div className="pair">
            {text("vehicle_type", t("Vehicle"), { maxLength: 50 })}
            {text("license_plate", t("Plate"), { maxLength: 20 })}
          </div>
        ) : (
          text("address", t("Address"), { autoComplete: "street-address", maxLength: 500 })
        )}
        {save.error && !wrong?.members["errors"] && <p className="field-error" role="alert">{words(save.error)}</p>}
        <div className="form-end"><Button look="main" type="submit" busy={save.isPending}>{t("Save")}</Button></div>
      </form>
    </Panel>
  );
}

type Settings = Schemas["NotificationSettings"];

function Told(): ReactNode {
  const tell = useTell();
  const queries = useQueryClient();
  const query = useQuery({ queryKey: ["notification-settings"], queryFn: () => take(api.GET("/api/me/notification-settings")) });
  const change = useMutation({
    mutationFn: (body: Partial<Settings>) => take(api.PATCH("/api/me/notification-settings", { body })),
    onSuccess: (settings) => queries.setQueryData(["notification-settings"], settings),
    onError: (error) => tell.bad(error),
  });
  const kinds: readonly (readonly [keyof Settings, string])[] = [
    ["report", t("Reports")],
    ["assignment", t("Assignments")],
    ["tracking", t("Police on their way")],
    ["cctv", t("Cameras that fall silent")],
    ["push", t("Also while the app is closed")],
  ];
  return (
    <Panel title={t("Notices")}>
      <div className="panel-body">
        {query.data ? kinds.map(([name, label]) => (
          <label key={name} className="switch">
            <span>{label}</span>
            <input type="checkbox" role="switch" checked={query.data[name]} disabled={change.isPending} onChange={(event) => change.mutate({ [name]: event.target.checked })} />
          </label>
        )) : <Loading rows={4} />}
        <p className="field-hint">{t("Recalls and emergencies are told in any case.")}</p>
      </div>
    </Panel>
  );
}

function PushSwitch(): ReactNode {
  const tell = useTell();
  const [push, setPush] = useState<Push | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => void readPush().then(setPush, () => setPush("unsupported")), []);
  const words: Record<Push, string> = {
    unsupported: t("This browser shows no notices while the app is closed."),
    "off-here": t("The operator has not switched on notices to browsers."),
    denied: t("Notices are forbidden for this page in the browser's settings."),
    off: t("This browser is not told while the app is closed."),
    on: t("This browser is told while the app is closed."),
  };
  return (
    <>
      <label className="switch">
        <span>{t("Notices on this phone")}</span>
        <input
          type="checkbox"
          role="switch"
          checked={push === "on"}
          disabled={busy || (push !== "on" && push !== "off")}
          onChange={(event) => {
            setBusy(true);
            (event.target.checked ? subscribe() : unsubscribe()).then(setPush, (error: unknown) => tell.bad(error)).finally(() => setBusy(false));
          }}
        />
      </label>
      <p className="field-hint" role="status">{push ? words[push] : t("Loading")}</p>
    </>
  );
}

const SoundSwitch = (): ReactNode => (
  <label className="switch">
    <span>{t("Sound of a new assignment")}</span>
    <input type="checkbox" role="switch" checked={useSound()} onChange={(event) => setSound(event.target.checked)} />
  </label>
);

function Look(): ReactNode {
  const { language, theme } = usePreferences();
  const change = (value: "id" | "en") => {
    setPreferences({ language: value });
    void take(api.PATCH("/api/me", { body: { language: value } })).catch(() => undefined); // notices are told in it too
  };
  return (
    <>
      <Field label={t("Language")}>{() => <Choice label={t("Language")} value={language} options={[["id", "Indonesia"], ["en", "English"]]} onChange={change} />}</Field>
      <Field label={t("Appearance")}>{() => <Choice label={t("Appearance")} value={theme} options={[["system", t("Automatic")], ["light", t("Light")], ["dark", t("Dark")]]} onChange={(value) => setPreferences({ theme: value })} />}</Field>
    </>
  );
}
