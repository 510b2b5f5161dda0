/** Small parts of the app's pages. */
import { Camera, ImageOff } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { t } from "../i18n/index.ts";
import { number } from "../i18n/index.ts";
import { Badge } from "../ui/parts.tsx";
import { called, here, toned } from "./words.ts";

export const Map = lazy(() => import("../map/map.tsx"));
export const MapFrame = ({ children }: { children: ReactNode }): ReactNode => (
  <div className="app-map">
    <Suspense fallback={<div className="app-map-wait" aria-busy="true" />}>{children}</Suspense>
  </div>
);

export const State = ({ table, code }: { table: "report" | "assignment" | "incident" | "camera"; code: string }): ReactNode => <Badge tone={toned(table, code)}>{called(table, code)}</Badge>;

/** A picture of the server's; what cannot be loaded says so and takes the same room. */
export function Shot({ address, text, className = "" }: { address: string | null | undefined; text: string; className?: string }): ReactNode {
  const src = here(address);
  const [broken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [src]);
  return (
    <div className={`shot ${className}`}>
      {src && !broken ? (
        <img src={src} alt={text} loading="lazy" decoding="async" onError={() => setBroken(true)} />
      ) : (
        <span className="shot-none">
          {src ? <ImageOff size={24} aria-hidden /> : <Camera size={24} aria-hidden />}
          {src ? t("Picture cannot be loaded now") : t("No picture")}
        </span>
      )}
    </div>
  );
}

export function far(metres: number | null | undefined): string {
  if (metres == null) return "–";
  return metres < 950 ? t("{n} m", { n: number(Math.round(metres / 10) * 10) }) : t("{n} km", { n: number(metres / 1000, 1) });
}

export const soon = (minutes: number | null | undefined): string => (minutes == null ? "–" : minutes < 1 ? t("under 1 min") : t("about {n} min", { n: number(Math.round(minutes)) }));

/** Takes a picture with the camera, or one from the gallery. */
export function PickFile({ accept, camera, children, onFile, disabled }: { accept: string; camera?: boolean; children: ReactNode; onFile(file: File): void; disabled?: boolean }): ReactNode {
  return (
    <label className={`button pick${disabled ? " pick-off" : ""}`}>
      {children}
      <input
        type="file"
        className="sr-only"
        accept={accept}
        disabled={disabled}
        {...(camera ? { capture: "environment" as const } : {})}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) onFile(file);
        }}
      />
    </label>
  );
}
