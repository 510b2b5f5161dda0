/** The small parts that every page is made of. */
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { useId } from "react";
import { t } from "../i18n/index.ts";
import { ago, moment } from "../i18n/time.ts";
import { useNow } from "../live/live.ts";

export type Tone = "plain" | "ok" | "warn" | "bad" | "info";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: "plain" | "main" | "bad" | "quiet";
  /** the key that does the same, shown on the button */
  hotkey?: string;
  busy?: boolean;
};

export function Button({ look = "plain", hotkey, busy, children, className = "", disabled, ...rest }: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      className={`button button-${look} ${className}`}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      aria-keyshortcuts={hotkey}
      {...rest}
    >
      {children}
      {hotkey && <Key>{hotkey}</Key>}
    </button>
  );
}

export const Key = ({ children }: { children: ReactNode }): ReactNode => (
  <kbd className="key" aria-hidden>
    {children}
  </kbd>
);

export const Badge = ({ tone = "plain", children, title }: { tone?: Tone; children: ReactNode; title?: string }): ReactNode => (
  <span className={`badge tone-${tone}`} title={title}>
    {children}
  </span>
);

/** What a machine wrote, in its own English, below the people's words: small, and read out as English. */
export const Technical = ({ children }: { children: string | null | undefined }): ReactNode =>
  children ? (
    <small className="technical" lang="en">
      {children}
    </small>
  ) : null;

/** A number plate as it hangs on a vehicle. Text only: what a camera claims to have read is never markup. */
export function Plate({ text, size = "md", struck }: { text: string | null | undefined; size?: "sm" | "md" | "lg"; struck?: boolean }): ReactNode {
  if (!text) return <span className={`plate plate-${size} plate-none`}>{t("no plate")}</span>;
  return <span className={`plate plate-${size}${struck ? " plate-struck" : ""}`}>{spaced(text)}</span>;
}

/** B1234XYZ → B 1234 XYZ; anything else stays as it came. */
export function spaced(plate: string): string {
  const parts = /^([A-Z]{1,3})(\d{1,5})([A-Z]{0,3})$/.exec(plate);
  return parts ? parts.slice(1).filter(Boolean).join(" ") : plate.slice(0, 40);
}

/** As maps take it: with a point, whatever the language. */
export const position = (latitude: number, longitude: number): string => `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;

/** A time with how long ago it was; the exact one on hover. */
export function Ago({ at }: { at: string | null | undefined }): ReactNode {
  const now = useNow(5000);
  if (!at) return <span className="muted">–</span>;
  return (
    <time className="ago" dateTime={at} title={moment(at)}>
      {ago(at, now)}
    </time>
  );
}

export const At = ({ at, shape = "full" }: { at: string | null | undefined; shape?: "full" | "time" | "short" | "date" }): ReactNode =>
  at ? (
    <time dateTime={at} title={moment(at)}>
      {moment(at, shape)}
    </time>
  ) : (
    <span className="muted">–</span>
  );

/** A camera by its name, with its place where that says more. */
export function Where({ device }: { device: { code: string; name?: string | null; location?: string | null } }): ReactNode {
  const name = device.name || device.code;
  return (
    <>
      {name}
      <small>{device.location && device.location !== name ? device.location : device.code}</small>
    </>
  );
}

type FieldProps = { label: string; hint?: string; error?: string | undefined; children: (id: string, described: string | undefined) => ReactNode };

/** A labelled control: `children` gets the ids to put on it. */
export function Field({ label, hint, error, children }: FieldProps): ReactNode {
  const id = useId();
  const about = error || hint ? `${id}-about` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id, about)}
      {about && (
        <p id={about} className={error ? "field-error" : "field-hint"}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

/** Names and values side by side. */
export const Facts = ({ items }: { items: readonly (readonly [string, ReactNode])[] }): ReactNode => (
  <dl className="facts">
    {items.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value == null || value === "" ? <span className="muted">–</span> : value}</dd>
      </div>
    ))}
  </dl>
);

export function Panel({ title, aside, children, className = "" }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; className?: string }): ReactNode {
  return (
    <section className={`panel ${className}`}>
      {(title || aside) && (
        <header className="panel-head">
          {title && <h2>{title}</h2>}
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

/** One of a few, as buttons in a row. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange(value: T): void }): ReactNode {
  return (
    <div className="choice" role="group" aria-label={label}>
      {options.map(([option, text]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onChange(option)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** A hash by its ends; on paper all of it, where nobody can point at it. */
export const Sha256 = ({ of: hash }: { of: string }): ReactNode => (
  <>
    <span className="mono hash-short" title={hash}>{hash.slice(0, 12)}…{hash.slice(-6)}</span>
    <span className="mono print-only">{hash}</span>
  </>
);
