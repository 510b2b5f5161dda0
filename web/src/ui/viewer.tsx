/** One picture, large: fitted, or enlarged and moved by wheel, drag and keys. Zoom belongs to whoever shows it. */
import { ImageOff } from "lucide-react";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { t } from "../i18n/index.ts";
import { type Picture, usePicture } from "./pictures.ts";

type Props = { picture: Picture | undefined; violation?: number; alt: string; zoom: number; onZoom(zoom: number): void };
export const ZOOMS = [1, 2, 3, 5] as const;

export function Viewer({ picture, violation, alt, zoom, onZoom }: Props): ReactNode {
  const url = usePicture(picture, violation);
  const frame = useRef<HTMLDivElement>(null);
  const drag = useRef<{ x: number; y: number } | null>(null);
  const [at, setAt] = useState({ x: 0.5, y: 0.5 });
  useLayoutEffect(() => setAt({ x: 0.5, y: 0.5 }), [picture?.sha256]);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      setAt({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
      onZoom(Math.min(8, Math.max(1, zoom * (event.deltaY < 0 ? 1.25 : 0.8))));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [zoom, onZoom]);

  return (
    <div
      ref={frame}
      className="viewer"
      onPointerDown={(event) => {
        if (zoom > 1) {
          drag.current = { x: event.clientX, y: event.clientY };
          event.currentTarget.setPointerCapture(event.pointerId);
        }
      }}
      onPointerMove={(event) => {
        const from = drag.current;
        if (!from) return;
        const box = event.currentTarget.getBoundingClientRect();
        setAt((now) => ({
          x: clamp(now.x - (event.clientX - from.x) / (box.width * (zoom - 1))),
          y: clamp(now.y - (event.clientY - from.y) / (box.height * (zoom - 1))),
        }));
        drag.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerUp={() => void (drag.current = null)}
      onDoubleClick={() => onZoom(zoom > 1 ? 1 : 3)}
    >
      {typeof url === "string" && (
        <img src={url} alt={alt} draggable={false} style={{ transformOrigin: `${at.x * 100}% ${at.y * 100}%`, transform: `scale(${zoom})` }} />
      )}
      {(url instanceof Error || !picture) && (
        <p className="viewer-none">
          <ImageOff size={28} strokeWidth={1.5} aria-hidden />
          {picture?.state === "pending" ? t("The picture is still being fetched from the camera") : t("There is no picture")}
        </p>
      )}
    </div>
  );
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** A picture at its own size, for crops and strips. */
export function Thumb({ picture, violation, alt }: { picture: Picture | undefined; violation?: number; alt: string }): ReactNode {
  const url = usePicture(picture, violation);
  return <span className="thumb">{typeof url === "string" ? <img src={url} alt={alt} /> : url instanceof Error || !picture ? <ImageOff size={16} aria-label={t("There is no picture")} /> : null}</span>;
}
