/** A page that fails while it is drawn takes nothing else with it: the frame, alarms and the stop stay. */
import { Component, type ReactNode } from "react";
import { RefreshCw, TriangleAlert } from "lucide-react";
import { t } from "../i18n/index.ts";
import { Button } from "./parts.tsx";

export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="state state-bad" role="alert">
        <TriangleAlert size={32} strokeWidth={1.5} aria-hidden />
        <h2>{t("This page cannot be shown")}</h2>
        <p className="muted">{t("It may have been renewed meanwhile: load it again. If that does not help, tell the operator.")}</p>
        <Button look="main" onClick={() => location.reload()}>
          <RefreshCw size={16} aria-hidden />
          {t("Load again")}
        </Button>
      </div>
    );
  }
}
