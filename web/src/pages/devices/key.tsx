/** A key that is shown once, and what to type where. */
import { Copy } from "lucide-react";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client.ts";
import { t } from "../../i18n/index.ts";
import { Button } from "../../ui/parts.tsx";
import { useTell } from "../../ui/toast.tsx";

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
      <p className="muted">{t("Then press the camera's test button. It counts as heard within seconds.")}</p>
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
