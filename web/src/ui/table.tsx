/** Tables of lists: a header that stays, rows that open on click or Enter, cards on a phone. */
import type { ReactNode } from "react";
import type { LucideIcon } from "lucide-react";
import { t } from "../i18n/index.ts";
import { Button } from "./parts.tsx";
import { Empty, Failure, Loading } from "./states.tsx";

export type Column<T> = {
  name: string;
  cell(row: T): ReactNode;
  /** numbers stand right */
  end?: boolean;
  /** takes what is left, and wraps */
  wide?: boolean;
  /** prose of unknown length: wraps */
  prose?: boolean;
};

type ListState<T> = {
  rows: T[] | undefined;
  error: unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage(): unknown;
  refetch(): unknown;
};

type Props<T> = {
  label: string;
  columns: readonly Column<T>[];
  list: ListState<T>;
  keyOf(row: T): string | number;
  onOpen?: (row: T) => void;
  openLabel?: (row: T) => string;
  toneOf?: (row: T) => string | undefined;
  empty: { icon: LucideIcon; title: string; text?: string };
};

export function ListTable<T>({ label, columns, list, keyOf, onOpen, openLabel, toneOf, empty }: Props<T>): ReactNode {
  if (list.rows === undefined) return list.error ? <Failure error={list.error} again={() => void list.refetch()} /> : <Loading rows={10} />;
  if (list.rows.length === 0)
    return (
      <Empty icon={empty.icon} title={empty.title}>
        {empty.text}
      </Empty>
    );
  return (
    <>
      <div className="table-frame" tabIndex={0} role="region" aria-label={label}>
        <table className="table">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.name} scope="col" className={classOf(column)}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {list.rows.map((row) => (
              <tr key={keyOf(row)} data-tone={toneOf?.(row)} className={onOpen ? "row-opens" : undefined} onClick={onOpen && (() => onOpen(row))}>
                {columns.map((column, index) => (
                  <td key={column.name} data-name={column.name} className={classOf(column)}>
                    {index === 0 && onOpen ? (
                      <button
                        type="button"
                        className="row-button"
                        onClick={(event) => {
                          event.stopPropagation();
                          onOpen(row);
                        }}
                      >
                        {column.cell(row)}
                        {openLabel && <span className="sr-only"> {openLabel(row)}</span>}
                      </button>
                    ) : (
                      <div>{column.cell(row)}</div>
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {list.hasNextPage && (
        <div className="more">
          <Button onClick={() => void list.fetchNextPage()} busy={list.isFetchingNextPage}>
            {t("Show more")}
          </Button>
        </div>
      )}
    </>
  );
}

function classOf<T>(column: Column<T>): string | undefined {
  return [column.end && "end", column.wide && "wide", column.prose && "prose"].filter(Boolean).join(" ") || undefined;
}
