/** Lists of the API that go on by cursor. */
import { useInfiniteQuery } from "@tanstack/react-query";

export type Page<T> = { data: T[]; pagination: { next_cursor?: string | null } };

/**
 * A list, page after page. `key` names it with its filters; `load` asks for the page behind a cursor.
 * `every` asks again after so many milliseconds, as long as only the first page is shown.
 */
export function useList<T>(
  key: readonly unknown[],
  load: (cursor: string | undefined) => Promise<Page<T>>,
  options: { enabled?: boolean; every?: number } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.pagination.next_cursor ?? undefined,
    enabled: options.enabled ?? true,
    refetchInterval: (asked) => ((asked.state.data?.pages.length ?? 0) <= 1 ? (options.every ?? false) : false),
  });
  return { ...query, rows: query.data?.pages.flatMap((page) => page.data) };
}

export type NumberedPage<T> = { data: T[]; pagination: { page: number; total_pages: number } };

/** The same for lists of the API that go on by page number. */
export function useNumbered<T>(key: readonly unknown[], load: (page: number) => Promise<NumberedPage<T>>, options: { every?: number } = {}) {
  return useList<T>(
    key,
    async (cursor) => {
      const { data, pagination } = await load(Number(cursor ?? 1));
      const following = pagination.page < pagination.total_pages ? String(pagination.page + 1) : null;
      return { data, pagination: { next_cursor: following } };
    },
    options,
  );
}
