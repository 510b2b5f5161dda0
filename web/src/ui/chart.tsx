/** A time series on uPlot, in the colours of the tokens; drawn anew when the theme changes. */
import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { number } from "../i18n/index.ts";
import { usePreferences, ZONES } from "../i18n/language.ts";
import { moment } from "../i18n/time.ts";

export type Series = { name: string; values: number[]; token: string; look: "bars" | "line"; scale?: "y" | "y2" };
type Props = { label: string; at: number[]; series: Series[]; height?: number };

export function Chart({ label, at, series, height = 220 }: Props): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const { zone, theme, language } = usePreferences();
  const data = JSON.stringify([at, series]);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      const colour = (token: string) => resolved(element, token);
      const ink = colour("--ink-2");
      const axis = { stroke: ink, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(element).fontFamily}` };
      plot = new uPlot(
        {
          width: element.clientWidth,
          height,
          legend: { show: false },
          cursor: { y: false, points: { size: 6 } },
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONES[zone]),
          scales: { x: { time: true, range: (_, min, max) => [min - 1800, max + 1800] }, y: { range: (_, __, max) => [0, Math.max(4, max * 1.15)] }, y2: { range: (_, __, max) => [0, Math.max(4, max * 1.15)] } },
          axes: [
            { ...axis, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => moment(tick * 1000, "minute")), space: 64 },
            { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => number(tick)), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000] },
          ],
          series: [
            {},
            ...series.map((one) => ({
              label: one.name,
              scale: "y",
              stroke: colour(one.token),
              width: one.look === "line" ? 2 : 0,
              fill: one.look === "bars" ? colour(one.token) : undefined,
              points: { show: false },
              ...(one.look === "bars" ? { paths: uPlot.paths.bars!({ size: [0.62, 40], radius: 0.12 }) } : {}),
            })) as uPlot.Series[],
          ],
        },
        [at, ...series.map((one) => one.values)],
        element,
      );
    };
    draw();
    const resize = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      resize.disconnect();
      dark.removeEventListener("change", draw);
      plot?.destroy();
    };
    // the figures as text: a new list with the same figures draws nothing anew
  }, [data, zone, theme, language, height]);

  return (
    <figure className="chart">
      <div ref={host} style={{ minHeight: height }} aria-hidden />
      <figcaption>
        {series.map((one) => (
          <span key={one.name} className="chart-key">
            <i style={{ background: `var(${one.token})` }} />
            {one.name}
          </span>
        ))}
      </figcaption>
      <table className="sr-only">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{label}</th>
            {series.map((one) => (
              <th key={one.name} scope="col">{one.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at.map((seconds, index) => (
            <tr key={seconds}>
              <th scope="row">{moment(seconds * 1000, "minute")}</th>
              {series.map((one) => (
                <td key={one.name}>{one.values[index]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

/** What a token is right now: canvas knows no light-dark(). */
function resolved(element: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  element.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
