/** Marks that would lie on each other, as one: by distance on the screen, in the order in which they come. Pure. */
export type Cluster<T> = { members: T[]; x: number; y: number };

/** `at` gives a mark's place in pixels; marks closer than `radius` to a cluster's first one join it. */
export function clustered<T>(marks: readonly T[], at: (mark: T) => { x: number; y: number }, radius: number): Cluster<T>[] {
  const cells = new Map<string, Cluster<T>[]>();
  const all: Cluster<T>[] = [];
  for (const mark of marks) {
    const { x, y } = at(mark);
    const column = Math.floor(x / radius);
    const row = Math.floor(y / radius);
    let joined: Cluster<T> | undefined;
    for (let dx = -1; dx <= 1; dx++)
      for (let dy = -1; dy <= 1; dy++)
        joined ??= cells.get(`${column + dx} ${row + dy}`)?.find((one) => Math.hypot(one.x - x, one.y - y) < radius);
    if (joined) {
      joined.members.push(mark);
      continue;
    }
    const made = { members: [mark], x, y };
    const key = `${column} ${row}`;
    cells.set(key, [...(cells.get(key) ?? []), made]);
    all.push(made);
  }
  return all;
}
