/** A key that is shown once, and what to type where. */
import { useQuery } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api, type Schemas, take } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { Manual } from "../../ui/manual.tsx";
import { Badge, Button } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";
import { said } from "../../ui/words.ts";

export function KeySteps({ made }: { made: Schemas["DeviceKey"] }): ReactNode {
  const port = location.port || (location.protocol === "https:" ? "443" : "80");
  return (
    <section className="key-steps" role="status">
      <p className="review-attention">{t("This key is shown only now. Type it into the camera before you close.")}</p>
      <ol>
        <Line name={t("Server address")} value={location.hostname} />
        <Line name={t("Port")} value={port} />
        <Line name={t("Protocol")} value={location.protocol === "https:" ? "HTTPS" : "HTTP"} />
        <Line name={t("URL, where the menu can set a header")} value={made.path} />
        <Line name={t("The header")} value={made.header} />
        <Line name={t("URL, where it cannot")} value={made.path_with_key} />
      </ol>
      <p className="key-heard">
        <span className="muted">{t("Then let the camera send an event or a heartbeat. This changes within seconds:")}</span>
        <Heard made={made} />
      </p>
      <Steps maker={made.maker} />
    </section>
  );
}

/** Whether anything came from the device since this key was made. */
function Heard({ made }: { made: Schemas["DeviceKey"] }): ReactNode {
  const [since] = useState(() => Date.now());
  const found = useQuery({
    queryKey: ["devices", "heard", made.device_code],
    queryFn: () => take(api.GET("/api/devices", { params: { query: { maker: made.maker, limit: 200 } } })),
    refetchInterval: 2000,
  });
  const seen = found.data?.data.find((one) => one.device_code === made.device_code)?.last_seen;
  return seen && Date.parse(seen) > since ? <Badge tone="ok">{t("Heard")}</Badge> : <Badge tone="warn">{t("Not heard yet")}</Badge>;
}

/** What to do in this make's own menu, from its manual. */
export function Steps({ maker }: { maker: string }): ReactNode {
  const steps = useQuery({ queryKey: ["steps", maker], queryFn: () => take(api.GET("/api/makers/{maker}/steps", { params: { path: { maker } } })), staleTime: Infinity });
  if (!steps.data?.steps) return null;
  return (
    <section lang="en">
      <h3 className="dialog-part" lang={document.documentElement.lang}>{t("The menu of {maker}", { maker: said("maker", maker) })}</h3>
      <Manual text={steps.data.steps} />
    </section>
  );
}

function Line({ name, value }: { name: string; value: string }): ReactNode {
  const tell = useTell();
  return (
    <li>
      <span className="label">{name}</span>
      <span className="key-value">
        <code className="mono">{value}</code>
        <Button look="quiet" aria-label={t("Copy: {name}", { name })} onClick={() => void navigator.clipboard.writeText(value).then(() => tell.ok(t("Copied")), () => tell.bad(t("The browser does not let us copy here")))}>
          <Copy size={16} aria-hidden />
        </Button>
      </span>
    </li>
  );
}
