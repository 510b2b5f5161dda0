/** Pictures of evidence, fetched once with the session's cookie and kept as object URLs while they may be looked at. */
import { useEffect, useState } from "react";
import { blobUrl, type Schemas } from "../api/client.ts";

const KEPT = 60;
const known = new Map<string, Promise<string>>();

export type Picture = Schemas["Picture"];

function addressOf(picture: Picture, violation: number | undefined): string | null {
  if (picture.state !== "stored" || !picture.url) return null;
  const url = new URL(picture.url, location.origin);
  if (url.origin !== location.origin) return null;
  if (violation !== undefined) url.searchParams.set("violation", String(violation));
  return url.pathname + url.search;
}

/** Fetch a picture now, so that it is there when it is shown. */
export function fetchPicture(picture: Picture, violation?: number): Promise<string> | null {
  const address = addressOf(picture, violation);
  if (!address) return null;
  const key = picture.sha256 ?? address;
  let found = known.get(key);
  if (!found) {
    found = blobUrl(address).then(async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode().catch(() => undefined);
      return url;
    });
    found.catch(() => known.delete(key));
  }
  known.delete(key);
  known.set(key, found);
  for (const [old, url] of known) {
    if (known.size <= KEPT) break;
    known.delete(old);
    void url.then((address) => URL.revokeObjectURL(address)).catch(() => undefined);
  }
  return found;
}

/** The picture's object URL; null while it is fetched, an Error when it cannot be. */
export function usePicture(picture: Picture | undefined, violation?: number): string | Error | null {
  const key = picture?.sha256 ?? picture?.url ?? "";
  const [shown, setShown] = useState<{ key: string; url: string | Error } | null>(null);
  useEffect(() => {
    if (!picture) return;
    let wanted = true;
    const show = (url: string | Error) => wanted && setShown({ key, url });
    const fetched = fetchPicture(picture, violation);
    if (!fetched) show(new Error(picture.why ?? picture.state));
    else fetched.then(show, (error: unknown) => show(error instanceof Error ? error : new Error(String(error))));
    return () => void (wanted = false);
    // a picture never changes: its hash is all that matters
  }, [key, violation]);
  return shown?.key === key ? shown.url : null;
}
